#!/bin/sh
#
# Get the program: $home/bin/depaudit, and on the PATH of later steps.
#
#   INPUT_RUN        begin, audit or merge
#   INPUT_BINARY     a program that is there already, by its path or its name
#   INPUT_CHECKSUMS  lines of SHA256SUMS; by default those of release/pinned
#   INPUT_DOWNLOAD   URL of the directory that has the programs, a mirror; the
#                    digest is checked wherever they come from
#
# A program that is there with the right digest is not downloaded again; one that
# was changed since is replaced.

. "$(dirname "$0")/lib.sh"

releases=https://github.com/depaudit/depaudit/releases/download
other="Or name a program that is there: \`binary: PATH\`."

main() {
    case ${INPUT_RUN:-audit} in
    begin | audit | merge) ;;
    *) fail 2 "run: $INPUT_RUN is none of begin, audit and merge" ;;
    esac
    mkdir -p "$home/bin"
    if [ -n "${INPUT_BINARY:-}" ]; then
        local_program
    else
        released_program
    fi
    # A program for another system, or none at all, has no version.
    if ! line=$("$bin" --version 2>&1) || [ "${line#depaudit }" = "$line" ]; then
        fail 4 "$bin is not depaudit, or does not run here: $line"
    fi
    echo "$line"
    # As this step sees it: in a container job, ${{ runner.temp }} is another path.
    output home "$home"
    [ -z "${GITHUB_PATH:-}" ] || printf '%s\n' "$home/bin" >>"$GITHUB_PATH"
}

local_program() {
    found=$(command -v "$INPUT_BINARY") || fail 2 "binary: there is no program $INPUT_BINARY" "Build or download it in a step before, or leave the input out."
    case $found in
    */*) ;;
    *) fail 2 "binary: $INPUT_BINARY is a word of the shell and not a file" ;;
    esac
    [ "$found" = "$bin" ] || cp "$found" "$bin"
    chmod 755 "$bin"
}

released_program() {
    platform=$(platform)
    checksums
    # awk compares names as texts: nothing in an input is a pattern.
    found=$(printf '%s\n' "$sums" | tr -d '\r' | awk -v platform="$platform$exe" '
        /^[[:space:]]*(#|$)/ { next }
        { name = $2; sub(/^\*/, "", name); n = split(name, part, "_") }
        NF == 2 && n == 4 && part[1] == "depaudit" && part[3] "_" part[4] == platform { print $1, part[2], name }')
    case $found in
    '') fail 2 "$source has no program for $platform" "$other" ;;
    *"$newline"*) fail 2 "$source has several programs for $platform" "Leave the lines of one version." ;;
    esac
    read -r want version name <<END
$found
END
    hexadecimal "$want" || fail 2 "$source: $want is not a SHA-256 in 64 hexadecimal digits"
    case $version in
    *[!0-9A-Za-z.+-]*) fail 2 "$source: $version is not a version" ;;
    esac
    if [ -f "$bin" ] && [ "$(digest "$bin")" = "$want" ]; then
        return
    fi
    url=${INPUT_DOWNLOAD:-$releases/v$version}/$name
    part=$home/bin/part$exe
    rm -f "$bin" "$part"
    trap 'rm -f "$part"' EXIT
    download "$url" "$part"
    [ -f "$part" ] || fail 4 "$url: nothing was downloaded"
    got=$(digest "$part")
    if [ "$got" != "$want" ]; then
        fail 4 "$url has the digest $got, and $source has $want: it was not started" "It is not the program of the release, or the download was cut off. Try once more; if it stays, report it."
    fi
    chmod 755 "$part"
    mv "$part" "$bin"
}

# checksums sets sums and where they are from.
checksums() {
    if [ -n "${INPUT_CHECKSUMS:-}" ]; then
        sums=$INPUT_CHECKSUMS source="the input checksums"
    else
        source=release/pinned
        sums=$(cat "$(dirname "$0")/../pinned")
    fi
    if ! printf '%s\n' "$sums" | grep -q '^[^#]'; then
        fail 2 "$source names no release" "Use a tag of a release, or paste the lines of SHA256SUMS of one: \`checksums: |\`. $other"
    fi
}

# platform prints the name of this one in the names of the programs.
platform() {
    # https://docs.github.com/en/actions/reference/workflows-and-actions/variables
    # has the words of RUNNER_OS and RUNNER_ARCH; the others are of uname.
    os=${RUNNER_OS:-$(uname -s)} arch=${RUNNER_ARCH:-$(uname -m)}
    case $os in
    Linux) system=linux ;;
    macOS | Darwin) system=darwin ;;
    Windows | MINGW* | MSYS*) system=windows ;;
    *) fail 2 "there is no program for the system $os" "$other" ;;
    esac
    case $arch in
    X64 | x86_64 | amd64) echo "${system}_amd64" ;;
    ARM64 | aarch64 | arm64) echo "${system}_arm64" ;;
    *) fail 2 "there is no program for $os on $arch" "$other" ;;
    esac
}

# download URL FILE
download() {
    echo "downloading $1"
    if command -v curl >/dev/null; then
        curl --fail --silent --show-error --location --retry 3 --connect-timeout 30 --max-time 600 --max-filesize 300000000 --output "$2" -- "$1" ||
            fail 4 "$1 cannot be downloaded: curl ended with the exit code $?"
    elif command -v wget >/dev/null; then
        wget -q -T 60 -O "$2" -- "$1" || fail 4 "$1 cannot be downloaded: wget ended with the exit code $?"
    else
        fail 4 "no curl or wget, so that depaudit cannot be downloaded" "Install curl and ca-certificates in the image of this job. $other"
    fi
}

main

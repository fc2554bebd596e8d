#!/usr/bin/env bash
#
# Compare depaudit with the floor and with two scanners on one root file system
# or one image, in turn and warm, and print a Markdown table.
#
#   compare.sh ROOT DEPAUDIT [ROUNDS]
#
# ROOT is a root file system, or an OCI layout with one image of gzip layers that
# image.sh made of a complete root; DEPAUDIT the binary. ROUNDS (5) rounds run every command once each, after a
# round that is not counted.
#
#   find      find ROOT -type f: one walk and nothing else, the floor
#   pigz      pigz -dc of every layer, one after the other: the floor of an image
#   gunzip    the same by Go's own compress/gzip
#   depaudit  depaudit scan, all of it, the child process included; an image
#             without the cache of layers
#   cached    depaudit scan of an image whose layers are in the cache
#   scalibr   osv-scalibr 0.5.3: its default plugins, without network
#   syft      syft 1.54.1: the catalogers that it gives to images, without its
#             file catalogers and digests and without the look for a new version
#
# Wall and CPU (user and system, all processes) are in seconds. On a busy machine
# only CPU is comparable. Peak is the largest resident set of any one process of
# the command, in MiB (GNU time). The ratio is wall against depaudit's: the
# median of the rounds. Components are what each tool reports with these
# settings, by its own rules.
#
# scalibr and syft are built from their modules on first use, which takes
# minutes. Needs go, python3 and GNU time, for an image also jq, pigz and
# skopeo. Run it on an idle machine.
#
#   DEPAUDIT_BENCH_BIN   directory of scalibr and syft (default: in the user's cache)
#   DEPAUDIT_BENCH_ONLY  what to run (default: "find depaudit scalibr syft",
#                        for an image "pigz gunzip depaudit cached scalibr syft")
#   DEPAUDIT_BENCH_RAW   file that every single measurement is appended to

set -euo pipefail
export LC_ALL=C # a dot in numbers, whatever the user's language

usage() {
    sed -n '3,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
}

[ $# -ge 2 ] || usage
root=$(cd "$1" && pwd -P)
depaudit=$2
rounds=${3:-5}
bin=${DEPAUDIT_BENCH_BIN:-${XDG_CACHE_HOME:-$HOME/.cache}/depaudit-bench}
image=false
[ ! -e "$root/index.json" ] || image=true
if $image; then
    only=${DEPAUDIT_BENCH_ONLY:-pigz gunzip depaudit cached scalibr syft}
else
    only=${DEPAUDIT_BENCH_ONLY:-find depaudit scalibr syft}
fi
raw=${DEPAUDIT_BENCH_RAW:-/dev/null}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

layers=()
if $image; then
    export XDG_CACHE_HOME=$work/cache
    blob() { echo "$root/blobs/${1/://}"; }
    manifest=$(jq -er '.manifests | if length == 1 then .[0].digest else error("one image is expected") end' "$root/index.json")
    for digest in $(jq -r '.layers[].digest' "$(blob "$manifest")"); do
        layers+=("$(blob "$digest")")
    done
    (cd "$(dirname "${BASH_SOURCE[0]}")/gunzip" && go build -o "$work/gunzip" .)
fi

command_of() {
    case $1 in
    find) command=(find "$root" -type f) ;;
    pigz) command=(pigz -dc "${layers[@]}") ;;
    gunzip) command=("$work/gunzip" "${layers[@]}") ;;
    depaudit)
        command=("$depaudit" scan "dir:$root" -o json)
        ! $image || command=("$depaudit" scan --no-cache "oci-dir:$root" -o json)
        ;;
    cached) command=("$depaudit" scan "oci-dir:$root" -o json) ;;
    scalibr)
        peer scalibr github.com/google/osv-scalibr/binary/scalibr@v0.5.3
        if $image; then
            [ -e "$work/image.tar" ] || skopeo copy -q "oci:$root" "docker-archive:$work/image.tar:bench:latest" >&2
            command=("$bin/scalibr" --offline --image-tarball "$work/image.tar" -o "cdx-json=$work/scalibr.out")
            return
        fi
        command=("$bin/scalibr" --offline --root "$root" -o "cdx-json=$work/scalibr.out")
        ;;
    syft)
        peer syft github.com/anchore/syft/cmd/syft@v1.54.1
        export SYFT_CHECK_FOR_APP_UPDATE=false SYFT_FILE_METADATA_SELECTION=none
        if $image; then
            command=("$bin/syft" scan --quiet "oci-dir:$root" --select-catalogers=-file -o "syft-json=$work/syft.out")
            return
        fi
        command=("$bin/syft" scan --quiet "dir:$root" --base-path "$root"
            --override-default-catalogers image --select-catalogers=-file -o "syft-json=$work/syft.out")
        ;;
    *) usage ;;
    esac
}

# peer NAME MODULE@VERSION builds a scanner unless it is there. Outside of any
# module, so that this project's requirements do not change the peer's.
peer() {
    [ -x "$bin/$1" ] || (cd "$work" && GOBIN=$bin go install "$2")
}

# components NAME: what the tool's last output lists; nothing for find.
components() {
    case $1 in find | pigz | gunzip) echo -n - && return ;; esac
    python3 - "$1" "$work/$1.out" <<'PYTHON'
import json, sys
name, file = sys.argv[1:]
data = json.load(open(file))
print({
    "depaudit": lambda: data["stages"][0]["counts"]["total"],
    "cached": lambda: data["stages"][0]["counts"]["total"],
    "scalibr": lambda: len(data.get("components") or []),
    "syft": lambda: len(data.get("artifacts") or []),
}[name](), end="")
PYTHON
}

# run NAME: runs it once; sets wall and cpu (microseconds), peak (KiB) and status.
run() {
    command_of "$1"
    local output=$work/$1.stdout start
    case $1 in
    depaudit | cached) output=$work/$1.out ;;
    pigz | gunzip) output=/dev/null ;;
    esac
    status=0
    start=${EPOCHREALTIME/./}
    /usr/bin/time -q -o "$work/time" -f '%M %U %S' "${command[@]}" >"$output" 2>"$work/$1.err" </dev/null || status=$?
    wall=$((${EPOCHREALTIME/./} - start))
    read -r peak cpu < <(tail -n 1 "$work/time" | awk '{ printf "%d %d\n", $1, ($2 + $3) * 1e6 }')
}

remark=
for ((round = 0; round <= rounds; round++)); do
    for name in $only; do
        run "$name"
        if [ $status -gt 3 ] || { [ "$name" != depaudit ] && [ "$name" != cached ] && [ $status -ne 0 ]; }; then
            echo "compare: $name failed with $status:" >&2
            tail -n 5 "$work/$name.err" >&2
            exit 1
        fi
        echo "round $round $name ${wall} us ${cpu} us cpu ${peak} KiB exit $status" >>"$raw"
        [ $round -eq 0 ] || echo "$wall $peak $cpu" >>"$work/$name.runs"
        [ $status -eq 0 ] || remark="depaudit ended with $status: its findings about the root prevent a pass and not the measurement."
    done
done

# statistic NAME COLUMN min|median|max
statistic() {
    cut -d' ' -f"$2" "$work/$1.runs" | sort -n | awk -v want="$3" '
        { value[NR] = $1 }
        END {
            if (want == "min") print value[1]
            else if (want == "max") print value[NR]
            else if (NR % 2) print value[(NR + 1) / 2]
            else print (value[NR / 2] + value[NR / 2 + 1]) / 2
        }'
}

base=
case " $only " in *" depaudit "*) base=$(statistic depaudit 1 median) ;; esac

if $image; then
    what="${#layers[@]} layers, $(cat "${layers[@]}" | wc -c) bytes"
else
    what="$(find "$root" -type f | wc -l) files"
fi
echo "$what, $(nproc) processors, $rounds rounds, warm"
echo
echo "| | wall, min | wall, median | against depaudit | CPU, median | peak memory | components |"
echo "|---|---:|---:|---:|---:|---:|---:|"
for name in $only; do
    median=$(statistic "$name" 1 median)
    awk -v name="$name" -v min="$(statistic "$name" 1 min)" -v median="$median" -v base="$base" \
        -v peak="$(statistic "$name" 2 max)" -v cpu="$(statistic "$name" 3 median)" -v components="$(components "$name")" 'BEGIN {
            ratio = base ? sprintf("%.2f x", median / base) : "-"
            printf "| %s | %.2f s | %.2f s | %s | %.2f s | %.0f MiB | %s |\n", name, min / 1e6, median / 1e6, ratio, cpu / 1e6, peak / 1024, components
        }'
done
[ -z "$remark" ] || printf '\n%s\n' "$remark"

#!/usr/bin/env bash
#
# Build the stages of CPython's release pipeline as real Debian 12 root file
# systems, the case that depaudit is proved on.
#
#   build-roots.sh OUTDIR [source|docs|docs-small|test|all] ...
#
#   source      OUTDIR/build-source: minbase, python3-pip, the 41 locked Python
#               packages. The critical stage.
#   docs        OUTDIR/build-docs: that, the LaTeX of 2024 (texlive-full, 12 GB
#               with apt's cache, a quarter of an hour or more) and 18 Python
#               packages that no lock pins.
#   docs-small  OUTDIR/build-docs-small: the same with a small part of LaTeX.
#   test        OUTDIR/test-source: minbase and the -dev packages that CPython's
#               test suite is built against.
#   all         source, docs and test (the default).
#
# A stage that exists is not built again. Beside the stages, OUTDIR gets
# requirements.txt (the lock) and expected.json: what dpkg-query and pip, never
# depaudit, say about every stage in OUTDIR.
#
# Needs: root, debootstrap, python3, and a Debian mirror; no Python package
# index, because the Python packages are stand-ins (make-wheels.py).
#
#   DEPAUDIT_MIRROR      Debian mirror (http://deb.debian.org/debian)
#   DEPAUDIT_BASE_ROOTS  directory with roots to copy instead of installing again:
#                        "min" (fresh from debootstrap), "source", "docs",
#                        "docs-small", "test" (with the stage's Debian packages
#                        and before pip). Those that are there are used.

set -euo pipefail

suite=bookworm
mirror=${DEPAUDIT_MIRROR:-http://deb.debian.org/debian}
bases=${DEPAUDIT_BASE_ROOTS:-}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# python/release-tools, .github/workflows/source-and-docs-release.yml at
# commit b4272b4 (2024-04-29).
docs_debs=(latexmk texlive-xetex xindy texinfo texlive-latex-base
    texlive-fonts-recommended texlive-fonts-extra texlive-full)
docs_small_debs=(latexmk texinfo)
# The list proposed for test-source. Debian 12 has no libmpdec-dev.
test_debs=(build-essential pkg-config libb2-dev libbz2-dev libffi-dev
    libgdbm-dev libgdbm-compat-dev liblzma-dev libmpdec-dev libncurses5-dev
    libreadline6-dev libsqlite3-dev libssl-dev lzma lzma-dev tk-dev uuid-dev
    xvfb zlib1g-dev)

main() {
    case ${1:-} in
    '' | -*) usage ;;
    esac
    local out=$1
    shift
    [ $# -gt 0 ] || set -- all
    local stage
    for stage in "$@"; do
        case $stage in
        source | docs | docs-small | test | all) ;;
        *) usage ;;
        esac
    done
    [ "$(id -u)" = 0 ] || fail "must be root: debootstrap and chroot need it"
    umask 022
    mkdir -p "$out"
    out=$(cd "$out" && pwd)
    work=$(mktemp -d "$out/.building.XXXXXX")
    trap 'rm -rf --one-file-system "$work"' EXIT

    "$here/make-wheels.py" --out "$work/wheels/locked" --lock "$out/requirements.txt" "$here/requirements.in"
    "$here/make-wheels.py" --out "$work/wheels/docs" "$here/docs-requirements.in"

    for stage in "$@"; do
        case $stage in
        source) build_source ;;
        docs) build_docs build-docs docs "${docs_debs[@]}" ;;
        docs-small) build_docs build-docs-small docs-small "${docs_small_debs[@]}" ;;
        test) build_test ;;
        all)
            build_source
            build_docs build-docs docs "${docs_debs[@]}"
            build_test
            ;;
        esac
    done
    "$here/expected.py" "$out" >"$work/expected.json"
    mv "$work/expected.json" "$out/expected.json"
}

usage() {
    sed -n '3,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
}

fail() {
    echo "build-roots: $*" >&2
    exit 1
}

say() { echo "build-roots: $*" >&2; }

build_source() {
    local root=$work/build-source
    absent build-source || return 0
    debian_base "$root" source python3-pip
    pip_locked "$root"
    finish "$root"
}

# build_docs NAME BASE DEB...
build_docs() {
    local name=$1 base=$2 root=$work/$1
    shift 2
    absent "$name" || return 0
    debian_base "$root" "$base" python3-pip "$@"
    pip_locked "$root"
    pip_unlocked "$root"
    finish "$root"
}

build_test() {
    local root=$work/test-source
    absent test-source || return 0
    debian_base "$root" test "${test_debs[@]}"
    finish "$root"
}

absent() {
    [ -d "$out/$1" ] || return 0
    say "$1: exists, not built again"
    return 1
}

# A stage appears under its name only when it is whole.
finish() {
    mv "$1" "$out/"
    say "$(basename "$1"): built"
}

# debian_base ROOT BASE DEB... makes ROOT with the packages, from the prepared
# root BASE if there is one.
debian_base() {
    local root=$1 base=$2
    shift 2
    if [ -n "$bases" ] && [ -d "$bases/$base" ]; then
        say "$(basename "$root"): copying $bases/$base"
        cp -a "$bases/$base" "$root"
    else
        minbase
        cp -a "$min" "$root"
        local deb wanted=()
        for deb in "$@"; do
            if in_root "$root" apt-get install -qq --simulate --no-install-recommends "$deb" >/dev/null 2>&1; then
                wanted+=("$deb")
            else
                say "$(basename "$root"): the archive has no $deb, left out"
            fi
        done
        [ ${#wanted[@]} -gt 0 ] || fail "the archive at $mirror has none of: $*"
        in_root "$root" apt-get install -q -y --no-install-recommends "${wanted[@]}" >&2
    fi
    # debootstrap copies the builder's files with their modes; an executable
    # resolv.conf would be a property of the builder, not of the stage.
    chmod -f 644 "$root/etc/resolv.conf" "$root/etc/hostname" || true
}

# minbase sets min to a fresh Debian root, made once a run.
minbase() {
    min=$work/min
    [ ! -d "$min" ] || return 0
    if [ -n "$bases" ] && [ -d "$bases/min" ]; then
        min=$bases/min
        return 0
    fi
    debootstrap --variant=minbase "$suite" "$min" "$mirror" >&2
    in_root "$min" apt-get update -q >&2
}

# in_root runs a command in the root with a clean environment: the builder's
# pip settings and locale are not the stage's.
in_root() {
    local root=$1
    shift
    chroot "$root" /usr/bin/env -i \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
        "$@" </dev/null
}

# pip_install ROOT WHEELS ARGUMENT... runs the root's own pip on wheels that
# are only there meanwhile. SOURCE_DATE_EPOCH makes the byte code that pip
# writes independent of the time of the build.
pip_install() {
    local root=$1 wheels=$2
    shift 2
    mkdir "$root/tmp/pip"
    cp -r "$wheels" "$root/tmp/pip/wheels"
    cp "$out/requirements.txt" "$here/docs-requirements.in" "$root/tmp/pip/"
    in_root "$root" env SOURCE_DATE_EPOCH=1713139200 \
        python3 -m pip install --quiet --no-cache-dir --no-index --find-links /tmp/pip/wheels \
        --break-system-packages --root-user-action=ignore "$@" >&2
    rm -rf "$root/tmp/pip"
}

pip_locked() {
    pip_install "$1" "$work/wheels/locked" --require-hashes --no-deps -r /tmp/pip/requirements.txt
}

# With dependency resolution, as the project's own command has it: everything
# that the 18 need must be among the 41 and the 18.
pip_unlocked() {
    pip_install "$1" "$work/wheels/docs" -r /tmp/pip/docs-requirements.in
}

main "$@"

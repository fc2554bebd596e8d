#!/usr/bin/env bash
#
# Make images of different builders from a Debian root file system, for
# compare.sh.
#
#   image.sh ROOT OUTDIR
#
# ROOT must be complete: every path in /var/lib/dpkg/info/*.list must exist. An
# image without documentation, manual pages or caches is easier to read than the
# images that users have, and hides the cost of their links. A package python3-dev
# should be installed: its manual pages are links whose names look like programs.
#
# OUTDIR gets
#
#   umoci       one layer, which umoci repacks and compresses (gzip)
#   layers      four layers of tar(1), compressed by umoci (gzip)
#   gzip9       one layer, compressed by skopeo with level 9 (gzip)
#   zstd        one layer, compressed by skopeo (zstd)
#   docker.tar  one uncompressed layer, an archive as docker save writes it
#
# It needs umoci, skopeo, python3, root and three times the disk space of ROOT.

set -euo pipefail
export LC_ALL=C

[ $# -eq 2 ] || { sed -n '3,/^$/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
root=$(cd "$1" && pwd -P)
mkdir -p "$2"
cd "$2"

python3 - "$root" <<'PYTHON'
import glob, os, sys
root = sys.argv[1]
missing = total = 0
for name in glob.glob(root + "/var/lib/dpkg/info/*.list"):
    for path in open(name, errors="surrogateescape").read().splitlines():
        total += 1
        missing += not os.path.lexists(root + path)
print(f"{total} paths of packages, {missing} of them missing", file=sys.stderr)
if not total or missing:
    sys.exit("image: the root is not complete (build it without removing files)")
if not os.path.lexists(root + "/usr/share/doc/python3-dev"):
    print("image: python3-dev is not installed", file=sys.stderr)
PYTHON

work=$(mktemp -d -p .)
trap 'rm -rf "$work"' EXIT
pack=(tar -C "$root" --sort=name --exclude=./proc --exclude=./sys --exclude=./dev)

umoci init --layout umoci
umoci new --image umoci:bench
umoci unpack --image umoci:bench "$work/bundle"
rm -rf "$work/bundle/rootfs"
cp -a --reflink=auto "$root" "$work/bundle/rootfs"
umoci repack --image umoci:bench "$work/bundle"
rm -rf "$work/bundle"

umoci init --layout layers
umoci new --image layers:bench
rest=(--exclude=./usr/lib --exclude=./usr/bin --exclude=./usr/sbin)
"${pack[@]}" -cf "$work/1.tar" --exclude=./usr .
"${pack[@]}" -cf "$work/2.tar" ./usr/lib
"${pack[@]}" -cf "$work/3.tar" ./usr/bin ./usr/sbin
"${pack[@]}" -cf "$work/4.tar" "${rest[@]}" ./usr
for layer in 1 2 3 4; do
    umoci raw add-layer --image layers:bench "$work/$layer.tar"
    rm "$work/$layer.tar"
done

skopeo copy -q oci:umoci:bench docker-archive:docker.tar:bench:latest
skopeo copy -q --dest-compress-format gzip --dest-compress-level 9 docker-archive:docker.tar oci:gzip9:bench
skopeo copy -q --dest-compress-format zstd docker-archive:docker.tar oci:zstd:bench

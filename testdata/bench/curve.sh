#!/usr/bin/env bash
#
# Scan roots of 10,000, 100,000 and 1,000,000 files and print a Markdown table:
# time must grow with the number of files and not faster, and so must memory.
#
#   curve.sh DEPAUDIT [DIR]
#
# The files are small, have distinct names, a hundred in each directory,
# and no package owns them: a scan reads the first bytes of every one, which is
# the most that it does for a file. DIR (a temporary one) takes 5 GB and two
# million inodes at most. Each size runs five times, warm; the median counts.
# State is what a file adds to the peak of memory, against the size before.
#
# Needs python3 and GNU time. Run it on an idle machine.

set -euo pipefail
export LC_ALL=C

[ $# -ge 1 ] || { sed -n '3,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
depaudit=$(realpath "$1")
if [ $# -ge 2 ]; then
    directory=$2
else
    directory=$(mktemp -d)
    trap 'rm -rf "$directory"' EXIT
fi

root() { # SIZE
    [ -e "$directory/$1/done" ] || python3 - "$directory/$1/root" "$1" <<'PYTHON'
import os, sys
root, size = sys.argv[1], int(sys.argv[2])
os.makedirs(root + "/etc", exist_ok=True)
os.makedirs(root + "/var/lib/dpkg/info", exist_ok=True)
open(root + "/etc/os-release", "w").write('ID=debian\nVERSION_ID="12"\n')
with open(root + "/var/lib/dpkg/status", "w") as status:
    for i in range(12):
        status.write(f"Package: base{i}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1-1\nMaintainer: x\nDescription: x\n\n")
        open(f"{root}/var/lib/dpkg/info/base{i}.list", "w").write("/.\n")
for n in range(size):
    if n % 100 == 0:
        dir = f"{root}/srv/data/{n // 10000:04d}/part{n // 100:06d}"
        os.makedirs(dir, exist_ok=True)
    with open(f"{dir}/record-{n:07d}.txt", "w") as f:
        f.write("nothing of interest\n")
PYTHON
    touch "$directory/$1/done"
}

# measure prints the median of wall (microseconds) and peak (KiB).
measure() {
    local start
    for _ in 0 1 2 3 4 5; do
        start=${EPOCHREALTIME/./}
        /usr/bin/time -q -o "$directory/time" -f %M "$@" >"$directory/out" 2>&1 || { cat "$directory/out" >&2; exit 1; }
        echo $((${EPOCHREALTIME/./} - start)) "$(tail -n 1 "$directory/time")"
    done | tail -n 5 | sort -n | sed -n 3p
}

echo "| files | find | depaudit scan | a file | against find | peak memory | state a file |"
echo "|---:|---:|---:|---:|---:|---:|---:|"
before=
for size in 10000 100000 1000000; do
    root $size
    floor=$(measure find "$directory/$size/root" -type f)
    ours=$(measure "$depaudit" scan "dir:$directory/$size/root" -o json)
    awk -v size=$size -v floor="${floor% *}" -v wall="${ours% *}" -v peak="${ours#* }" -v before="$before" 'BEGIN {
        state = "-"
        if (split(before, b, " ") == 2) state = sprintf("%.0f bytes", (peak - b[2]) * 1024 / (size - b[1]))
        printf "| %d | %.2f s | %.2f s | %.1f us | %.1f x | %.0f MiB | %s |\n", size, floor / 1e6, wall / 1e6, wall / size, wall / floor, peak / 1024, state
    }'
    before="$size ${ours#* }"
done

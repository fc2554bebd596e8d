#!/bin/sh
#
# Record the machine before the job begins: $home/before.json. Its digest is
# kept by the runner and not in a file beside it, so that a snapshot that a step
# replaced is noticed. What a step with the rights of the job does to the
# variables of later steps cannot be prevented: see docs/threat-model.md.

. "$(dirname "$0")/lib.sh"

if [ -e "$snapshot" ]; then
    fail 2 "begin ran already in this job" "The second snapshot would hide what was installed between the two. Remove one of the steps."
fi
choose_root
if [ -z "$root" ] && [ "$(id -u)" != 0 ]; then
    say notice "no root and no sudo without a password: what only root can read is not compared" "The audit reports these paths, with the lines of depaudit.yaml that accept them."
fi
rooted "$bin" snapshot -o "$snapshot"
[ -s "$snapshot" ] || fail 4 "depaudit wrote no snapshot"
sum=$(digest "$snapshot")
if [ -n "${GITHUB_ENV:-}" ]; then
    {
        printf 'DEPAUDIT_SNAPSHOT=%s\n' "$snapshot"
        printf 'DEPAUDIT_SNAPSHOT_SHA256=%s\n' "$sum"
    } >>"$GITHUB_ENV"
else
    printf '%s\n' "$sum" >"$home/before.sha256"
fi
output snapshot "$snapshot"

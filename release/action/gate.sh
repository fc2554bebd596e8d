#!/bin/sh
#
# End the step as the audit ended, after everything else was written: with the
# exit code of depaudit. An audit that did not run is no pass.
#
#   AUDIT_CODE       its exit code, empty if it did not run
#   INPUT_WARN_ONLY  true: a verdict ends with 0, but an error does not

. "$(dirname "$0")/lib.sh"

case ${AUDIT_CODE:-} in
0) verdict=pass ;;
1) verdict=fail ;;
3) verdict=incomplete ;;
*) verdict=error ;;
esac
code=${AUDIT_CODE:-4}
output verdict "$verdict"
output exit-code "$code"
warn=false
! is_true warn-only "${INPUT_WARN_ONLY:-false}" || warn=true
case $verdict in
pass) exit 0 ;;
error)
    [ -n "${AUDIT_CODE:-}" ] || fail 4 "the audit did not run: the first error above is the cause"
    # Another text could be 0 for the shell, which counts modulo 256.
    case $code in
    [1-9] | [1-9][0-9] | 1[0-9][0-9]) ;;
    *) code=4 ;;
    esac
    fail "$code" "nothing was judged: exit code $code, see the log of the audit"
    ;;
esac
if $warn; then
    say warning "the verdict is \"$verdict\"; the job goes on because of warn-only"
    exit 0
fi
fail "$code" "the verdict is \"$verdict\""

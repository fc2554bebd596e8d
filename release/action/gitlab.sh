#!/bin/sh
#
# Run the other scripts in a job of GitLab CI: gitlab.sh begin|audit
#
# The inputs are variables DEPAUDIT_* of the job, in the names of the inputs of
# the action: DEPAUDIT_STAGES, DEPAUDIT_CONFIG, DEPAUDIT_ENVIRONMENTS,
# DEPAUDIT_SINCE, DEPAUDIT_POLICY_FROM, DEPAUDIT_ARGUMENTS, DEPAUDIT_WARN_ONLY,
# DEPAUDIT_BINARY, DEPAUDIT_CHECKSUMS, DEPAUDIT_DOWNLOAD. The report is copied to
# depaudit-report in the checkout, where GitLab takes artifacts from.

. "$(dirname "$0")/lib.sh"

here=$(dirname "$0")
export INPUT_RUN="$1" INPUT_BINARY="${DEPAUDIT_BINARY:-}" INPUT_CHECKSUMS="${DEPAUDIT_CHECKSUMS:-}" INPUT_DOWNLOAD="${DEPAUDIT_DOWNLOAD:-}"
sh "$here/get.sh"
if [ "$1" = begin ]; then
    exec sh "$here/begin.sh"
fi

# https://docs.gitlab.com/ci/variables/predefined_variables/: a disposable
# environment is a container, and all of it belongs to the stage.
[ "${CI_DISPOSABLE_ENVIRONMENT:-}" != true ] || export JOB_CONTAINER=true
export INPUT_STAGES="${DEPAUDIT_STAGES:-}" INPUT_CONFIG="${DEPAUDIT_CONFIG:-}" INPUT_ENVIRONMENTS="${DEPAUDIT_ENVIRONMENTS:-}" \
    INPUT_SINCE="${DEPAUDIT_SINCE:-}" INPUT_POLICY_FROM="${DEPAUDIT_POLICY_FROM:-}" INPUT_ARGUMENTS="${DEPAUDIT_ARGUMENTS:-}" \
    INPUT_WARN_ONLY="${DEPAUDIT_WARN_ONLY:-false}" BASE_COMMIT="${CI_MERGE_REQUEST_TARGET_BRANCH_SHA:-${CI_MERGE_REQUEST_DIFF_BASE_SHA:-}}"
cd "$CI_PROJECT_DIR"
rm -rf depaudit-report
: >"$home/outputs"
sh "$here/audit.sh"
value() { sed -n "s/^$1=//p" "$home/outputs"; }
directory=$(value directory)
if [ -n "$directory" ]; then
    cp -R "$directory" depaudit-report
fi
AUDIT_CODE=$(value exit-code)
export AUDIT_CODE
exec sh "$here/gate.sh"

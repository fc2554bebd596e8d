#!/bin/sh
#
# Audit, and write all that the later steps take: $home/report-N with the report
# as JSON and Markdown, the summary of the job, and the outputs. It ends with 0
# whatever the verdict is: gate.sh ends the job, after the report was uploaded.
#
#   INPUT_CONFIG, INPUT_STAGES, INPUT_ENVIRONMENTS, INPUT_SINCE,
#   INPUT_POLICY_FROM, INPUT_ARGUMENTS
#                    the inputs of the same names
#   JOB_CONTAINER    not empty in a job that has `container:`
#   BASE_COMMIT      what a pull request or a merge queue builds on
#   and those of results.sh

. "$(dirname "$0")/results.sh"

main() {
    check_sarif
    stages=$(words "${INPUT_STAGES:-}")
    environments=$(lines "${INPUT_ENVIRONMENTS:-}")
    arguments=$(lines "${INPUT_ARGUMENTS:-}")

    # With it, the output verdict would be "pass".
    case $newline$arguments in
    *"$newline"--warn-only*) fail 2 "arguments: --warn-only is an input of its own" "Write: warn-only: true" ;;
    esac

    # The arguments that choose what is audited.
    set --
    [ -z "${INPUT_CONFIG:-}" ] || set -- "$@" --config "$INPUT_CONFIG"
    # A line is one argument, and nothing in it is a pattern.
    set -f
    IFS=$newline
    for stage in $stages; do set -- "$@" --stage "$stage"; done
    for environment in $environments; do set -- "$@" --env "$environment"; done
    unset IFS
    set +f
    policy=$(policy)
    [ -z "$policy" ] || set -- "$@" --policy-from "$policy"
    if [ -n "$policy" ] && [ -n "${JOB_CONTAINER:-}" ] && [ -z "${GIT_CONFIG_COUNT:-}" ]; then
        # In a container, the checkout is of another user than the job.
        export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
    fi

    # With a configuration that cannot be read, nothing is audited.
    code=0
    hosts=$("$bin" stages --kind host --without-base --names "$@") || code=$?
    directories=$("$bin" stages --kind dir --names "$@" 2>/dev/null) || true
    since='' proposed=''
    if [ "$code" = 0 ]; then
        since_begin || code=$?
    fi
    [ "$code" != 0 ] || run "$@"
    finish
}

# policy prints the commit that the configuration is taken from.
policy() {
    case ${INPUT_POLICY_FROM:-} in
    auto)
        case ${GITHUB_EVENT_NAME:-}${CI_PIPELINE_SOURCE:-} in
        pull_request* | merge_group | merge_request_event | external_pull_request_event)
            [ -n "${BASE_COMMIT:-}" ] || fail 2 "policy-from: auto finds no commit that this branch builds on" "Name one: policy-from: COMMIT"
            ;;
        esac
        printf '%s\n' "${BASE_COMMIT:-}"
        ;;
    *) printf '%s\n' "${INPUT_POLICY_FROM:-}" ;;
    esac
}

# since_begin sets since to the snapshot that is the base of the stages on the
# machine. Without one, the two thousand packages of a hosted runner would be
# judged as those of the stage.
since_begin() {
    case ${INPUT_SINCE:-auto} in
    none) return 0 ;;
    auto) ;;
    *)
        since=$INPUT_SINCE
        return 0
        ;;
    esac
    [ -n "$hosts" ] || return 0
    stage=$(printf '%s\n' "$hosts" | sed -n 1p)
    if [ -n "${DEPAUDIT_SNAPSHOT:-}" ] || [ -e "$snapshot" ]; then
        want=${DEPAUDIT_SNAPSHOT_SHA256:-}
        github || want=$(cat "$home/before.sha256")
        if [ ! -f "$snapshot" ] || [ "$(digest "$snapshot")" != "$want" ]; then
            say error "$snapshot is not the snapshot that begin made: a step of this job replaced or removed it" "Nothing was judged. Look for the step that writes there."
            return 4
        fi
        since=$snapshot
        return 0
    fi
    # The environment of such a job is its image, and all of it counts.
    [ -z "${JOB_CONTAINER:-}" ] || return 0
    if github; then
        say error "stage $stage is on the machine (host:), and begin did not run in this job" "Make this the first step of the job:
  - uses: depaudit/depaudit@COMMIT # the same line as here
    with: {run: begin}
A job with \`container:\` needs none, nor does a stage with a base. To count the whole machine: \`since: none\`."
    else
        say error "stage $stage is on the machine (host:), and begin did not run in this job" "Begin its script with: - !reference [.depaudit-begin, script]"
    fi
    return 2
}

# run ARG... audits.
run() {
    make_directory
    [ -z "$since" ] || set -- "$@" --since "$since"
    set -f
    IFS=$newline
    for format in $(formats); do set -- "$@" -o "$format"; done
    for argument in $arguments; do set -- "$@" "$argument"; done
    unset IFS
    set +f
    # Only root reads all of a machine or of a root file system.
    root=
    [ -z "$hosts$directories" ] || choose_root
    rooted "$bin" audit "$@" || code=$?
    case $code in
    1 | 3) propose ;;
    esac
}

# propose writes the baseline that accepts the report, to commit instead of the
# project's after a review. There is none for a stage that could not be examined,
# nor where the configuration is not the one of the checkout.
propose() {
    proposed=$directory/depaudit.baseline.json
    set -- --from "$report" --to "$proposed" --reason "proposed by ${GITHUB_SERVER_URL:-}/${GITHUB_REPOSITORY:-}/actions/runs/${GITHUB_RUN_ID:-}${CI_JOB_URL:-}"
    [ -z "${INPUT_CONFIG:-}" ] || set -- "$@" --config "$INPUT_CONFIG"
    if "$bin" baseline update "$@" >"$home/proposal" 2>&1; then
        echo "The report and a proposal for the baseline are in the artifact. To accept after a review, here: depaudit baseline update --from report.json --reason WHY"
    else
        rm -f "$proposed"
    fi
}

main

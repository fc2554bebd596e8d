#!/bin/sh
#
# Audit, and write all that the later steps take: $home/report-N with the report
# as JSON and Markdown, the summary of the job, and the outputs. It ends with 0
# whatever the verdict is: gate.sh ends the job, after the report was uploaded.
#
#   INPUT_CONFIG, INPUT_STAGES, INPUT_ENVIRONMENTS, INPUT_SINCE,
#   INPUT_POLICY_FROM, INPUT_ARGUMENTS, INPUT_ARTIFACT, INPUT_SARIF
#                    the inputs of the same names
#   JOB_CONTAINER    not empty in a job that has `container:`
#   JOB_INDEX        the number of the job of a matrix, empty without one
#   BASE_COMMIT      what a pull request or a merge queue builds on
#   HEAD_REPOSITORY  where the branch of a pull request is
#   AUTHOR           the author of a pull request
#
# The outputs are exit-code, report, directory, artifact, and sarif: the file to
# upload, if that is wanted and the event may write.

. "$(dirname "$0")/lib.sh"

main() {
    case ${INPUT_SARIF:-false} in
    auto | true | false) ;;
    *) fail 2 "sarif: $INPUT_SARIF is none of auto, true and false" ;;
    esac
    stages=$(words "${INPUT_STAGES:-}")
    environments=$(lines "${INPUT_ENVIRONMENTS:-}")
    arguments=$(lines "${INPUT_ARGUMENTS:-}")

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

    # With a configuration that cannot be read, nothing is audited.
    code=0
    hosts=$("$bin" stages --kind host --without-base --names "$@") || code=$?
    directories=$("$bin" stages --kind dir --names "$@" 2>/dev/null) || true
    since=
    if [ "$code" = 0 ]; then
        since_begin || code=$?
    fi
    [ "$code" != 0 ] || run "$@"
    finish
}

# lines TEXT and words TEXT print what is not empty, one on each line.
lines() { printf '%s\n' "$1" | tr -d '\r' | sed -e 's/^[[:space:]]*//' -e 's/[[:space:]]*$//' -e '/^$/d'; }
words() { lines "$(printf '%s\n' "$1" | tr -s ',[:space:]' '\n')"; }

# policy prints the commit that the configuration is taken from.
policy() {
    case ${INPUT_POLICY_FROM:-} in
    auto) printf '%s\n' "${BASE_COMMIT:-}" ;;
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
    number=1
    while [ -e "$home/report-$number" ]; do number=$((number + 1)); done
    directory=$home/report-$number
    mkdir "$directory"
    report=$directory/report.json
    [ -z "$since" ] || set -- "$@" --since "$since"
    set -- "$@" -o table -o "json=$report" -o "markdown=$directory/report.md"
    if github; then
        set -- "$@" -o github
        [ -z "${GITHUB_STEP_SUMMARY:-}" ] || set -- "$@" -o "markdown=+$GITHUB_STEP_SUMMARY"
    else
        set -- "$@" -o "junit=$directory/junit.xml" -o "gitlab-codequality=$directory/codequality.json"
    fi
    [ "${INPUT_SARIF:-false}" = false ] || set -- "$@" -o "sarif=$directory/report.sarif"
    set -f
    IFS=$newline
    for argument in $arguments; do set -- "$@" "$argument"; done
    unset IFS
    set +f
    # Only root reads all of a machine or of a root file system.
    root=
    [ -z "$hosts$directories" ] || choose_root
    rooted "$bin" audit "$@" || code=$?
    case $code in
    0 | 1 | 3)
        # A pass without a report is none.
        if [ ! -s "$report" ]; then
            say error "depaudit ended with $code and wrote no report"
            code=4
        fi
        ;;
    esac
}

# finish sets the outputs. Those of files are empty if there is none.
finish() {
    output exit-code "$code"
    [ -s "${report:-}" ] || return 0
    output report "$report"
    output directory "$directory"
    output artifact "$(artifact)"
    if [ -s "$directory/report.sarif" ] && may_upload; then
        output sarif "$directory/report.sarif"
    fi
}

# artifact prints the name of the artifact. Each report of a run needs its own:
# another job with the same name would fail, or replace it.
artifact() {
    case ${INPUT_ARTIFACT:-auto} in
    false) return ;;
    auto) ;;
    *)
        printf '%s\n' "$INPUT_ARTIFACT"
        return
        ;;
    esac
    name=depaudit-${GITHUB_JOB:-job}
    set -f
    IFS=$newline
    for stage in $stages; do name=$name-$stage; done
    unset IFS
    set +f
    [ -z "${JOB_INDEX:-}" ] || name=$name-$JOB_INDEX
    [ "$number" = 1 ] || name=$name-$number
    # https://github.com/actions/toolkit/tree/main/packages/artifact names the
    # characters that a name may not have.
    printf '%s\n' "$name" | tr -c 'A-Za-z0-9._\n-' '-'
}

# may_upload reports whether the results go to code scanning. Whether the token
# has security-events: write cannot be seen.
may_upload() {
    [ "$INPUT_SARIF" = auto ] || return 0
    why=
    case ${GITHUB_EVENT_NAME:-} in
    pull_request | pull_request_review)
        [ "${HEAD_REPOSITORY:-}" = "${GITHUB_REPOSITORY:-}" ] || why="a pull request of a fork has a token that only reads"
        ;;
    push | schedule | workflow_dispatch | merge_group) ;;
    # Their results would be those of the default branch, which they do not build.
    *) why="the event ${GITHUB_EVENT_NAME:-} is not one of a branch" ;;
    esac
    case ${GITHUB_ACTOR:-}/${AUTHOR:-} in
    dependabot\[bot\]/* | */dependabot\[bot\]) why="Dependabot has a token that only reads" ;;
    esac
    case ${GITHUB_REF:-} in
    refs/tags/*) why="code scanning shows branches and not tags" ;;
    esac
    [ -n "$why" ] || return 0
    echo "sarif: auto uploads nothing: $why"
    return 1
}

main

# What the audit and the merged report have in common: where they are written, and
# the outputs for the steps that keep them.
#
#   INPUT_ARTIFACT, INPUT_SARIF
#                    the inputs of the same names
#   JOB_INDEX        the number of the job of a matrix, empty without one
#   HEAD_REPOSITORY  where the branch of a pull request is
#   AUTHOR           the author of a pull request
#
# The outputs are exit-code, report, directory, proposed-baseline, artifact, and
# sarif: the file to upload, if that is wanted and the event may write.

. "$(dirname "$0")/lib.sh"

# lines TEXT and words TEXT print what is not empty, one on each line.
lines() { printf '%s\n' "$1" | tr -d '\r' | sed -e 's/^[[:space:]]*//' -e 's/[[:space:]]*$//' -e '/^$/d'; }
words() { lines "$(printf '%s\n' "$1" | tr -s ',[:space:]' '\n')"; }

check_sarif() {
    case ${INPUT_SARIF:-false} in
    auto | true | false) ;;
    *) fail 2 "sarif: $INPUT_SARIF is none of auto, true and false" ;;
    esac
}

# make_directory sets directory and report, new ones for each audit of a job.
make_directory() {
    number=1
    while [ -e "$home/report-$number" ]; do number=$((number + 1)); done
    directory=$home/report-$number
    mkdir "$directory"
    report=$directory/report.json
}

# formats prints what a report is written as, one on each line.
formats() {
    printf '%s\n' table "json=$report" "markdown=$directory/report.md"
    if github; then
        echo github
        [ -z "${GITHUB_STEP_SUMMARY:-}" ] || printf '%s\n' "markdown=+$GITHUB_STEP_SUMMARY"
    else
        printf '%s\n' "junit=$directory/junit.xml" "gitlab-codequality=$directory/codequality.json"
    fi
    [ "${INPUT_SARIF:-false}" = false ] || printf '%s\n' "sarif=$directory/report.sarif"
}

# finish sets the outputs. Those of files are empty if there is none.
finish() {
    case $code in
    0 | 1 | 3)
        # A pass without a report is none.
        if [ ! -s "${report:-}" ] && [ -z "${no_report:-}" ]; then
            say error "depaudit ended with $code and wrote no report"
            code=4
        fi
        ;;
    esac
    output exit-code "$code"
    [ -s "${report:-}" ] || return 0
    output report "$report"
    output directory "$directory"
    [ ! -s "${proposed:-}" ] || output proposed-baseline "$proposed"
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
    # Not one of the reports that the next run of this job would merge.
    if [ "${INPUT_RUN:-audit}" = merge ]; then
        echo depaudit
        return
    fi
    name=depaudit-${GITHUB_JOB:-job}
    set -f
    IFS=$newline
    for stage in ${stages:-}; do name=$name-$stage; done
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

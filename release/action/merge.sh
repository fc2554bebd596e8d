#!/bin/sh
#
# Merge the reports in $home/reports, of the jobs of a run, into one with one verdict. It ends with
# 0 like audit.sh, and gate.sh ends the job.
#
#   INPUT_STAGES   stages that must have been reported, by default all of the
#                  configuration that the reports name
#   INPUT_RESULTS  the results of the jobs before, of which each must be success
#   and those of results.sh
#
# A platform counts a job that was skipped as passed. Here it is missing.

. "$(dirname "$0")/results.sh"

main() {
    check_sarif
    results=$(words "${INPUT_RESULTS:-}")
    # shellcheck disable=SC2016 # an expression to paste
    [ -n "$results" ] || fail 2 "results is empty: this job does not know how the jobs before it ended" 'Name them in `needs:` of this job, with `if: always()`, and add to `with:`
  results: ${{ join(needs.*.result, '"' '"') }}'
    bad=$(printf '%s\n' "$results" | grep -vx success | sort -u | tr '\n' ' ') || true

    set --
    for file in "$home"/reports/report.json "$home"/reports/*/report.json; do
        [ ! -f "$file" ] || set -- "$@" "$file"
    done
    code=0
    if [ $# = 0 ]; then
        say error "no job has reported: there is no artifact with a report in this run" "Each job needs the step that audits its stage, and this one comes after them (needs:)."
        code=3 no_report=true
    else
        merge "$@" || code=$?
    fi
    if [ -n "$bad" ]; then
        say error "not every job before this one succeeded: ${bad% }" "A stage that was not judged is no pass."
        [ "$code" != 0 ] || code=3
    fi
    finish
}

# merge REPORT...
merge() {
    make_directory
    require=$(words "${INPUT_STAGES:-}" | tr '\n' ',')
    [ -z "$require" ] || set -- "$@" --require-stages "${require%,}"
    set -f
    IFS=$newline
    for format in $(formats); do set -- "$@" -o "$format"; done
    unset IFS
    set +f
    status=0
    "$bin" report "$@" || status=$?
    # Stages are required of the report of a pipeline. The indentation is that of
    # depaudit, in whose strings no line ends.
    if [ -s "$report" ] && ! grep -q '^  "inputs": {' "$report"; then
        say error "the report is of a scan and of no pipeline: no stage was judged" "Report what depaudit audit writes."
        status=3
    fi
    return "$status"
}

main

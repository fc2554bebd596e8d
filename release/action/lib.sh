# Functions of the other scripts, which read this file first. POSIX sh, since a
# container job need not have bash.
#
# A script gets its inputs as variables INPUT_*, and never by text that is put
# into it. Their values can come from a pull request.

set -eu

newline='
'

# github reports whether this is a job of GitHub Actions.
github() { [ "${GITHUB_ACTIONS:-}" = true ]; }

# say LEVEL TEXT [HINT] prints a message: on GitHub as a workflow command, which
# makes an annotation of it. LEVEL is error, warning or notice.
say() {
    text=$2${3:+$newline$3}
    if github; then
        # https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
        text=$(printf '%s\n' "$text" | sed -e 's/%/%25/g' -e "s/$(printf '\r')/%0D/g" -e '$!s/$/%0A/' | tr -d '\n')
        # On stderr, which the runner reads as well: some functions print a result.
        printf '::%s title=depaudit::%s\n' "$1" "$text" >&2
    else
        printf 'depaudit: %s: %s\n' "$1" "$text" >&2
    fi
}

# fail CODE TEXT [HINT] ends the script. The codes are those of depaudit: 2 for a
# wrong input, 4 if something could not be done.
fail() {
    code=$1
    shift
    say error "$@"
    exit "$code"
}

# output NAME VALUE sets an output of the step. A value of several lines is
# refused: the rest of it would be outputs of its own.
output() {
    case $2 in
    *"$newline"* | *"$(printf '\r')"*) fail 4 "the output $1 has several lines" ;;
    esac
    printf '%s=%s\n' "$1" "$2" >>"${GITHUB_OUTPUT:-$home/outputs}"
}

# is_true NAME VALUE reports whether an input is true, and refuses other words
# than true and false.
is_true() {
    case $2 in
    true) return 0 ;;
    false) return 1 ;;
    esac
    fail 2 "$1: $2 is neither true nor false"
}

# Files of this job. RUNNER_TEMP is emptied before and after each job, and the
# directory beside a checkout of GitLab is one for each job by its number.
if github; then
    [ -n "${RUNNER_TEMP:-}" ] || fail 4 "RUNNER_TEMP is not set: the runner sets it in each step"
    home=$RUNNER_TEMP/depaudit
elif [ -n "${CI_PROJECT_DIR:-}" ] && [ -n "${CI_JOB_ID:-}" ]; then
    home=$CI_PROJECT_DIR.tmp/depaudit-$CI_JOB_ID
else
    fail 4 "this is no job of GitHub Actions or GitLab CI: neither GITHUB_ACTIONS nor CI_JOB_ID is set"
fi
case ${RUNNER_OS:-$(uname -s)} in
Windows | MINGW* | MSYS*) exe=.exe ;;
*) exe= ;;
esac
# The scripts that read this file use them.
# shellcheck disable=SC2034
bin=$home/bin/depaudit$exe
# shellcheck disable=SC2034
snapshot=$home/before.json

# digest FILE prints the SHA-256 of a file. It is 64 digits or the script ends: a
# tool that prints nothing must not look like one that was not asked.
digest() {
    if command -v sha256sum >/dev/null; then
        sum=$(sha256sum <"$1")
    elif command -v shasum >/dev/null; then
        sum=$(shasum -a 256 <"$1")
    elif command -v openssl >/dev/null; then
        sum=$(openssl dgst -sha256 -r <"$1")
    else
        fail 4 "no sha256sum, shasum or openssl, so that no digest can be checked" "Install coreutils in the image of this job."
    fi
    sum=${sum%% *}
    hexadecimal "$sum" || fail 4 "cannot compute the SHA-256 of $1"
    printf '%s\n' "$sum"
}

# hexadecimal TEXT reports whether a text is a SHA-256.
hexadecimal() {
    case $1 in
    *[!0-9a-f]*) return 1 ;;
    esac
    [ ${#1} -eq 64 ]
}

# choose_root sets the words of the command that runs a program as root. What
# only root can read would be a gap otherwise. It is empty for root itself, and
# without a sudo that asks for no password.
choose_root() {
    root=
    [ "$(id -u)" != 0 ] || return 0
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        root="sudo -n env"
    fi
}

# rooted PROGRAM ARG... runs it by choose_root, with the variables that matter to
# depaudit, since sudo passes none on. The results belong to the caller
# afterwards: a runner that is no machine of one job must be able to remove them.
rooted() {
    if [ -z "$root" ]; then
        "$@"
        return
    fi
    cache=${XDG_CACHE_HOME:-$HOME/.cache}
    set -- "XDG_CACHE_HOME=$cache" "DOCKER_CONFIG=${DOCKER_CONFIG:-$HOME/.docker}" "$@"
    for name in CI GITHUB_ACTIONS GITHUB_WORKSPACE GITLAB_CI TMPDIR TERM COLUMNS NO_COLOR FORCE_COLOR CLICOLOR_FORCE \
        SOURCE_DATE_EPOCH DOCKER_HOST REGISTRY_AUTH_FILE HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy; do
        eval "value=\${$name-}"
        [ -z "$value" ] || set -- "$name=$value" "$@"
    done
    status=0
    # $root is two or three words.
    # shellcheck disable=SC2086
    $root "$@" || status=$?
    for made in "$home" "$cache/depaudit" "${GITHUB_STEP_SUMMARY:-}"; do
        [ ! -e "$made" ] || sudo -n chown -R "$(id -u):$(id -g)" "$made"
    done
    return "$status"
}

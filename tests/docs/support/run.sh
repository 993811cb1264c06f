# Runs a script that extract.awk made, in the current folder. One shell for all steps, as a reader has one.
# shellcheck shell=bash disable=SC2154
set -euo pipefail
script=$1
last=/dev/null

report() {
    local status=$?
    set +e
    [ -z "${redirected:-}" ] || exec >&3 2>&4
    jobs -p | xargs -r kill 2>/dev/null
    [ $status -eq 0 ] || printf 'problem: line %s failed with %d. It printed:\n%s\n' "${at:-?}" $status "$(cat "$last")"
    exit $status
}
trap report EXIT

put() {
    mkdir -p "$(dirname "$1")"
    cat >"$1"
}

# applies always|jit
applies() {
    [ "$1" = always ] || [ "${HOOKLINE_TEST_HAVE_JIT:-1}" = 1 ]
}

# Output goes to a file, not a pipe: programs left running in the background must not keep a pipe open.
step() {
    at=$1
    last=../output.$1
    cat >"../step.$1"
    applies "$2" || return 0
    exec 3>&1 4>&2 >"$last" 2>&1
    redirected=yes
    # shellcheck disable=SC1090
    . "../step.$1"
    exec >&3 2>&4
    redirected=
    ran=$((${ran:-0} + 1))
}

printed() {
    cat >"../expected.$1"
    applies "$2" || return 0
    awk -f "$(dirname "$0")/compare.awk" "../expected.$1" "$last" || {
        printf 'problem: line %s: expected\n%s\n' "$1" "$(cat "../expected.$1")"
        at=$1
        return 1
    }
}

. "$script"
[ "${ran:-0}" -gt 0 ] || { echo "problem: nothing was run"; exit 1; }
printf 'ok: %d steps\n' "$ran"

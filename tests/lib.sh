# What the test scripts share. Sourced, with HOOKLINE_SOURCE and HOOKLINE_BUILD set as ctest does.
# shellcheck shell=bash
set -u
: "${HOOKLINE_SOURCE:?run by ctest, or set it to the source folder}"
bad=0

# problem TEXT...: counts as a failure; the script goes on, so that one run shows all of them.
problem() {
    printf 'problem: %s\n' "$*"
    bad=$((bad + 1))
}

# problems_of LINES TITLE: a problem for each line.
problems_of() {
    local line
    [ -n "$1" ] || return 0
    while IFS= read -r line; do
        problem "$2: $line"
    done <<<"$1"
}

# needed COMMAND...: its failure ends the test.
needed() {
    "$@" || {
        printf 'failed: %s\n' "$*"
        exit 1
    }
}

skip() {
    printf 'skipped: %s\n' "$*"
    exit 77
}

finish() {
    if [ "$bad" -gt 0 ]; then
        printf '%d problems\n' "$bad"
        exit 1
    fi
    echo "ok"
    exit 0
}

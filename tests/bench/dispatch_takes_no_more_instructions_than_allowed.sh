#!/usr/bin/env bash
# Instructions of a dispatch by the reference loop, read side included, as callgrind counts them. The compiled engine is
# counted by compiled_dispatch_takes_no_more_instructions_than_allowed.sh: valgrind 3.19 lacks the system call that the
# compiler's helper process needs.
. "$HOOKLINE_SOURCE/tests/bench/support/instructions.sh"
needs_optimised_build
command -v valgrind >/dev/null || skip "valgrind is not installed"
folder=$(mktemp -d "$PWD/callgrind.XXXXXX") || exit 1
trap 'rm -rf "$folder"' EXIT

# shellcheck disable=SC2317,SC2154 # called by check_engine, which sets $engine
count_by_callgrind() {
    local out=$folder/out
    valgrind -q --tool=callgrind --callgrind-out-file="$out" --toggle-collect=count_dispatches \
        "$program" "$engine" "$1" "$times" >"$folder/log" 2>&1 || { cat "$folder/log" >&2; return 1; }
    sed -n 's/^totals: //p' "$out"
}

check_engine reference count_by_callgrind
check_engine reference-watched count_by_callgrind
finish

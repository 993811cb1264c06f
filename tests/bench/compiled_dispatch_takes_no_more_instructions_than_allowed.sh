#!/usr/bin/env bash
# Instructions of a dispatch by a compiled chain, read side included, counted by stepping through them.
. "$HOOKLINE_SOURCE/tests/bench/support/instructions.sh"
needs_optimised_build
[ "$HOOKLINE_TEST_HAVE_JIT" = 1 ] || skip "chains cannot be compiled in this build"

# shellcheck disable=SC2317,SC2154 # called by check_engine, which sets $engine
count_by_steps() {
    "$HOOKLINE_TEST_PROGRAMS/count_steps" "$program" "$engine" "$1" "$times" stepped
}

check_engine compiled count_by_steps
check_engine compiled-watched count_by_steps
finish

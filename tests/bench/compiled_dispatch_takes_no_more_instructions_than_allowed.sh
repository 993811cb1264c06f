#!/usr/bin/env bash
# Instructions of a dispatch by a compiled chain, read side included, counted by stepping through them.
. "$HOOKLINE_SOURCE/tests/bench/support/instructions.sh"
needs_optimised_build
[ "$HOOKLINE_TEST_HAVE_JIT" = 1 ] || skip "chains cannot be compiled in this build"

# shellcheck disable=SC2317 # called by check_engine
count_by_steps() {
    "$HOOKLINE_TEST_PROGRAMS/count_steps" "$program" compiled "$1" "$times" stepped
}

check_engine compiled count_by_steps
finish

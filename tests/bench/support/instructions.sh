# What the tests of instruction counts share. Sourced.
# shellcheck shell=bash
. "$HOOKLINE_SOURCE/tests/lib.sh"
limits=$HOOKLINE_SOURCE/tests/bench/limits.txt
program=$HOOKLINE_TEST_PROGRAMS/count_dispatches
times=100

# Counts mean something only for code as users have it.
needs_optimised_build() {
    [ -z "$HOOKLINE_TEST_SANITIZE" ] || skip "sanitizers add instructions"
    grep -qE '^CMAKE_BUILD_TYPE:[^=]*=(Release|RelWithDebInfo)$' "$HOOKLINE_BUILD/CMakeCache.txt" ||
        skip "not an optimised build"
    [ "$(uname -m)" = x86_64 ] || skip "the limits are those of x86-64"
}

# check_engine ENGINE COMMAND: COMMAND PLUGINS prints the instructions of `times` dispatches of the engine, or fails
# with 77 where it cannot. All of the engine's limits are checked.
check_engine() {
    local engine=$1 command=$2 checked=0 wanted plugins limit count code
    while read -r wanted plugins limit; do
        [ "$wanted" = "$engine" ] || continue
        count=$($command "$plugins")
        code=$?
        [ "$code" -ne 77 ] || skip "the $engine engine cannot be counted here"
        [ "$code" -eq 0 ] || { problem "counting the $engine engine failed with $code"; continue; }
        count=$(((count + times / 2) / times))
        echo "$engine, $plugins plugins: $count instructions a dispatch, at most $limit"
        [ "$count" -le "$limit" ] || problem "the $engine engine takes $count instructions, more than $limit"
        [ "$count" -gt $((4 * plugins)) ] || problem "$count instructions are too few to be true"
        checked=$((checked + 1))
    done < <(grep -v '^#' "$limits")
    [ "$checked" -gt 0 ] || problem "no limit of the $engine engine was checked"
}

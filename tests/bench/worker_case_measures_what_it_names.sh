#!/usr/bin/env bash
# `hookline bench worker` in its quick form: every part of it runs, its answers are right, and each figure with a goal is
# there. Whether goals are met depends on the machine, and on who else works on it; only that a killed worker fails one request
# at most must not depend on either.
. "$HOOKLINE_SOURCE/tests/lib.sh"
hookline=$HOOKLINE_BUILD/bin/hookline
folder=$(mktemp -d "$PWD/bench.XXXXXX") || exit 1
trap 'rm -rf "$folder"' EXIT

if ! "$hookline" bench worker --quick --rounds 1 --json --dir "$folder" >"$folder/rows" 2>"$folder/log"; then
    cat "$folder/rows" "$folder/log"
    exit 1
fi
left=$(find "$folder" -mindepth 1 ! -name rows ! -name log)
[ -z "$left" ] || problem "left behind: $left"

# has PART WORDS: a row of this part, with these words in it.
has() {
    grep -F "\"what\":\"$1" "$folder/rows" | grep -qF "$2" || problem "no row on $1 with $2 in: $(cat "$folder/rows")"
}
has "64 bytes, bare eventfds, beside" '"engine":"none"'
has "64 bytes, Unix socket, beside" '"engine":"none"'
has "64 bytes through a worker, asleep, beside" '"goal_kind":"ratio_most"'
if [ "$(nproc)" -gt 1 ]; then
    has "64 bytes, bare eventfds, apart" '"engine":"none"'
    has "64 bytes through a worker, asleep, apart" '"goal_kind":"ratio_most"'
    has "64 bytes through a worker, looking" '"goal_kind":"ratio_least"'
fi
has "start of a worker, until it is ready" '"goal_kind":"ratio_most"'
has "the same in a server of 1 GiB: a worker" '"goal_kind":"ratio_most"'
has "kills at random: service is back" '"goal_kind":"ns_most"'
has "kills at random: requests that failed" '"ok":true'
if [ "${HOOKLINE_TEST_HAVE_INSTALLER:-1}" = 1 ]; then
    has "the same beside a thread that registers" '"goal_kind":"ratio_most"'
    has "hl_module_execute, asleep, beside" '"goal_kind":"ratio_most"'
    [ "$(nproc)" -lt 2 ] || has "hl_module_execute, looking" '"goal_kind":"ratio_most"'
fi
finish

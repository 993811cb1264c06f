#!/usr/bin/env bash
# `hookline bench install` in its quick form: every part of it runs, its answers are right, and each figure with a goal is
# there. Whether goals are met depends on the machine, and on who else works on it; only lost requests and mapped files
# must not depend on either.
. "$HOOKLINE_SOURCE/tests/lib.sh"
[ "${HOOKLINE_TEST_HAVE_INSTALLER:-1}" = 1 ] || skip "this build has no installer"
hookline=$HOOKLINE_BUILD/bin/hookline
folder=$(mktemp -d "$PWD/bench.XXXXXX") || exit 1
trap 'rm -rf "$folder"' EXIT

if ! "$hookline" bench install --quick --rounds 1 --json --dir "$folder" >"$folder/rows" 2>"$folder/log"; then
    cat "$folder/rows" "$folder/log"
    exit 1
fi
left=$(find "$folder" -mindepth 1 ! -name rows ! -name log)
[ -z "$left" ] || problem "left behind: $left"

# has PART WORDS: a row of this part, with these words in it.
has() {
    grep -F "\"what\":\"$1" "$folder/rows" | grep -qF "$2" || problem "no row on $1 with $2 in: $(cat "$folder/rows")"
}
has "1 MB: verified, tried, installed, active" '"goal_kind":"ratio_most"'
has "64 MB: peak RSS grown" '"unit":"KiB"'
has "20 apps, 200 plugins: dispatch right" '"goal_kind":"ns_most"'
if [ -x "$HOOKLINE_BUILD/libexec/hookline/examples/http-server" ]; then
    has "30 upgrades: failed requests" '"value":0.0'
    has "30 upgrades: mapped files more" '"value":0.0'
    for event in request response log; do
        has "30 upgrades: p99.9 of $event" '"baseline":"quiet before"'
    done
fi
finish

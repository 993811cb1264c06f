#!/usr/bin/env bash
# The shared libraries export exactly the symbols of the lists beside this file: the public functions of libhookline-core and
# of libhookline, and the private ones (hl__) that the first shares with the second, under a version of their own.
# After a deliberate change:  HOOKLINE_SOURCE=. HOOKLINE_BUILD=build tests/repo/exports.sh --update
. "$(dirname "$0")/../lib.sh"
[ "${HOOKLINE_TEST_SHARED:-1}" = 1 ] || skip "a static build exports nothing"
[ -z "${HOOKLINE_TEST_SANITIZE:-}" ] || skip "sanitizers export symbols of their own"
update=${1:-}

# exported_by LIBRARY: its names, private ones with "@@HOOKLINE_PRIVATE" behind.
exported_by() {
    nm -D --defined-only "$HOOKLINE_BUILD/lib/$1" | awk '$2 != "A" { print $3 }' | sed 's/\(@@HOOKLINE_PRIVATE\).*/\1/' |
        LC_ALL=C sort
}

# check LIST NAMES
check() {
    local list=$HOOKLINE_SOURCE/tests/repo/$1
    [ -n "$2" ] || problem "nothing to compare with $1"
    [ "$update" != --update ] || printf '%s\n' "$2" >"$list"
    problems_of "$(diff -N "$list" - <<<"$2" | grep '^[<>]')" "$1 (<) differs from the library (>)"
}

core=$(exported_by libhookline-core.so)
public=$(grep -v @ <<<"$core")
check exports.txt "$public"
check exports-shared.txt "$(sed -n 's/@@HOOKLINE_PRIVATE$//p' <<<"$core")"
if [ -e "$HOOKLINE_BUILD/lib/libhookline.so" ]; then
    installer=$(exported_by libhookline.so)
    check exports-installer.txt "$installer"
    problems_of "$(grep -vE '^hl_[a-z]' <<<"$installer")" "not a public name"
    problems_of "$(comm -12 <(echo "$public") <(echo "$installer"))" "in both libraries"
elif [ "${HOOKLINE_TEST_HAVE_INSTALLER:-1}" = 1 ]; then
    problem "no libhookline.so"
fi
problems_of "$(grep -vE '^hl_[a-z]|^hl__thread_(self|attach)$' <<<"$public")" "not a public name"
problems_of "$(grep @ <<<"$core" | grep -v '^hl__')" "a public name with a private version"
finish

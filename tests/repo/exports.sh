#!/usr/bin/env bash
# The shared library exports exactly the symbols of exports.txt, and only names that begin with hl_.
# After a deliberate change:  HOOKLINE_SOURCE=. HOOKLINE_BUILD=build tests/repo/exports.sh --update
. "$(dirname "$0")/../lib.sh"
list=$HOOKLINE_SOURCE/tests/repo/exports.txt
library=$HOOKLINE_BUILD/lib/libhookline-core.so
[ "${HOOKLINE_TEST_SHARED:-1}" = 1 ] || skip "a static build exports nothing"
[ -z "${HOOKLINE_TEST_SANITIZE:-}" ] || skip "sanitizers export symbols of their own"
exported=$(nm -D --defined-only "$library" | awk '{ print $3 }' | LC_ALL=C sort)
[ -n "$exported" ] || problem "nothing can be read from $library"
if [ "${1:-}" = --update ]; then
    printf '%s\n' "$exported" >"$list"
fi
problems_of "$(diff "$list" - <<<"$exported" | grep '^[<>]')" "exports.txt (<) differs from the library (>)"
problems_of "$(grep -vE '^hl_[a-z]|^hl__thread_(self|attach)$' <<<"$exported")" "not a public name"
finish

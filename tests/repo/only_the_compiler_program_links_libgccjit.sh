#!/usr/bin/env bash
# libgccjit is GPL-3: of everything built, only hookline-jit links it.
. "$(dirname "$0")/../lib.sh"
built=("$HOOKLINE_BUILD"/bin/* "$HOOKLINE_BUILD"/libexec/hookline/* "$HOOKLINE_BUILD"/lib/*.so)
count=0
for file in "${built[@]}"; do
    [ -f "$file" ] || continue
    count=$((count + 1))
    if readelf -d "$file" 2>/dev/null | grep -q 'NEEDED.*libgccjit' && [ "${file##*/}" != hookline-jit ]; then
        problem "$file links libgccjit"
    fi
done
[ "$count" -gt 1 ] || problem "nothing built to look at"
if [ "${HOOKLINE_TEST_HAVE_JIT:-0}" = 1 ]; then
    readelf -d "$HOOKLINE_BUILD/libexec/hookline/hookline-jit" | grep -q 'NEEDED.*libgccjit' ||
        problem "hookline-jit does not link libgccjit: this test looks in the wrong place"
fi
finish

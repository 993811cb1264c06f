#!/usr/bin/env bash
# A server that links core alone loads nothing of what the installer needs; neither do the helper programs.
. "$(dirname "$0")/../lib.sh"
needs() { readelf -d "$1" 2>/dev/null | grep -E 'NEEDED.*lib(curl|archive|crypto|ssl|cbor)'; }
for file in lib/libhookline-core.so libexec/hookline/hookline-jit libexec/hookline/hookline-probe; do
    [ -e "$HOOKLINE_BUILD/$file" ] || continue
    problems_of "$(needs "$HOOKLINE_BUILD/$file")" "$file needs"
done
[ -e "$HOOKLINE_BUILD/libexec/hookline/hookline-probe" ] || problem "nothing built to look at"
if [ -e "$HOOKLINE_BUILD/lib/libhookline.so" ]; then
    [ "$(needs "$HOOKLINE_BUILD/lib/libhookline.so" | wc -l)" -ge 4 ] ||
        problem "libhookline does not need them either: this test looks in the wrong place"
fi
finish

#!/usr/bin/env bash
# docs/reference is what scripts/docs writes, and api.md has every function that the library exports.
. "$(dirname "$0")/../lib.sh"
cd "$HOOKLINE_SOURCE" || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
needed scripts/docs "$work"
for page in api.md statuses.md; do
    cmp -s "$work/$page" "docs/reference/$page" || problem "docs/reference/$page is old: run scripts/docs"
done
grep -q '^\*?' "$work/api.md" && problem "api.md has a function without a thread tag"
documented=$(sed -n 's/^### //p' "$work/api.md" | tr -d ' ' | tr ',' '\n')
for name in $(grep -h '^hl_[a-z]' tests/repo/exports.txt tests/repo/exports-installer.txt) hl_call hl_next hl_halt hl_fail; do
    grep -qx "$name" <<<"$documented" || problem "api.md lacks $name"
done
[ "$(grep -c '^| `HL_' "$work/statuses.md")" -eq "$(grep -c '^HL_STATUS(' include/hookline/status.def)" ] ||
    problem "statuses.md has not every row of status.def"
finish

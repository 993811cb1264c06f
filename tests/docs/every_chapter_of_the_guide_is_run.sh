#!/usr/bin/env bash
# Each chapter has a test beside this one, and the index names each chapter.
. "$(dirname "$0")/../lib.sh"
cd "$HOOKLINE_SOURCE" || exit 1
count=0
for chapter in docs/guide/[0-9]*.md; do
    count=$((count + 1))
    grep -qF "$chapter" tests/docs/guide_*_runs_as_printed.sh || problem "no test runs $chapter"
    grep -qF "($(basename "$chapter"))" docs/guide/README.md || problem "the index does not name $chapter"
    grep -q '^```output' "$chapter" || problem "$chapter shows no output"
done
[ "$count" -eq 11 ] || problem "$count chapters found, not 11"
finish

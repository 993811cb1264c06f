#!/usr/bin/env bash
# The README's example compiles, runs, prints what is shown, and has at most 15 lines.
. "$(dirname "$0")/support/chapter.sh"
lines=$(awk '/^```c file=/ { on = 1; next } /^```/ { on = 0 } on' "$HOOKLINE_SOURCE/README.md" | wc -l)
[ "$lines" -ge 10 ] && [ "$lines" -le 15 ] || problem "the example has $lines lines"
run_document "$HOOKLINE_SOURCE/README.md" || problem "README.md does not do what it shows"
finish

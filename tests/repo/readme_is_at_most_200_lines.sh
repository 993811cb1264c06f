#!/usr/bin/env bash
# The README stays short enough to be read.
. "$(dirname "$0")/../lib.sh"
lines=$(wc -l <"$HOOKLINE_SOURCE/README.md") || problem "no README.md"
[ "${lines:-0}" -le 200 ] || problem "README.md has $lines lines; 200 is the most"
finish

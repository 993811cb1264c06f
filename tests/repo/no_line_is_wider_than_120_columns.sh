#!/usr/bin/env bash
# Lines of C and C++ have at most 120 columns. Texts in quotation marks, and macros made of them, may be wider.
. "$(dirname "$0")/../lib.sh"
cd "$HOOKLINE_SOURCE" || exit 1
problems_of "$(find bench examples include jit lib tests tools -name '*.c' -o -name '*.h' -o -name '*.cc' | sort |
    xargs awk 'length > 120 && !/"/ && !/\\$/ { print FILENAME ":" FNR ": " length " columns" }')" "too wide"
finish

#!/usr/bin/env bash
# Every public header compiles alone, as C11 and as C++11, with warnings as errors, under each compiler that is here.
. "$(dirname "$0")/../lib.sh"
flags=(-fsyntax-only -Wall -Wextra -Wpedantic -Werror -I "$HOOKLINE_SOURCE/include")
count=0
check() { # compiler language standard
    local header
    command -v "$1" >/dev/null || return
    for header in "$HOOKLINE_SOURCE"/include/hookline/*.h; do
        # Included twice: its guard has to hold.
        printf '#include <hookline/%s>\n#include <hookline/%s>\nint unused_;\n' "${header##*/}" "${header##*/}" |
            "$1" "${flags[@]}" -x "$2" -std="$3" - || problem "$1 -std=$3: ${header##*/}"
        count=$((count + 1))
    done
}
check gcc c gnu11
check gcc c c11
check g++ c++ c++11
check g++ c++ c++20
check clang c c11
check clang++ c++ c++11
[ "$count" -gt 0 ] || problem "no compiler found"
finish

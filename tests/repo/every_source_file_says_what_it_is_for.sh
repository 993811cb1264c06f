#!/usr/bin/env bash
# Every source file begins with a comment that says what it is for; scripts too, after their first line.
. "$(dirname "$0")/../lib.sh"
cd "$HOOKLINE_SOURCE" || exit 1
count=0
while read -r file; do
    count=$((count + 1))
    read -r first <"$file"
    case $first in
    '/*'* | '//'* | '#!'* | '# '*) ;;
    *) problem "$file begins without a comment" ;;
    esac
    case $first in
    '#!'*) sed -n 2p "$file" | grep -q '^# ' || problem "$file: no comment after #!" ;;
    esac
done < <(find include lib jit tools examples tests bench scripts cmake .ci -type f \
    \( -name '*.c' -o -name '*.h' -o -name '*.cc' -o -name '*.sh' -o -name '*.cmake' -o -name CMakeLists.txt \
    -o -path 'scripts/*' -o -path '.ci/*' \) ! -path '*/golden/*')
[ "$count" -gt 40 ] || problem "only $count files found"
finish

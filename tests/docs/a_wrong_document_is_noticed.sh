#!/usr/bin/env bash
# The tests of the documents can fail: code that does not compile, a command that fails, output that differs, a block
# without an end.
. "$(dirname "$0")/support/chapter.sh"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# document LINE...: writes $work/document.md; ~~~ stands for three backquotes.
document() {
    printf '%s\n' "$@" | sed 's/~~~/```/' >"$work/document.md"
}

passes() {
    (run_document "$work/document.md") >"$work/log" 2>&1
}

document '~~~c file=a.c' 'int main(void) { return 0; }' '~~~' '~~~sh test' 'cc -o a a.c && ./a && echo done' '~~~' \
    '~~~output' 'd...e' '~~~'
passes || problem "a right document fails: $(cat "$work/log")"
document '~~~c file=a.c' 'int main(void) { return x; }' '~~~' '~~~sh test' 'cc -o a a.c && ./a && echo done' '~~~'
passes && problem "code that does not compile passes"
document '~~~sh test' 'false' 'echo go on' '~~~'
passes && problem "a failing command passes"
for shown in 'one' 'one,two,three' 'two,one' 'one,...,three' 'o...x,two'; do
    document '~~~sh test' 'echo one; echo two' '~~~' '~~~output' "$(tr ',' '\n' <<<"$shown")" '~~~'
    passes && problem "output 'one two' passes as '$shown'"
done
for shown in 'one,two' '...,two' 'one,...' '...' 'o...e,t...o'; do
    document '~~~sh test' 'echo one; echo two' '~~~' '~~~output' "$(tr ',' '\n' <<<"$shown")" '~~~'
    passes || problem "output 'one two' fails as '$shown'"
done
document '~~~sh test' 'true'
passes && problem "a block without an end passes"
document 'no block at all'
passes && problem "a document without commands passes"
finish

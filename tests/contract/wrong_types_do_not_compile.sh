#!/usr/bin/env bash
# Calling a typed event, writing a plugin for it, or describing its fields with the wrong type does not compile, in C
# and in C++; with the right one it does, so that each refusal is about the type.
. "$(dirname "$0")/../lib.sh"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# The declaration, a right plugin and a right call; each line below is put behind it, into a function.
prelude() {
    cat <<'END'
#include <hookline/hookline.h>
#include <hookline/typed.h>
struct request { int fd; uint32_t status; char path[16]; };
struct other { int fd; uint32_t status; char path[16]; };
HL_TYPED_EVENT(request, "request", struct request,
               HL_FIELD(struct request, int, fd), HL_FIELD(struct request, char[16], path))
HL_TYPED_CALLS(request)
HL_TYPED_EVENT(other, "other", struct other, HL_FIELD(struct other, int, fd))
HL_TYPED_CALLS(other)
static hl_reply right(void *self, struct request *state, const void *meta)
{ (void)self; (void)meta; return hl_next(state); }
static hl_reply wrong(void *self, struct other *state, const void *meta)
{ (void)self; (void)meta; return hl_next(state); }
static hl_reply untyped(void *self, void *state, const void *meta)
{ (void)self; (void)meta; return hl_next(state); }
HL_TYPED_PLUGIN(request, right)
static const hl_plugin_spec spec = HL_TYPED_PLUGIN_INIT("right", request, right);
hl_reply use_all(request_event ev, other_event oe, struct request *r, struct other *o, hl_runtime *rt,
                 const char *text);
END
}

# compile LANGUAGE TOP INSIDE: TOP at file scope, INSIDE in a function that gets every kind of thing.
compile() {
    local compiler=$HOOKLINE_TEST_CC standard=-std=c11 file=$work/try.c
    if [ "$1" = c++ ]; then
        compiler=$HOOKLINE_TEST_CXX standard=-std=c++17 file=$work/try.cc
    fi
    {
        prelude
        printf '%s\n' "$2"
        echo 'hl_reply use_all(request_event ev, other_event oe, struct request *r, struct other *o, hl_runtime *rt,'
        echo '                 const char *text)'
        printf '{ (void)ev; (void)oe; (void)r; (void)o; (void)rt; (void)text; (void)spec; (void)wrong; (void)untyped;\n'
        printf '  %s\n  return hl_next(0); }\n' "$3"
    } >"$file"
    "$compiler" "$standard" -D_GNU_SOURCE -I"$HOOKLINE_SOURCE/include" -c -o "$work/try.o" "$file" 2>"$work/log"
}

accepts() { # what top inside
    for language in c c++; do
        compile "$language" "$2" "$3" || problem "$language refuses $1: $(head -3 "$work/log")"
    done
}

# A refusal has to be about types: the line says what the compiler must complain of.
refuses() { # what top inside complaint
    for language in c c++; do
        if compile "$language" "$2" "$3"; then
            problem "$language accepts $1"
        elif ! grep -qE "$4" "$work/log"; then
            problem "$language refuses $1 for another reason: $(head -3 "$work/log")"
        fi
    done
}

complaint='incompatible|cannot convert|could not convert|no known conversion|negative|array.*size|invalid conversion'
complaint+='|not a request_fn|cannot initialize|distinct pointer|conditional expression|no matching|different type'

accepts 'the right call' '' 'return request_call(ev, r, 0);'
accepts 'NULL as the state' '' 'return request_call(ev, NULL, 0);'
accepts 'opening' '' 'if (request_open(rt, &ev) != HL_OK) return hl_fail(HL_ERR_PLUGIN);'
refuses 'a call with another struct of the same layout' '' 'return request_call(ev, o, 0);' "$complaint"
refuses 'a call with text' '' 'return request_call(ev, text, 0);' "$complaint"
refuses 'a call with a struct instead of a pointer' '' 'return request_call(ev, *r, 0);' "$complaint"
refuses 'a call with a number' '' 'return request_call(ev, 5, 0);' "$complaint"
refuses 'a call with the handle of another event' '' 'return request_call(oe, r, 0);' "$complaint"
refuses 'opening into the handle of another event' '' \
    'if (request_open(rt, &oe) != HL_OK) return hl_next(0);' "$complaint"
refuses 'a plugin for another struct' 'HL_TYPED_PLUGIN(request, wrong)' '(void)wrong_call;' "$complaint"
refuses 'an untyped plugin' 'HL_TYPED_PLUGIN(request, untyped)' '(void)untyped_call;' "$complaint"
refuses 'a field of another type' \
    'HL_TYPED_EVENT(third, "third", struct request, HL_FIELD(struct request, long, fd))' '(void)third_contract;' \
    "$complaint"
refuses 'a field of another signedness' \
    'HL_TYPED_EVENT(third, "third", struct request, HL_FIELD(struct request, int, status))' '(void)third_contract;' \
    "$complaint"
refuses 'an array of another length' \
    'HL_TYPED_EVENT(third, "third", struct request, HL_FIELD(struct request, char[17], path))' '(void)third_contract;' \
    "$complaint"
refuses 'a field that is not there' \
    'HL_TYPED_EVENT(third, "third", struct request, HL_FIELD(struct request, int, gone))' '(void)third_contract;' \
    'no member|has no member'
finish

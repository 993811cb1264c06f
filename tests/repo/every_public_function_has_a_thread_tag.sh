#!/usr/bin/env bash
# Every function declared in a public header has one of the thread tags of abi.h in its comment.
. "$(dirname "$0")/../lib.sh"
untagged=$(awk '
    function judge(   name) {
        if (match(declaration, /hl_[a-z0-9_]*\(/)) {
            name = substr(declaration, RSTART, RLENGTH - 1)
            seen++
            if (name !~ /^hl__/ && (comment " " declaration) !~ tag) print FILENAME ": " name
        }
        declaration = ""
    }
    BEGIN { tag = "\\[(any-thread|dispatch|not-in-plugin|plugin|control)\\]" }
    FNR == 1 { comment = ""; inside = 0; declaration = "" }
    inside || /^\/\*/ { comment = (inside ? comment : "") $0; inside = !/\*\//; next }
    /^$/ { comment = ""; next }
    /^(HL_API|static inline) / || declaration != "" {
        declaration = declaration " " $0
        if (/;|^{|{ *$/) judge()
    }
    END { if (seen < 50) print "only " seen " functions found: this test cannot read the headers" }
' "$HOOKLINE_SOURCE"/include/hookline/*.h | sed "s|$HOOKLINE_SOURCE/||")
problems_of "$untagged" "no thread tag"
finish

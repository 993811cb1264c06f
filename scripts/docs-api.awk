# One public header as a chapter of docs/reference/api.md: each function's declaration, thread tag and comment. Functions
# declared together share a comment. Called by scripts/docs.

# The text of a comment line, without marks and the indentation that all lines have.
function text_of(line) {
    sub(/^\/\* ?/, "", line)
    sub(/ ?\*\/$/, "", line)
    sub(/^ \* ?/, "", line)
    return line
}

function take_tag(text,    tag) {
    if (match(text, /\[(any-thread|dispatch|not-in-plugin|plugin|control)\]/))
        return substr(text, RSTART + 1, RLENGTH - 2)
    return ""
}

# Sentences first, as a paragraph; rows such as "flags  HL_START" after them, as they stand.
function print_comment(    i, line, paragraph, rows, in_rows) {
    for (i = 1; i <= comment_len; i++) {
        line = comment[i]
        gsub(/ ?\[(any-thread|dispatch|not-in-plugin|plugin|control)\]/, "", line)
        if (line == "") {
            in_rows = 1
            continue
        }
        if (in_rows)
            rows = rows line "\n"
        else
            paragraph = paragraph (paragraph ? " " : "") line
    }
    if (paragraph)
        print paragraph "\n"
    if (rows)
        print "```text\n" rows "```\n"
}

function flush(    i, tag) {
    if (declarations_len) {
        for (i = 1; i <= declarations_len; i++)
            printf "%s%s", (i > 1 ? ", " : "### "), names[i]
        tag = take_tag(all)
        print "\n\n*" (tag ? tag : "?") "*\n\n```c"
        for (i = 1; i <= declarations_len; i++)
            print declarations[i]
        print "```\n"
        print_comment()
    }
    declarations_len = comment_len = 0
    all = ""
}

function keep(    name, clean) {
    clean = declaration
    all = all " " clean
    sub(/\/\*.*$/, "", clean)
    sub(/ *\{ *$/, "", clean)
    gsub(/HL_API |HL_MUST_USE /, "", clean)
    gsub(/  +/, " ", clean)
    sub(/^ /, "", clean)
    sub(/ $/, "", clean)
    sub(/[^;]$/, "&;", clean)
    declaration = ""
    if (!match(clean, /hl_[a-z0-9_]*\(/) || substr(clean, RSTART, 4) == "hl__")
        return
    name = substr(clean, RSTART, RLENGTH - 1)
    names[++declarations_len] = name
    declarations[declarations_len] = clean
}

FNR == 1 {
    name = FILENAME
    sub(/.*\//, "", name)
    print "## hookline/" name "\n"
}
!inside && /^\/\*/ { flush(); inside = 1 }
inside {
    comment[++comment_len] = text_of($0)
    all = all " " $0
    inside = !/\*\/ *$/
    next
}
declaration == "" && /^$/ { flush(); next }
declaration != "" || /^(HL_API|static inline|extern) .*\(/ {
    line = $0
    gsub(/^ +/, " ", line)
    declaration = declaration line
    if (/;|\{ *$/ || /\)$/ && declaration ~ /^static inline/)
        keep()
}
END { flush() }

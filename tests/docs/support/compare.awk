# Compares what a command printed (second file) with what a document shows (first file): `...` stands for anything.
# Columns may be wider or narrower than shown.
function matches(shown, text,    parts, n, i, at) {
    n = split(shown, parts, /\.\.\./)
    if (n <= 1)
        return shown == text
    if (substr(text, 1, length(parts[1])) != parts[1])
        return 0
    text = substr(text, length(parts[1]) + 1)
    for (i = 2; i < n; i++) {
        at = index(text, parts[i])
        if (!at)
            return 0
        text = substr(text, at + length(parts[i]))
    }
    return length(text) >= length(parts[n]) && substr(text, length(text) - length(parts[n]) + 1) == parts[n]
}
{
    gsub(/ +/, " ")
    sub(/[ \t]+$/, "")
}
NR == FNR { shown[++shown_len] = $0; next }
{ text[++text_len] = $0 }
END {
    at = 1
    for (i = 1; i <= shown_len; i++) {
        if (shown[i] == "...") {
            skip = 1
            continue
        }
        while (skip && at <= text_len && !matches(shown[i], text[at]))
            at++
        if (at > text_len || !matches(shown[i], text[at])) {
            print "not printed here: " shown[i]
            exit 1
        }
        at++
        skip = 0
    }
    if (!skip && at <= text_len) {
        print "printed, but not shown: " text[at]
        exit 1
    }
}

# The manual page keeps up with the table of verbs.
. "$HOOKLINE_SOURCE/tests/cli/support/cli.sh"
page=$HOOKLINE_SOURCE/docs/man/hookline.1
# Dashes and quotes as they are read, not as they are written.
text=$(sed 's/\\-/-/g; s/\\(aq/'"'"'/g' "$page")
documents=$(sed -n '/^\.SH JSON DOCUMENTS/,/^\.SH ENVIRONMENT/p' <<<"$text" | grep -A 1 '^\.TP' | tr ',' '\n')
succeeds help --json
for ((i = 0; i < $(json verbs.#); i++)); do
    name=$(json "verbs.$i.name")
    grep -qE "^\.BI? $name\b" <<<"$text" || problem "no paragraph on the verb $name"
    grep -qE "^ ?$name\b" <<<"$documents" || problem "nothing on the JSON document of $name"
    for ((k = 0; k < $(json "verbs.$i.options.#"); k++)); do
        option=$(json "verbs.$i.options.$k.name")
        grep -q -e "--$option" <<<"$text" || problem "nothing on the option --$option"
    done
done
for code in 0 1 2 3 4; do
    grep -q "^\.B $code$" <<<"$text" || problem "nothing on exit code $code"
done
if command -v man >/dev/null; then
    warnings=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)
    [ -z "$warnings" ] || problem "man warns: $warnings"
fi
finish

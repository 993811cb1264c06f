#!/usr/bin/env bash
# docs/reference/seed-rows.md has each row once, names only tests that exist, and knows every row that headers and
# tests name.
. "$(dirname "$0")/../lib.sh"
cd "$HOOKLINE_SOURCE" || exit 1
table=docs/reference/seed-rows.md

# expect PREFIX FIRST LAST: each number in between has a row.
expect() {
    local number
    for number in $(seq "$2" "$3"); do
        printf -v row '%s-%0*d' "$1" "${#3}" "$number"
        [ "$(grep -c "^| $row |" "$table")" -eq 1 ] || problem "$row is not in the table once"
    done
}
for range in PD:14 CA:19 CM:12 OD:16 LC:22 PB:13 RG:16 EH:10 ST:13 PS:16 TE:13 TM:11; do
    expect "${range%%:*}" 1 "${range##*:}"
done
for range in HL:08 LG:03 CF:08 HP:06 VD:09 BS:06 EC:05 VR:05 IR:05 IN:18 SE:17 DL:07 LH:08 RP:05 OL:04; do
    expect "${range%%:*}" 1 "${range##*:}"
done
for range in MK:09 MC:08 MR:08 ML:07 MX:04 MB:03 MS:03 MG:08 M1:07; do
    expect "${range%%:*}" 1 "${range##*:}"
done
expect X 010 032
expect X 040 063
expect X 100 110

for file in $(grep -oE '\b[a-z]+/[a-z0-9_]+\.(c|sh)\b' "$table" | sort -u); do
    [ -f "tests/$file" ] || [ "$file" = contract/every_row_is_accounted_for.sh ] || problem "there is no tests/$file"
done

rows='PD|CA|CM|OD|LC|PB|RG|EH|HL|ST|PS|TE|LG|CF|HP|VD|TM|BS|EC|VR|IR|IN|SE|DL|LH|RP|OL|M[KCRLXBSG1]'
named=$(grep -rhoE "\b($rows)-[0-9]{2}\b|\bX-(0[1-6]|1[01])[0-9]\b" --include='*.h' --include='*.c' include lib tests | sort -u)
[ "$(wc -l <<<"$named")" -gt 60 ] || problem "headers and tests name too few rows for the search to be right"
for row in $named; do
    grep -q "^| $row |" "$table" || problem "$row is named in the tree and not in the table"
done

# rows_in FILE...: each row that they quote; "LC-02 to LC-06" quotes five.
rows_in() {
    local first to last from number
    cat "$@" | tr -s '\n*/ ' ' ' | grep -oE '\b[A-Z][A-Z0-9]*-[0-9]{2,3}( to [A-Z][A-Z0-9]*-[0-9]{2,3})?' |
        while read -r first to last; do
            echo "$first"
            from=${first#*-}
            [ -z "$to" ] || for number in $(seq "$from" "${last#*-}"); do
                printf '%s-%0*d\n' "${first%-*}" "${#from}" "$number"
            done
        done
}

# Each row that a test covers is quoted by a test that the row names.
while IFS='|' read -r _ row _ kind where; do
    row=${row// /}
    [[ $row != X-* ]] || where=$kind$where # defects have no kind
    [ "${kind// /}" != none ] || continue
    files=$(grep -oE '\b[a-z]+/[a-z0-9_]+\.(c|sh)\b' <<<"$where" | sed 's|^|tests/|')
    # shellcheck disable=SC2086
    [ -z "$files" ] || grep -qw "$row" $files || rows_in $files | grep -x "$row" >/dev/null ||
        problem "$row is in none of the tests that it names"
done < <(grep -E '^\| [A-Z0-9]+-[0-9]+ \|' "$table")
finish

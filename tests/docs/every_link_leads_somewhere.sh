#!/usr/bin/env bash
# Links between documents lead to files that exist, and to headings that exist in them.
. "$(dirname "$0")/../lib.sh"
cd "$HOOKLINE_SOURCE" || exit 1
count=0

# anchors FILE: its headings as GitHub names them.
anchors() {
    sed -n 's/^##* //p' "$1" | tr '[:upper:]' '[:lower:]' | sed 's/[^a-z0-9 _-]//g; s/ /-/g'
}

check_link() { # document target
    local file=${2%%#*} anchor=
    count=$((count + 1))
    [[ $2 != *'#'* ]] || anchor=${2#*#}
    if [ -n "$file" ]; then
        file=$(dirname "$1")/$file
    else
        file=$1
    fi
    [ -e "$file" ] || { problem "$1: no file for the link $2"; return; }
    [ -z "$anchor" ] || anchors "$file" | grep -qx -- "$anchor" || problem "$1: no heading for the link $2"
}

while read -r document; do
    while read -r target; do
        check_link "$document" "$target"
    done < <(awk '/^```/ { code = !code } !code' "$document" | grep -oE '\]\([^)]+\)' | sed 's/^](//; s/)$//' | grep -v '^https\?:')
done < <(find README.md CHANGELOG.md docs tests -name '*.md')
[ "$count" -gt 20 ] || problem "only $count links found"
finish

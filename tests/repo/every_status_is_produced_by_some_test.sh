#!/usr/bin/env bash
# Every row of status.def is named by at least one test that is not about the table itself.
. "$(dirname "$0")/../lib.sh"
cd "$HOOKLINE_SOURCE" || exit 1
names=$(sed -n 's/^HL_STATUS(\([A-Z0-9_]*\),.*/\1/p' include/hookline/status.def)
[ "$(wc -l <<<"$names")" -gt 30 ] || problem "status.def cannot be read"
for name in $names; do
    grep -rqw --include='*.c' --include='*.cc' --include='*.sh' --exclude-dir=repo -- "$name" tests ||
        problem "no test names $name"
done
finish

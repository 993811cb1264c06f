#!/usr/bin/env bash
# The arrows between the rooms: who may include whom. Told by the #include lines.
. "$(dirname "$0")/../lib.sh"
cd "$HOOKLINE_SOURCE" || exit 1

# may ROOM REGEX: of the quoted includes of a room's files, only those that match are allowed.
may() {
    local files
    files=$(find "$1" -maxdepth "${3:-9}" -name '*.[ch]' 2>/dev/null)
    [ -n "$files" ] || { problem "no source in $1"; return; }
    # shellcheck disable=SC2086
    problems_of "$(grep -HnE '^ *# *include +"' $files | grep -vE "include +\"($2)\"")" "$1 must not include"
}
own='[a-z0-9_]+\.h'
may lib/core "core/$own|store/store\.h|$own"
may lib/store "(core|store)/$own|$own"
may lib/library "(core|library)/$own|$own"
may lib/observe "(core|observe)/$own|$own|store/store\.h"
may lib/install "(core|library|install)/$own|store/store\.h|observe/prepared\.h|$own"
may lib/module "(core|install|library|module|worker)/$own|store/store\.h|$own"
may lib/worker "(core|library|worker)/$own|$own"
may jit "(core|jit)/$own|$own"
may tools "(tools/)?$own"
may examples "$own"
problems_of "$(grep -rlE '^ *# *include +"install/' --include='*.[ch]' lib jit tools examples include bench |
    grep -vE '^lib/(install/|libhookline\.c$|module/)')" "only lib/install and tests may include its headers"
problems_of "$(grep -rlE '^ *# *include +"module/' --include='*.[ch]' lib jit tools examples include bench |
    grep -vE '^lib/(module/|libhookline\.c$)')" "only lib/module and tests may include its headers"
problems_of "$(grep -rlE '^ *# *include +<(curl/|archive)' --include='*.[ch]' lib jit tools examples include bench |
    grep -v '^lib/install/')" "only lib/install may use curl and libarchive"
problems_of "$(grep -rlE '^ *# *include +<openssl/' --include='*.[ch]' lib jit tools examples include bench |
    grep -vE '^lib/(install|module)/')" "only lib/install and lib/module may use OpenSSL"
problems_of "$(grep -rlE '^ *# *include +<cbor' --include='*.[ch]' lib jit tools examples include bench |
    grep -v '^lib/module/')" "only lib/module may use libcbor"
problems_of "$(grep -rlE '^ *# *include +[<"]libgccjit' --include='*.[ch]' lib jit tools examples include bench |
    grep -vx 'jit/emit\.c')" "only jit/emit.c may include libgccjit.h"
problems_of "$(grep -rnE '^ *# *include +"\.\.?/' --include='*.[ch]' lib jit tools include)" "include by a relative path"
finish

# Runs a document as a reader would: writes the files it shows, runs its commands in order, compares what they print.
# Sourced by the tests beside this folder. tests/README.md says how blocks are marked.
# shellcheck shell=bash
. "${HOOKLINE_SOURCE:?run by ctest, or set it to the source folder}/tests/lib.sh"
: "${HOOKLINE_BUILD:?the build folder}"
here=$HOOKLINE_SOURCE/tests/docs/support

# make_prefix FOLDER: what a reader has: Hookline installed, and a compiler.
make_prefix() {
    local prefix=$1 sanitize=
    # liburcu's readers are not aligned as their type says, which is liburcu's affair.
    [ -z "${HOOKLINE_TEST_SANITIZE:-}" ] || sanitize="-fsanitize=$HOOKLINE_TEST_SANITIZE -fno-sanitize=alignment"
    needed "${HOOKLINE_TEST_CMAKE:-cmake}" --install "$HOOKLINE_BUILD" --prefix "$prefix" >"$prefix.log"
    mkdir "$prefix/compiler"
    write_wrapper "$prefix/compiler/cc" "${HOOKLINE_TEST_CC:-cc}" "$sanitize"
    write_wrapper "$prefix/compiler/c++" "${HOOKLINE_TEST_CXX:-c++}" "$sanitize"
    if [ "${HOOKLINE_TEST_SHARED:-1}" = 0 ]; then
        write_wrapper "$prefix/compiler/pkg-config" "$(command -v pkg-config)" --static
    fi
    unset CC CXX HOOKLINE_STORE
    export PATH=$prefix/compiler:$prefix/bin:$PATH
    export PKG_CONFIG_PATH=$prefix/lib/pkgconfig CMAKE_PREFIX_PATH=$prefix LD_LIBRARY_PATH=$prefix/lib
    export HOOKLINE_JIT=$prefix/libexec/hookline/hookline-jit HOOKLINE_PROBE=$prefix/libexec/hookline/hookline-probe
    export HOOKLINE_WORKER=$prefix/libexec/hookline/hookline-worker
    export HOOKLINE_MODULE=$prefix/libexec/hookline/hookline-module HOOKLINE_INCLUDE=$prefix/include
    export HOOKLINE_SANDBOX=$prefix/libexec/hookline/hookline-sandbox
}

write_wrapper() { # file program argument
    printf '#!/bin/sh\nexec %s %s "$@"\n' "$2" "$3" >"$1"
    chmod +x "$1"
}

# run_document FILE...: in a folder of its own.
run_document() {
    local work status=0
    work=$(mktemp -d "$PWD/docs.XXXXXX") || exit 1
    make_prefix "$work/prefix"
    mkdir "$work/reader"
    for document in "$@"; do
        awk -f "$here/extract.awk" "$document" || exit 1
    done >"$work/script"
    (cd "$work/reader" && exec timeout 160 bash "$here/run.sh" "$work/script") || status=1
    rm -rf "$work"
    return $status
}

# Installs a shared or a static Hookline, moves the prefix, and lets the outside project use it. Sourced by the tests
# beside this folder, which call check_package ON or check_package OFF (for BUILD_SHARED_LIBS).
# shellcheck shell=bash
. "$HOOKLINE_SOURCE/tests/lib.sh"
outside=$HOOKLINE_SOURCE/tests/install/outside
[ -z "${HOOKLINE_TEST_SANITIZE:-}" ] || skip "a sanitized library cannot be linked by a stranger"
# What is installed has to find its own programs.
unset HOOKLINE_JIT HOOKLINE_PROBE HOOKLINE_WORKER HOOKLINE_MODULE HOOKLINE_SANDBOX HOOKLINE_INCLUDE
work=$(mktemp -d "$PWD/install.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT

on_or_off() { [ "$1" = 1 ] && echo ON || echo OFF; }

# built SHARED: the folder of a build with this BUILD_SHARED_LIBS: this one, or another made for the purpose.
built() {
    local shared=0
    [ "$1" = OFF ] || shared=1
    if [ "$shared" = "$HOOKLINE_TEST_SHARED" ]; then
        echo "$HOOKLINE_BUILD"
        return
    fi
    local other=$HOOKLINE_BUILD/tests/other-package
    "$HOOKLINE_TEST_CMAKE" -G Ninja -S "$HOOKLINE_SOURCE" -B "$other" -DBUILD_SHARED_LIBS="$1" \
        -DHOOKLINE_JIT="$(on_or_off "$HOOKLINE_TEST_HAVE_JIT")" \
        -DHOOKLINE_INSTALLER="$(on_or_off "$HOOKLINE_TEST_HAVE_INSTALLER")" \
        -DHOOKLINE_TESTS=OFF -DCMAKE_C_COMPILER="$HOOKLINE_TEST_CC" >&2 &&
        "$HOOKLINE_TEST_CMAKE" --build "$other" >&2 && echo "$other"
}

# answers COMMAND EXPECTED-TOTAL
answers() {
    local engine=reference output
    [ "$HOOKLINE_TEST_HAVE_JIT" = 0 ] || engine=compiled
    # shellcheck disable=SC2086
    output=$($1 2>&1) || problem "$1: exit status $?"
    [ "$output" = "total $2 engine $engine" ] || problem "$1 said '$output', not 'total $2 engine $engine'"
}

each_server_runs_each_plugin() { # folder
    answers "$1/server $1/plugin.so" 11
    answers "$1/server_cxx $1/plugin.so" 11
    answers "$1/server $1/plugin_cxx.so" 101
    answers "$1/server_cxx $1/plugin_cxx.so" 101
}

# package FOLDER: makes FOLDER/package out of its plugin.so.
package() {
    local libc=gnu
    ! ldd --version 2>&1 | grep -qi musl || libc=musl
    mkdir -p "$1/package/lib"
    cp "$1/plugin.so" "$1/package/lib/"
    cat >"$1/package/hookline.json" <<END
{"app": "stranger", "version": "1.0.0", "abi": 1, "architecture": "$(uname -m)", "libc": "$libc",
 "libraries": [{"file": "lib/plugin.so", "plugins": ["ten"]}]}
END
}

# says EXPECTED COMMAND...
says() {
    local expected=$1 output
    shift
    output=$("$@" 2>&1) || problem "$*: exit status $?"
    [ "$output" = "$expected" ] || problem "$* said '$output', not '$expected'"
}

an_app_is_installed_and_is_there_after_a_restart() { # folder
    [ "$HOOKLINE_TEST_HAVE_INSTALLER" = 1 ] || return 0
    package "$1"
    says "stranger 1.0.0 total 10" "$1/installing" "lmdb:$1/store" "$1/package"
    says "total 10" "$1/restarted" "lmdb:$1/store"
}

who_uses_core_loads_core_alone() { # folder
    problems_of "$(ldd "$1/server" | grep -E 'libhookline\.|libcurl|libarchive|libcrypto|libssl')" "$1/server loads"
}

the_programs_work() { # folder
    each_server_runs_each_plugin "$1"
    an_app_is_installed_and_is_there_after_a_restart "$1"
    who_uses_core_loads_core_alone "$1"
}

by_cmake() {
    needed "$HOOKLINE_TEST_CMAKE" -G Ninja -S "$outside" -B "$work/cmake" -DCMAKE_PREFIX_PATH="$prefix" \
        -DCMAKE_C_COMPILER="$HOOKLINE_TEST_CC" -DCMAKE_CXX_COMPILER="$HOOKLINE_TEST_CXX" \
        -DINSTALLER="$HOOKLINE_TEST_HAVE_INSTALLER"
    needed "$HOOKLINE_TEST_CMAKE" --build "$work/cmake"
    the_programs_work "$work/cmake"
}

by_pkg_config() { # pkg-config's option for a static library, or nothing
    mkdir "$work/make"
    export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
    needed make -C "$outside" OUT="$work/make" STATIC="$1" CC="$HOOKLINE_TEST_CC" CXX="$HOOKLINE_TEST_CXX" \
        INSTALLER="$HOOKLINE_TEST_HAVE_INSTALLER"
    the_programs_work "$work/make"
}

# configured NAME LINE...: whether CMake accepts a project of these lines.
configured() {
    local folder=$work/$1
    mkdir "$folder"
    shift
    printf '%s\n' 'cmake_minimum_required(VERSION 3.20)' 'project(stranger C)' "$@" >"$folder/CMakeLists.txt"
    "$HOOKLINE_TEST_CMAKE" -S "$folder" -B "$folder/build" -DCMAKE_PREFIX_PATH="$prefix" >"$folder.log" 2>&1
}

an_unknown_component_is_refused() {
    ! configured unknown 'find_package(hookline REQUIRED COMPONENTS no-such-part)' ||
        problem "find_package accepts a component that does not exist"
    grep -q 'no-such-part' "$work/unknown.log" || problem "the refusal does not name the component"
}

# On a machine without what the installer links, for those who did not ask for it.
the_component_core_asks_for_nothing_of_the_installer() {
    local without=()
    for package in CURL LibArchive OpenSSL; do
        without+=("set(CMAKE_DISABLE_FIND_PACKAGE_$package ON)")
    done
    configured core "${without[@]}" 'find_package(hookline REQUIRED COMPONENTS core)' \
        'if(NOT TARGET hookline::core OR TARGET hookline::hookline)' 'message(FATAL_ERROR "not core alone")' 'endif()' ||
        problem "find_package with core alone fails: $(tail -n 5 "$work/core.log")"
}

the_prefix_is_complete() {
    local file
    for file in bin/hookline libexec/hookline/hookline-probe include/hookline/hookline.h share/man/man1/hookline.1 \
        share/bash-completion/completions/hookline share/zsh/site-functions/_hookline; do
        [ -e "$prefix/$file" ] || problem "not installed: $file"
    done
    problems_of "$(grep -rlF -e "$HOOKLINE_SOURCE" -e "$HOOKLINE_BUILD" -e "$work" "$prefix/lib/cmake" \
        "$prefix/lib/pkgconfig" "$prefix/include")" "installed file names a folder of the build"
    env -i "$prefix/bin/hookline" --version >/dev/null || problem "the installed command does not run"
}

# Compiled with the installed headers, in the installed sandbox, called in the installed worker.
the_command_makes_and_calls_a_module() {
    [ "$HOOKLINE_TEST_HAVE_INSTALLER" = 1 ] || return
    local run=(env -i PATH="$PATH" HOOKLINE_STORE="lmdb:$work/modules" "$prefix/bin/hookline" module) key sum
    key=$("${run[@]}" register new "$HOOKLINE_SOURCE/examples/modules/math.c") || problem "no module is made: exit status $?"
    sum=$("${run[@]}" execute "${key%% *}" add '[5, 2]') || problem "no module is called: exit status $?"
    [ "$sum" = 7 ] || problem "the module said '$sum'"
}

check_package() {
    local build
    build=$(built "$1") || { problem "no build with BUILD_SHARED_LIBS=$1"; finish; }
    needed "$HOOKLINE_TEST_CMAKE" --install "$build" --prefix "$work/first" >"$work/install.log"
    prefix=$work/elsewhere/moved
    mkdir "$work/elsewhere" && mv "$work/first" "$prefix"
    the_prefix_is_complete
    an_unknown_component_is_refused
    the_component_core_asks_for_nothing_of_the_installer
    the_command_makes_and_calls_a_module
    if [ "$1" = OFF ]; then
        # A static library lies inside the server, so it cannot know the prefix: it has to be told.
        export HOOKLINE_JIT=$prefix/libexec/hookline/hookline-jit HOOKLINE_PROBE=$prefix/libexec/hookline/hookline-probe
        by_cmake
        by_pkg_config --static
    else
        by_cmake
        by_pkg_config ""
    fi
    finish
}

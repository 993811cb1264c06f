# What the command's tests share: running the command and looking at its answer, and a server to ask.
# shellcheck shell=bash
. "${HOOKLINE_SOURCE:?run by ctest, or set it to the source folder}/tests/lib.sh"
: "${HOOKLINE_BUILD:?the build folder}"
HOOKLINE_COMMAND=$HOOKLINE_BUILD/bin/hookline
HOOKLINE_TEST_PROGRAMS=${HOOKLINE_TEST_PROGRAMS:-$HOOKLINE_BUILD/tests/programs}
HOOKLINE_TEST_PLUGINS=${HOOKLINE_TEST_PLUGINS:-$HOOKLINE_BUILD/tests/plugins}
needed test -x "$HOOKLINE_COMMAND"
unset NO_COLOR
work=$(mktemp -d)
export HOOKLINE_STORE=lmdb:$work/store
server_pid=

clean_up() {
    [ -z "$server_pid" ] || kill "$server_pid" 2>/dev/null
    rm -rf "$work"
}
trap clean_up EXIT

# hookline ARGUMENT...: runs the command; $out, $err and $code are its answer.
hookline() {
    called="hookline $*"
    "$HOOKLINE_COMMAND" "$@" >"$work/out" 2>"$work/err"
    code=$?
    out=$(<"$work/out")
    err=$(<"$work/err")
}

expect_code() {
    [ "$code" = "$1" ] || problem "$called: exit code $code, not $1: $out $err"
}

# says TEXT / warns TEXT: standard output / error contains it.
says() {
    [[ $out == *"$1"* ]] || problem "$called: does not say '$1' but: $out"
}

does_not_say() {
    [[ $out != *"$1"* ]] || problem "$called: says '$1': $out"
}

warns() {
    [[ $err == *"$1"* ]] || problem "$called: does not warn '$1' but: $err"
}

# json PATH: what is there in the answer.
json() {
    printf '%s' "$out" | "$HOOKLINE_TEST_PROGRAMS/cli-json" "$1"
}

# json_is PATH VALUE
json_is() {
    local found
    found=$(json "$1") || problem "$called: no '$1' in: $out"
    [ "$found" = "$2" ] || problem "$called: '$1' is '$found', not '$2'"
}

# succeeds ARGUMENT...: runs the command, which must exit with 0 and say nothing on standard error.
succeeds() {
    hookline "$@"
    expect_code 0
    [ -z "$err" ] || problem "$called: warns: $err"
}

start_server() {
    coproc SERVER { exec "$HOOKLINE_TEST_PROGRAMS/cli-server" "$HOOKLINE_STORE"; }
    local line
    if ! read -r -t 60 line <&"${SERVER[0]}"; then
        echo "failed: the server did not start"
        exit 1
    fi
    server_pid=${line#ready }
}

# tell_server LINE: sends a line; $answer is what comes back.
tell_server() {
    echo "$1" >&"${SERVER[1]}"
    read -r -t 60 answer <&"${SERVER[0]}" || problem "the server did not answer '$1'"
}

stop_server() {
    local pid=$server_pid input=${SERVER[1]}
    server_pid=
    exec {input}>&-
    wait "$pid" || problem "the server ended with $?"
}

# until_true SECONDS COMMAND...: tries it again until it succeeds.
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.02
    done
}

# `hookline module load`, `reload`, `release` and `list`: what they do in the servers that run, and what they say of each.
. "$HOOKLINE_SOURCE/tests/cli/support/cli.sh"
[ "${HOOKLINE_TEST_HAVE_INSTALLER:-1}" = 1 ] || skip "this build has no modules"
second_pid=

# A second server on the store, which ends when $second_input is closed.
start_second() { # PROGRAM
    local line
    mkfifo "$work/second-in" "$work/second-out"
    "$1" "$HOOKLINE_STORE" <"$work/second-in" >"$work/second-out" &
    second_pid=$!
    exec {second_input}>"$work/second-in" {second_output}<"$work/second-out"
    needed read -r -t 60 line <&"$second_output"
}

stop_second() {
    exec {second_input}>&- {second_output}<&-
    wait "$second_pid" || problem "the second server ended with $?"
    rm "$work/second-in" "$work/second-out"
    second_pid=
}

clean_up_all() {
    [ -z "$second_pid" ] || kill -KILL "$second_pid" 2>/dev/null
    clean_up
}
trap clean_up_all EXIT

# place_of PID: its number in the answer's servers.
place_of() {
    local i
    for ((i = 0; i < $(json servers.#); i++)); do
        [ "$(json "servers.$i.pid")" != "$1" ] || echo "$i"
    done
}

# worker_in PID: of $key there; nothing where it is not loaded.
worker_in() {
    local i
    succeeds module list --json
    for ((i = 0; i < $(json modules.key="$key".loaded.#); i++)); do
        [ "$(json "modules.key=$key.loaded.$i.pid")" != "$1" ] || json "modules.key=$key.loaded.$i.worker"
    done
}

succeeds module register new "$HOOKLINE_BUILD/libexec/hookline/examples/modules/math.so" --json
key=$(json key)
unknown=6ba7b810-9dad-41d1-80b4-00c04fd430c8

# Without a server there is nothing to load into.
for word in load reload release; do
    hookline module "$word" "$key"
    expect_code 4
    warns "No server runs"
    warns "Start the server"
    hookline module "$word" "$key" --json
    expect_code 4
    json_is error.status HL_ERR_PEER
    hookline module "$word" "$unknown"
    expect_code 1
    warns HL_ERR_NOT_FOUND
    warns "hookline module list"
    hookline module "$word" "${key%?}"
    expect_code 2
done
succeeds module list --json
json_is modules.0.registered true
json_is modules.0.loaded.# 0

# One server.
start_server
succeeds module load "$key"
says "$server_pid"
says cli-server
says loaded
succeeds module load "$key" --json
json_is key "$key"
json_is done loaded
json_is servers.# 1
json_is servers.0.pid "$server_pid"
json_is servers.0.program cli-server
json_is servers.0.status HL_OK
worker=$(json servers.0.worker)
kill -0 "$worker" 2>/dev/null || problem "there is no worker $worker"
succeeds module list --json
json_is modules.0.loaded.# 1
json_is modules.0.loaded.0.pid "$server_pid"
json_is modules.0.loaded.0.program cli-server
json_is modules.0.loaded.0.worker "$worker"
succeeds module list
[[ $out =~ $key\ +math\ +1\.0\.0\ +here\ +$server_pid\ +$worker ]] || problem "the list does not tell: $out"

# A call in the server's own worker.
succeeds module execute "$key" add '[5, 2]' --in "$server_pid"
[ "$out" = 7 ] || problem "$called: $out"
succeeds module execute "$key" divide '[5, 2]' --in "$server_pid" --json
json_is result 2.5
hookline module execute "$key" divide '[1, 0]' --in "$server_pid"
expect_code 1
warns HL_ERR_PLUGIN
warns 'Division by zero'
hookline module execute "$key" add '[1' --in "$server_pid"
expect_code 2
hookline module execute "$key" add '[1, 2]' --in 1
expect_code 4
warns "no server 1"
hookline module execute "$key" add '[1, 2]' --in here
expect_code 2
hookline module run "$key" add '[1, 2]' --in "$server_pid"
expect_code 2
warns '"module execute"'

succeeds module reload "$key" --json
json_is done reloaded
[ "$(json servers.0.worker)" != "$worker" ] || problem "a reload keeps the worker"
kill -0 "$worker" 2>/dev/null && problem "the worker before the reload lives on"
worker=$(json servers.0.worker)
succeeds module release "$key" --json
json_is done released
kill -0 "$worker" 2>/dev/null && problem "a released worker lives on"
succeeds module list --json
json_is modules.0.loaded.# 0
hookline module execute "$key" add '[1, 2]' --in "$server_pid" --json
expect_code 1
json_is error.status HL_ERR_NOT_LOADED
hookline module release "$key"
expect_code 1
says "HL_ERR_NOT_LOADED"
warns "HL_ERR_NOT_LOADED"
hookline module release "$unknown" --json
expect_code 1
json_is error.status HL_ERR_NOT_FOUND

# What a server cannot load is its row, and the command's error.
cat >"$work/refuses.c" <<'SOURCE'
#include <hookline/module.h>
static hl_status nothing(void *self, const hl_value *args, hl_answer *answer)
{
    (void)self, (void)args, (void)answer;
    return HL_OK;
}
static int load(void **self)
{
    (void)self;
    return 7;
}
static const hl_module_function functions[] = {{"nothing", nothing, 0}};
HL_MODULE_HOOKS("refuses", "1.0.0", functions, load, 0, 0)
SOURCE
hookline module register new "$work/refuses.c" --json
expect_code 0
refuses=$(json key)
hookline module load "$refuses"
expect_code 1
says "HL_ERR_PLUGIN"
warns "Server $server_pid"
hookline module load "$refuses" --json
expect_code 1
json_is servers.0.status HL_ERR_PLUGIN
[ -n "$(json servers.0.message)" ] || problem "no reason: $out"
json_is error.status HL_ERR_PLUGIN

# MR-06: a key that is registered no longer is shown until it is released.
succeeds module load "$key"
succeeds module unregister "$key"
succeeds module list
[[ $out =~ $key\ +math\ +unregistered\ +$server_pid ]] || problem "the list does not tell: $out"
hookline module load "$key"
expect_code 1
warns HL_ERR_NOT_FOUND
succeeds module release "$key"
succeeds module list
does_not_say "$key"
succeeds module register "$key" math

# Two servers: each has workers of its own, and one that does not answer costs its own row only.
start_second "$HOOKLINE_TEST_PROGRAMS/cli-server"
succeeds module load "$key" --json
json_is servers.# 2
[ "$(json servers.0.worker)" != "$(json servers.1.worker)" ] || problem "two servers share a worker: $out"
succeeds module list
[ "$(grep -c "$key" <<<"$out")" = 2 ] || problem "not a row for each server: $out"
kill -STOP "$second_pid"
hookline module reload "$key" --timeout 6000 --json
kill -CONT "$second_pid"
expect_code 1
json_is servers.# 2
json_is "servers.$(place_of "$server_pid").status" HL_OK
json_is "servers.$(place_of "$second_pid").status" HL_ERR_TIMEOUT
json_is error.status HL_ERR_TIMEOUT
kill -STOP "$second_pid"
hookline module list --timeout 3000
kill -CONT "$second_pid"
expect_code 0
warns "$second_pid"
says "$server_pid"

# One of them only.
worker=$(worker_in "$second_pid")
before=$(worker_in "$server_pid")
succeeds module reload "$key" --in "$server_pid" --json
json_is servers.# 1
json_is servers.0.pid "$server_pid"
[ "$(worker_in "$server_pid")" != "$before" ] || problem "the server was not asked"
[ "$(worker_in "$second_pid")" = "$worker" ] || problem "the second server was asked too"
hookline module reload "$key" --in 1
expect_code 4
warns "no server 1"

# Released where it is loaded; where it is not, nothing is wrong.
succeeds module release "$key"
stop_second
succeeds module load "$key"
start_second "$HOOKLINE_TEST_PROGRAMS/cli-server"
succeeds module release "$key" --json
json_is "servers.$(place_of "$server_pid").status" HL_OK
json_is "servers.$(place_of "$second_pid").status" HL_ERR_NOT_LOADED
stop_second
stop_server

# A server of libhookline-core has no modules, and counts for none.
if [ "${HOOKLINE_TEST_SHARED:-1}" = 1 ] && [ -z "${HOOKLINE_TEST_SANITIZE:-}" ]; then
    cat >"$work/core.c" <<'SOURCE'
#include <stdio.h>

#include <hookline/hookline.h>

int main(int argc, char **argv)
{
    hl_options options = HL_OPTIONS_INIT;
    hl_runtime *runtime;

    options.store = argv[argc - 1];
    options.engine = HL_ENGINE_REFERENCE;
    if (hl_open(&options, &runtime) != HL_OK)
        return 1;
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF)
        continue;
    hl_close(runtime);
    return 0;
}
SOURCE
    needed "${HOOKLINE_TEST_CC:-cc}" -I"$HOOKLINE_SOURCE/include" -o "$work/core" "$work/core.c" \
        -L"$HOOKLINE_BUILD/lib" -Wl,-rpath,"$HOOKLINE_BUILD/lib" -lhookline-core -lurcu-bp
    start_second "$work/core"
    succeeds top --once
    says "$second_pid"
    hookline module load "$key"
    expect_code 4
    warns "libhookline"
    start_server
    succeeds module load "$key" --json
    json_is servers.# 1
    json_is servers.0.pid "$server_pid"
    stop_server
    stop_second
fi
finish

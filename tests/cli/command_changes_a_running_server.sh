# Two processes on one store: what the command changes, the server runs; what only the server knows, the command shows.
. "$HOOKLINE_SOURCE/tests/cli/support/cli.sh"
start_server

count_is() {
    tell_server count
    [ "$answer" = "$1" ]
}

count_is 0 || problem "the count is $answer before any counter"
succeeds register --start --wait "$HOOKLINE_TEST_PLUGINS/cli-counter.so" --json
json_is settled.0 "$server_pid"
until_true 10 count_is 2 || problem "two plugins count, but the count is $answer"
succeeds stop doubler --wait
until_true 10 count_is 1 || problem "doubler was stopped, but the count is $answer"
succeeds stop counter --wait
until_true 10 count_is 0 || problem "counter was stopped, but the count is $answer"
succeeds enable counter doubler --wait
until_true 10 count_is 2 || problem "both were enabled, but the count is $answer"

# A library built for another contract is refused before the server hears of it.
hookline register --start "$HOOKLINE_TEST_PLUGINS/cli-stranger.so"
expect_code 1
warns "HL_ERR_CONTRACT"
warns "note"
until_true 10 count_is 2 || problem "a refused library changed the count to $answer"

# Somebody is still inside the chain that was replaced.
tell_server enter
succeeds stop sleepy --wait
succeeds show slow
says "is still held"
says "by 1 thread"
succeeds show slow --json
json_is servers.0.held.0.threads 1
json_is servers.0.chain.# 0
tell_server leave
released() {
    hookline show slow --json
    [ "$(json servers.0.held.#)" = 0 ]
}
until_true 10 released || problem "the old generation is held after the last call has left: $out"

hookline profile bare
expect_code 1
warns "no contract with a state size"
hookline dump nowhere
expect_code 1
warns "nowhere"

# Two servers on one store are both asked.
mkfifo "$work/input"
exec 9<>"$work/input"
"$HOOKLINE_TEST_PROGRAMS/cli-server" "$HOOKLINE_STORE" <"$work/input" >"$work/second" 9>&- &
second=$!
has_started() {
    grep -q ready "$work/second"
}
until_true 60 has_started || problem "a second server did not start"
succeeds events --json
json_is servers 2
json_is events.name=work.servers.# 2

# A killed server leaves its socket, nobody is misled by it, and the next one sweeps it away.
kill -9 $second
wait $second 2>/dev/null
[ "$(find "$work/store/control" -name '*.sock' | wc -l)" = 2 ] || problem "the killed server's socket is not there"
succeeds events --json
json_is servers 1
stop_server
[ "$(find "$work/store/control" -type s | wc -l)" = 1 ] || problem "a server that ended left its socket"
hookline health
expect_code 4
start_server
[ "$(find "$work/store/control" -type s | wc -l)" = 1 ] || problem "the killed server's socket was not swept away"
[ "$(stat -c %a "$work/store/control")" = 700 ] || problem "others may enter the control folder"
[ "$(stat -c %a "$work/store/control"/*.sock)" = 600 ] || problem "others may use the control socket"
succeeds events --json
json_is servers 1
stop_server
finish

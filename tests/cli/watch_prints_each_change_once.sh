# watch: the changes of other processes, once each and in order, until N have come or it is interrupted.
. "$HOOKLINE_SOURCE/tests/cli/support/cli.sh"
succeeds register --start "$HOOKLINE_TEST_PLUGINS/cli-counter.so"

watching() {
    grep -q Watching "$work/watch.err"
}

"$HOOKLINE_COMMAND" watch --count 4 >"$work/watch" 2>"$work/watch.err" &
watcher=$!
until_true 20 watching || problem "watch did not begin"
succeeds stop counter
succeeds unregister farther
wait $watcher || problem "watch ended with $?"
[ "$(wc -l <"$work/watch")" = 4 ] || problem "watch printed: $(cat "$work/watch")"
grep -q 'counter *started -> stopped' "$work/watch" || problem "the stop is missing: $(cat "$work/watch")"
grep -q 'doubler *started -> held' "$work/watch" || problem "the hold is missing: $(cat "$work/watch")"
grep -q 'unregistered *bare *farther' "$work/watch" || problem "the removal is missing: $(cat "$work/watch")"

: >"$work/watch.err"
"$HOOKLINE_COMMAND" watch --event work >"$work/watch" 2>"$work/watch.err" &
watcher=$!
until_true 20 watching || problem "watch did not begin"
succeeds enable counter
two_lines() {
    [ "$(wc -l <"$work/watch")" = 2 ]
}
until_true 20 two_lines || problem "watch printed: $(cat "$work/watch")"
kill -INT $watcher
wait $watcher || problem "an interrupted watch ended with $?"

coproc WATCH { exec "$HOOKLINE_COMMAND" watch --json; }
watcher=$WATCH_PID
sleep 1
succeeds stop counter
read -r -t 20 out <&"${WATCH[0]}" || problem "no line came"
called="watch --json"
json_is kind status
json_is plugin.name counter
json_is before restarted
json_is plugin.status stopped
json_is remote true
kill -TERM "$watcher"
wait "$watcher" || problem "watch ended with $?"
finish

# top, crashes, watch EVENT on|off, and isolate, in their two forms, with a running server and without one.
. "$HOOKLINE_SOURCE/tests/cli/support/cli.sh"
library=$HOOKLINE_TEST_PLUGINS/cli-counter.so
succeeds register --start "$library"

hookline top
expect_code 4
hookline watch work on
expect_code 4
succeeds crashes
says "Nothing has crashed."
succeeds crashes --json
json_is crashes.# 0
hookline crashes --limit none
expect_code 2

start_server
succeeds top --once
says "Server $server_pid (cli-server):"
says "It has no workers."
succeeds top --json
json_is servers.0.pid "$server_pid"
json_is servers.0.workers.# 0

# A thread that stays in a plugin. Its event is not watched, but has this plugin only.
tell_server enter
is_inside() { hookline top --json && [ "$(json servers.0.inside.plugin=sleepy.event)" = slow ]; }
until_true 10 is_inside || problem "no thread is in the plugin: $out"
succeeds top --once
says "THREAD"
says "sleepy"
tell_server leave

succeeds watch work on
says "Server $server_pid (cli-server) watches work"
succeeds watch work off --json
json_is servers.0.watched false
hookline watch nothing on
expect_code 1
warns "not open in this process"
hookline watch work
expect_code 2
hookline watch work maybe
expect_code 2
warns 'neither on nor off'

succeeds isolate counter
says "counter is not isolated"
succeeds isolate counter --json
json_is isolation null
succeeds isolate counter --worker --workers 2 --deadline 300 --on-failure skip_plugin --wait --json
json_is isolation.mode in_worker
json_is isolation.workers 2
json_is isolation.deadline_ms 300
json_is isolation.on_failure skip_plugin
json_is settled.0 "$server_pid"
succeeds top --json
json_is servers.0.workers.# 2
json_is servers.0.workers.0.name counter
json_is servers.0.workers.1.number 1
succeeds top --once
says "counter"
succeeds show work
says "RUNS IN"
says "2 workers, 300 ms"
succeeds top --json
worker=$(json servers.0.workers.0.pid)
kill -9 "$worker"
is_told() { hookline crashes --json && [ "$(json crashes.0.pid)" = "$worker" ]; }
until_true 10 is_told || problem "nobody was told of the killed worker: $out"
json_is crashes.0.plugin counter
json_is crashes.0.signal 9
[[ $(json crashes.0.at) =~ ^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$ ]] || problem "$called: no time of day: $out"
succeeds isolate counter --in-process
says '"mode":"in_process"'
says '"deadline_ms":300'
succeeds isolate counter '{"mode":"in_process","deadline_ms":70}'
succeeds isolate counter --json
json_is isolation.deadline_ms 70
succeeds show work
says "server, 70 ms"
succeeds isolate counter --default --json
json_is isolation null
hookline isolate counter --default --worker
expect_code 2
hookline isolate counter --worker --in-process
expect_code 2
hookline isolate counter '{"mode":"on the moon"}'
expect_code 1
warns "mode"
hookline isolate counter '[]'
expect_code 2
hookline isolate counter --deadline 0
expect_code 2
hookline isolate countre --worker
expect_code 1
warns 'Did you mean "counter"?'
hookline isolate first --worker
expect_code 1
stop_server
finish

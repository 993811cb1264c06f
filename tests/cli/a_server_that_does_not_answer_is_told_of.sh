# A server that is there and does not answer is not taken for none: neither by --wait nor by the verbs that ask servers.
. "$HOOKLINE_SOURCE/tests/cli/support/cli.sh"
start_server
succeeds register --start --wait "$HOOKLINE_TEST_PLUGINS/cli-counter.so"

kill -STOP "$server_pid"
hookline stop counter --wait --timeout 100
expect_code 1
warns "The change is stored, but server $server_pid is not ready with it"
warns "has not answered in time"
hookline health --timeout 100
expect_code 4
warns "Server $server_pid: It has not answered in time"
hookline --json health work --timeout 100
expect_code 4
json_is error.status HL_ERR_TIMEOUT
succeeds show work
says "Server $server_pid: It has not answered in time"
succeeds explain work --json
json_is servers.0.silent true
json_is servers.0.pid "$server_pid"
succeeds events --json
json_is servers 1
kill -CONT "$server_pid"

succeeds enable counter --wait --json
json_is settled.0 "$server_pid"
stop_server
finish

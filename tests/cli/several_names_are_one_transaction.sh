# Several names in one command: all of them or none, and one entry in the log.
. "$HOOKLINE_SOURCE/tests/cli/support/cli.sh"
succeeds register --start "$HOOKLINE_TEST_PLUGINS/cli-counter.so"
succeeds store info --json
before=$(json revision)

hookline stop counter nobody
expect_code 1
hookline unregister doubler counter nobody
expect_code 1
succeeds plugins --json --status started
json_is plugins.# 3
succeeds store info --json
json_is revision "$before"

succeeds stop farther doubler counter
succeeds store info --json
json_is revision $((before + 1))
succeeds plugins --json --status stopped
json_is plugins.# 3
succeeds enable counter doubler farther --json
json_is changed.# 3
succeeds store info --json
json_is revision $((before + 2))
succeeds unregister counter doubler farther
succeeds store info --json
json_is revision $((before + 3))
json_is plugins 0
finish

# A mistyped verb, option, plugin or event is answered with the one that was probably meant.
. "$HOOKLINE_SOURCE/tests/cli/support/cli.sh"
succeeds register --start "$HOOKLINE_TEST_PLUGINS/cli-counter.so"

hookline evnets
warns 'did you mean "events"?'
hookline plugins --evnet work
warns 'did you mean --event?'
hookline zzzzzz
[[ $err != *"did you mean"* ]] || problem "a hint without reason: $err"
hookline stop countre
expect_code 1
warns 'Did you mean "counter"?'
hookline --json stop countre
json_is error.hint 'Did you mean "counter"?'
hookline show wrok
warns 'Did you mean "work"?'
hookline start --event wrok
warns 'Did you mean "work"?'
hookline order counter duobler
warns 'Did you mean "doubler"?'
hookline dependents farhter
warns 'Did you mean "farther"?'
hookline --store "$work/store" plugins
warns "did you mean lmdb:$work/store?"
succeeds stop counter
hookline start counter
expect_code 1
warns "enable"
hookline start doubler
expect_code 1
warns "HL_ERR_DEPENDENCY"
hookline register "$HOOKLINE_TEST_PLUGINS/cli-counter.so" "$HOOKLINE_TEST_PLUGINS/nonexistent.so"
expect_code 1
warns "is registered"
hookline register "$HOOKLINE_TEST_PLUGINS/nonexistent.so"
[[ $err != *"is registered"* ]] || problem "nothing was registered: $err"
warns "HL_ERR_NOT_FOUND"
finish

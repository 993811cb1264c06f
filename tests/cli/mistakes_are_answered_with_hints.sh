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

# A library whose code ends the process that loads it.
cat >"$work/bad.c" <<'SOURCE'
#include <hookline/plugin.h>
#include <stdlib.h>
static hl_reply pass(void *self, void *state, const void *meta) { (void)self; (void)meta; return hl_next(state); }
static const hl_plugin_spec plugins[] = {HL_PLUGIN_INIT("bad", "work", pass)};
HL_PLUGIN_LIBRARY("bad", "1.0.0", plugins)
__attribute__((constructor)) static void end(void) { abort(); }
SOURCE
needed "${HOOKLINE_TEST_CC:-cc}" -shared -fPIC -I"$HOOKLINE_SOURCE/include" -o "$work/bad.so" "$work/bad.c"
hookline register "$work/bad.so"
expect_code 1
warns "HL_ERR_PROBE"
warns "SIGABRT"
warns "under a debugger"
finish

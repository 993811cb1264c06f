# Every verb, with a running server, in its two forms: text for people and one JSON document.
. "$HOOKLINE_SOURCE/tests/cli/support/cli.sh"
library=$HOOKLINE_TEST_PLUGINS/cli-counter.so
engine=reference
[ "${HOOKLINE_TEST_HAVE_JIT:-1}" = 0 ] || engine=compiled
start_server

succeeds register --start --wait "$library"
says "counter"
says "started"
succeeds --json register --start "$library"
json_is changed.# 0

succeeds events
says "struct work"
says "$server_pid $engine"
succeeds events --json
json_is servers 1
json_is events.name=work.plugins 4
json_is events.name=work.contract.state_size 56
json_is events.name=work.contract.fields.1.type "char[32]"
json_is events.name=work.servers.0.pid "$server_pid"
json_is events.name=work.servers.0.engine "$engine"

succeeds plugins
says "cli-counter 1.2.3"
succeeds plugins --json --name 'c*'
json_is plugins.# 1
json_is plugins.0.name counter
json_is plugins.0.extra "text kept"
json_is plugins.0.library "$library"
succeeds plugins --json --event work --extension host
json_is plugins.# 2
succeeds plugins --json --status held
json_is plugins.# 0
succeeds dependents counter --json
json_is plugins.0.name doubler
succeeds dependents doubler
says farther

succeeds show work
says "Server $server_pid (cli-server) runs generation"
says "engine $engine"
says "char[32]"
succeeds show work --json
json_is chain.# 4
json_is chain.0.name first
json_is chain.1.name counter
json_is chain.2.name doubler
json_is chain.3.name ailing
json_is servers.0.chain.2.name doubler
json_is servers.0.event.engine "$engine"

succeeds explain work
says 'depends on it'
says "Server $server_pid"
succeeds explain work --json
json_is event work
json servers.0.lines.0 >/dev/null || problem "explain --json has no lines"

succeeds order counter doubler
says "depends on it"
succeeds order --json counter doubler
json lines.0 >/dev/null || problem "order --json has no lines"

succeeds graph
says '"doubler" -> "counter";'
succeeds graph bare --json
json_is lines.0 "digraph hookline {"

succeeds health
says "the cache is cold"
succeeds health work --json
json_is servers.0.events.0.healthy false
json_is servers.0.events.0.plugins.name=first.probe ok
json_is servers.0.events.0.plugins.name=ailing.probe failed
json_is servers.0.events.0.plugins.name=ailing.reason "the cache is cold"

succeeds profile work
says "the chain's verdict: next"
succeeds profile work --json
json_is servers.0.rows.# 4
json_is servers.0.rows.1.name counter
json_is servers.0.verdict 0

for stage in plan steps; do
    succeeds dump work --stage $stage
    says counter
    succeeds dump work --stage $stage --json
    json servers.0.lines.0 >/dev/null || problem "dump --stage $stage --json has no lines"
done
if [ $engine = compiled ]; then
    succeeds dump work --stage code
    says "address 0x"
    hookline dump work --stage asm
    expect_code 0
    if command -v objdump >/dev/null; then
        says "ret"
        says "; counter"
    else
        warns "binutils"
    fi
    PATH=/nonexistent hookline dump work --stage asm
    expect_code 0
    warns "binutils"
    says "address 0x"
fi

succeeds inspect "$library"
says "doubler"
succeeds inspect "$library" --json
json_is name cli-counter
json_is version 1.2.3
json_is plugins.0.contract.type "struct work"
json_is plugins.1.depends.0 counter

succeeds stop counter
says held
succeeds enable counter --json
json_is changed.name=counter.before stopped
json_is changed.name=counter.after restarted
json_is changed.name=doubler.after restarted
succeeds restart first
says "restarted"
succeeds start first --json
json_is changed.name=first.after started
succeeds stop --event bare --json
json_is changed.name=plain.after stopped
succeeds enable plain farther
succeeds unregister farther --json
json_is changed.0.after null

succeeds log
says unregister
succeeds log --json --limit 1
json_is log.# 1
json_is log.0.subject farther

succeeds store info
says "schema"
succeeds store info --json
json_is plugins 6
succeeds store check
says "no problems"
succeeds store check --json
json_is problems.# 0
succeeds store backup "$work/backup"
succeeds unregister doubler
succeeds store restore "$work/backup" --json
json_is done restore
succeeds plugins --json --name doubler
json_is plugins.# 1

succeeds stop --all --json
json_is changed.# 6
succeeds unregister --all
succeeds plugins --json
json_is plugins.# 0

succeeds version
says "hookline "
succeeds version --json
json_is abi 1
succeeds --version
says "hookline "
succeeds help
says "Exit codes:"
succeeds help --json
json_is verbs.name=show.arguments EVENT
succeeds help stop
says "--event EVENT"
succeeds stop --help
says "--event EVENT"
for line in "plugins --version" "demo --version" "bench --version"; do
    # shellcheck disable=SC2086
    succeeds $line
    says "plugin ABI"
done
succeeds demo -h
says "--input FILE"
does_not_say "$(printf '\033')"
stop_server
finish

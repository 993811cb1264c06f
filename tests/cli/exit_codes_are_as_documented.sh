# Exit codes 0 to 4, and that an error is told on standard error and, with --json, as a document on standard output.
. "$HOOKLINE_SOURCE/tests/cli/support/cli.sh"
library=$HOOKLINE_TEST_PLUGINS/cli-counter.so

# 2: the command line makes no sense; the store is not touched.
for line in "" "nonsense" "--nonsense" "events extra" "show" "stop" "stop a --all" "stop --event" "plugins --status x" \
    "dump e --stage x" "watch --count 0" "log --limit -1" "health --timeout x" "store" "store nonsense" "store backup" \
    "store check extra" "register x.so --wait --timeout x" "enable --all" "new plugin" "new thing x" "new plugin ../x" "help nonsense" "enable" "order one"; do
    # shellcheck disable=SC2086
    hookline $line
    expect_code 2
    warns "hookline help"
    [ -z "$out" ] || problem "$called: says: $out"
done
hookline --json stop
expect_code 2
json_is error.status HL_ERR_INVALID
[ ! -e "$work/store" ] || problem "a wrong command line made a store"

# 3: no store, or one that cannot be opened; and nothing is made by looking.
for line in "events" "plugins" "show x" "start x" "store info" "store check" "log" "health" "watch"; do
    # shellcheck disable=SC2086
    hookline $line
    expect_code 3
    warns "There is no folder"
done
[ ! -e "$work/store" ] || problem "looking at a store that is not there made one"
for url in "memory:" "$work/store" "nonsense:x" "lmdb:"; do
    hookline --store "$url" plugins --json
    expect_code 3
    json error.message >/dev/null || problem "$called: no error in JSON"
done
(unset HOOKLINE_STORE && hookline plugins && expect_code 3 && warns "HOOKLINE_STORE=lmdb:DIR" && finish >/dev/null) ||
    problem "without a store the command does not say how to name one"
mkdir "$work/broken"
head -c 70000 /dev/urandom >"$work/broken/data.mdb"
hookline --store "lmdb:$work/broken" plugins
expect_code 3

# 0
succeeds register "$library"

# 1: refused.
for line in "stop nobody" "start --event nowhere" "show nowhere" "explain nowhere" "order counter nobody" \
    "dependents nobody" "enable counter" "register /nonexistent.so" "inspect /etc/passwd" "start doubler" "unregister nobody" \
    "store backup $work/store" "store restore $work/nowhere"; do
    # shellcheck disable=SC2086
    hookline $line
    expect_code 1
    warns "HL_ERR_"
    # shellcheck disable=SC2086
    hookline --json $line
    expect_code 1
    [[ $(json error.status) == HL_ERR_* ]] || problem "$called: no status"
    [ -n "$(json error.message)" ] || problem "$called: no message"
    json_is error.action "${line%% *}"
done

# The installer's verbs are there in every build.
if [ "${HOOKLINE_TEST_HAVE_INSTALLER:-1}" = 0 ]; then
    for line in "install a.tar.gz" "uninstall a" "rollback a" "retry a" "apps" "jobs" "gc" "pack a" "verify a" "lock" "bundle a" \
        "log --installs" "log --verify"; do
        # shellcheck disable=SC2086
        hookline --json $line
        expect_code 1
        json_is error.status HL_ERR_UNSUPPORTED
    done
fi

# 4: only a server knows.
for line in "health" "health work" "profile work" "dump work" "dump work --stage asm"; do
    # shellcheck disable=SC2086
    hookline $line
    expect_code 4
    warns "No running server answered"
    # shellcheck disable=SC2086
    hookline --json $line
    expect_code 4
    json_is error.status HL_ERR_PEER
done
hookline health
says counter
succeeds show work
says "No server is running"
succeeds explain work
says "No server is running"
finish

# The installer's verbs, with a running server, in their two forms: text for people and one JSON document.
. "$HOOKLINE_SOURCE/tests/cli/support/apps.sh"
has_installer || skip "this build has no installer"
make_packages

# pack: the same content, the same bytes.
hookline pack "$work/1.0.0" --dir "$work/nowhere/at/all"
expect_code 1
mkdir -p "$work/again"
succeeds pack "$work/1.0.0" --dir "$work/again" --json
json_is package "$work/again/adder-1.0.0.tar.gz"
cmp "$old" "$work/again/adder-1.0.0.tar.gz" || problem "packing twice gave different bytes"

# verify: every check by itself, without a store and against one.
HOOKLINE_STORE='' succeeds verify "$old"
says "It can be installed."
HOOKLINE_STORE='' succeeds verify "$work/1.0.0" --json
json_is status HL_OK
json_is checks.check=manifest.status HL_OK
says lib/adder.so
hookline verify "$old" --json
expect_code 1
json_is checks.check=store.status HL_ERR_STORE

start_server
succeeds apps
says "No app is installed."
succeeds jobs
says "The queue is empty."
succeeds log --installs
says "Nothing was installed yet."
succeeds log --verify --json
json_is entries 0
succeeds verify "$old"
says "It can be installed."

# install
until_true 10 count_is 0 || problem "the count is $answer before anything is installed"
succeeds install "$old"
says "adder 1.0.0 installed: 1 plugin, 1 running server"
says "sha256"
says "$old"
until_true 10 count_is 1 || problem "adder was installed, but the count is $answer"
succeeds apps
says "adder  1.0.0    -       active"
succeeds apps --json
json_is apps.# 1
json_is apps.0.app adder
json_is apps.0.before ""
json_is apps.0.state active
json_is apps.0.plugins 1
json_is apps.0.sha256 "$(sha256sum "$old" | cut -d' ' -f1)"
succeeds plugins --json --extension adder
json_is plugins.0.name adder

# upgrade: a manifest with a field that nobody knows
succeeds install --json "$new"
json_is "done" installed
json_is version 1.1.0
json_is before 1.0.0
json_is servers 1
json_is unloaded true
json_is warnings.# 1
[ "$(json done_ns)" -gt "$(json asked_ns)" ] || problem "$called: done before it was asked for"
until_true 10 count_is 10 || problem "adder was upgraded, but the count is $answer"

# rollback, there and back
succeeds rollback adder
says "adder 1.0.0 rolled back (before: 1.1.0): 1 plugin, 1 running server"
until_true 10 count_is 1 || problem "adder was rolled back, but the count is $answer"
succeeds rollback adder --json
json_is "done" "rolled back"
json_is version 1.1.0
json_is before 1.0.0
until_true 10 count_is 10 || problem "adder was rolled back twice, but the count is $answer"

# lockfile and bundle
succeeds lock "$work/lock"
[ "$out" = "$work/lock" ] || problem "$called: $out"
succeeds lock "$work/lock" --json
json_is lockfile "$work/lock"
succeeds bundle "$work/bundle" --json
json_is bundle "$work/bundle"
succeeds --store "lmdb:$work/other" install --bundle "$work/bundle" --json
json_is apps.0.version 1.1.0
json_is apps.0.sha256 "$(sha256sum "$new" | cut -d' ' -f1)"
succeeds --store "lmdb:$work/third" install --bundle "$work/bundle"
says "adder"

succeeds lock "$work/all.lock"
succeeds --store "lmdb:$work/fourth" install --locked "$work/all.lock" --prune --json
json_is apps.0.version 1.1.0

# the queue: worked through by the server
succeeds uninstall adder
says "adder 1.1.0 removed: 1 plugin"
until_true 10 count_is 0 || problem "adder was removed, but the count is $answer"
succeeds install --queue "$old" --json
json_is job 1
job_is_done() {
    hookline jobs --json
    [ "$(json jobs.0.state)" = "done" ]
}
until_true 20 job_is_done || problem "the job does not end: $out"
json_is jobs.0.app adder
json_is jobs.0.version 1.0.0
json_is jobs.0.status HL_OK
until_true 10 count_is 1 || problem "the queue has installed adder, but the count is $answer"
succeeds jobs
says "done"

# what happened
succeeds log --installs
says "upgrade"
says "rollback"
succeeds log --installs --json
json_is installs.0.action install
json_is installs.1.action upgrade
json_is installs.1.before 1.0.0
json_is installs.4.action uninstall
entries=$(json installs.#)
head=$(json installs.$((entries - 1)).hash)
succeeds log --verify
says "$entries entries, every hash fits; the newest is $head"
succeeds log --verify --json
json_is entries "$entries"
json_is head "$head"
succeeds store info
says "documents"
succeeds store check --json
json_is problems.# 0
[ "$(json documents)" -gt 0 ] || problem "$called: no documents"

# cleaning up
succeeds gc
says "Deleted"
succeeds gc --json
json_is versions 0
json_is leftovers 0
succeeds jobs --json
json_is jobs.# 0
succeeds uninstall adder --json
json_is "done" removed
json_is app adder
until_true 10 count_is 0 || problem "adder was removed, but the count is $answer"
[ -z "$(find "$work/store/apps" -name '*.so')" ] || problem "removed, but there is: $(ls -R "$work/store/apps")"
stop_server
finish

# What the installer refuses: exit code, status, field, words and what to do next, for people and for programs.
. "$HOOKLINE_SOURCE/tests/cli/support/apps.sh"
has_installer || skip "this build has no installer"
make_packages

# refuses STATUS WORDS ARGUMENT...: exit code 1, in both forms.
refuses() {
    local status=$1 words=$2
    shift 2
    hookline "$@"
    expect_code 1
    warns "$status"
    warns "$words"
    [ -z "$out" ] || problem "$called: says: $out"
    hookline --json "$@"
    expect_code 1
    json_is error.status "$status"
    json_is error.action "$1"
    [ -n "$(json error.message)" ] || problem "$called: no message"
}

# 2: the command line makes no sense; nothing is made.
for line in "install" "install a b" "uninstall" "uninstall a b" "rollback" "retry" "apps extra" "jobs extra" "gc extra" "pack" \
    "pack a b" "verify" "bundle" "lock a b" "install --sha256" "install --queue" "install --queue --bundle b" "install --nonsense x"; do
    # shellcheck disable=SC2086
    hookline $line
    expect_code 2
    warns "hookline help"
done
# 3: no store.
for line in "uninstall a" "rollback a" "retry a" "apps" "jobs" "gc" "lock" "bundle b" "log --installs" "log --verify"; do
    # shellcheck disable=SC2086
    hookline $line
    expect_code 3
    warns "There is no folder"
done
(unset HOOKLINE_STORE && hookline install "$old" && expect_code 3 && finish >/dev/null) || problem "installed without a store"
[ ! -e "$work/store" ] || problem "a refused command made a store"

# Remote sources are closed by default; the answer says where to open them.
refuses HL_ERR_POLICY install.json install https://packages.example.org/adder-1.0.0.tar.gz
refuses HL_ERR_POLICY install.json install github:nobody/nothing
refuses HL_ERR_POLICY install.json install --tag v1 github:nobody/nothing
refuses HL_ERR_POLICY http install http://packages.example.org/adder-1.0.0.tar.gz

# Packages that are not what they should be.
refuses HL_ERR_NOT_FOUND "$work/nowhere" install "$work/nowhere.tar.gz"
refuses HL_ERR_CHECKSUM "nothing of it was used" install --sha256 "$(printf '0%.0s' {1..64})" "$old"
refuses HL_ERR_INVALID "64 hexadecimal digits" install --sha256 abc "$old"
head -c 200 "$old" >"$work/cut.tar.gz"
refuses HL_ERR_ARCHIVE "cut off" install "$work/cut.tar.gz"
head -c 5000 /dev/urandom >"$work/noise.tar.gz"
refuses HL_ERR_ARCHIVE "no archive" install "$work/noise.tar.gz"
make_folder "$work/wrong" cli-app 1.0.0 '"requires": 7'
refuses HL_ERR_MANIFEST requires install "$work/wrong"
make_folder "$work/wrong" cli-app 1.0
refuses HL_ERR_VERSION MAJOR.MINOR.PATCH install "$work/wrong"
make_folder "$work/wrong" cli-counter 1.0.0
refuses HL_ERR_MANIFEST "does not have" install "$work/wrong"
refuses HL_ERR_MANIFEST "not in the manifest" pack "$work/wrong"
make_folder "$work/needy" cli-app 1.0.0 '"requires": {"accounts": ">=2.0"}'
refuses HL_ERR_REQUIRES accounts install "$work/needy"
warns "hookline apps"
succeeds apps --json
json_is apps.# 0

# verify says the same of each, and goes on after a failure.
hookline verify "$work/wrong"
expect_code 1
says "REFUSED"
says "It cannot be installed."
hookline verify --json --sha256 "$(printf '0%.0s' {1..64})" "$old"
expect_code 1
json_is status HL_ERR_CHECKSUM
json_is checks.check=checksum.status HL_ERR_CHECKSUM
json_is checks.check=manifest.status HL_OK

# Versions only go up; going back is a command of its own.
succeeds install "$new"
refuses HL_ERR_VERSION 1.1.0 install "$old"
warns "hookline rollback"
refuses HL_ERR_VERSION 1.1.0 install "$new"
refuses HL_ERR_NOT_FOUND "the only version" rollback adder
refuses HL_ERR_STATUS adder retry adder
for verb in uninstall rollback retry; do
    refuses HL_ERR_NOT_FOUND addre $verb addre
    warns "hookline apps"
done
make_folder "$work/user" cli-app 1.0.0 '"requires": {"adder": ">=1.0"}'
sed -i 's/"app": "adder"/"app": "user"/' "$work/user/hookline.json"
refuses HL_ERR_CONFLICTS adder install "$work/user"

# Protected apps, and a policy that cannot be understood.
echo '{"protected": ["adder"]}' >"$work/store/install.json"
refuses HL_ERR_PROTECTED adder uninstall adder
echo '{"hots": []}' >"$work/store/install.json"
refuses HL_ERR_POLICY hots install "$new"
rm "$work/store/install.json"

# A lockfile names the only packages that --locked takes.
succeeds lock
says "$work/store/hookline.lock"
[ -s "$work/store/hookline.lock" ] || problem "lock says where it wrote nothing"
succeeds uninstall adder
refuses HL_ERR_LOCKFILE adder install --locked "$old"
succeeds install --locked "$new"

# Every refusal is in the install log, and the log fits.
succeeds log --installs
says HL_ERR_VERSION
says HL_ERR_CHECKSUM
says HL_ERR_PROTECTED
succeeds log --verify
finish

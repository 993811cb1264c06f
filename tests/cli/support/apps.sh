# What the tests of the installer's verbs share: packages of the app "adder", whose plugin adds to the count of "work".
# shellcheck shell=bash
. "${HOOKLINE_SOURCE:?run by ctest, or set it to the source folder}/tests/cli/support/cli.sh"

has_installer() {
    [ "${HOOKLINE_TEST_HAVE_INSTALLER:-1}" = 1 ]
}

# make_folder FOLDER LIBRARY VERSION [FIELDS]: what `pack` takes. FIELDS are further members of the manifest.
make_folder() {
    needed mkdir -p "$1/lib"
    needed cp "$HOOKLINE_TEST_PLUGINS/$2.so" "$1/lib/adder.so"
    cat >"$1/hookline.json" <<MANIFEST
{"app": "adder", "version": "$3", "abi": 1, "architecture": "$(uname -m)", "libc": "gnu", ${4:+$4,}
 "libraries": [{"file": "lib/adder.so", "plugins": ["adder"]}]}
MANIFEST
}

# make_packages: $old and $new are packages of versions 1.0.0, which adds 1, and 1.1.0, which adds 10.
make_packages() {
    make_folder "$work/1.0.0" cli-app 1.0.0
    make_folder "$work/1.1.0" cli-app-next 1.1.0 '"colour": "blue"'
    succeeds pack "$work/1.0.0" --dir "$work"
    succeeds pack "$work/1.1.0" --dir "$work"
    old=$work/adder-1.0.0.tar.gz
    new=$work/adder-1.1.0.tar.gz
}

count_is() {
    tell_server count
    [ "$answer" = "$1" ]
}

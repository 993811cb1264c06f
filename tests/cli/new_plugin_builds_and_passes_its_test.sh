# `new plugin` writes a project that builds with make and with CMake, against a source tree and against an installed
# Hookline; its test passes, a server takes the library, and nothing is ever overwritten.
. "$HOOKLINE_SOURCE/tests/cli/support/cli.sh"
export CC=${HOOKLINE_TEST_CC:-cc}
cmake=${HOOKLINE_TEST_CMAKE:-cmake}
include=$HOOKLINE_SOURCE/include
cd "$work" || exit 1

HOOKLINE_STORE='' succeeds new plugin my-plugin.v2 --event 'odd "name" \ here'
says "make -C my-plugin.v2 test"
needed make -s -C my-plugin.v2 HOOKLINE_INCLUDE="$include" CFLAGS='-O2 -Werror' test
succeeds inspect my-plugin.v2/my-plugin.v2.so --json
json_is plugins.0.event 'odd "name" \ here'
needed "$cmake" -S my-plugin.v2 -B my-plugin.v2/build -DHOOKLINE_INCLUDE="$include" -DCMAKE_C_FLAGS=-Werror >"$work/log"
needed "$cmake" --build my-plugin.v2/build >"$work/log"
needed "${cmake%cmake}ctest" --test-dir my-plugin.v2/build >"$work/log"

sum() {
    find my-plugin.v2 -type f ! -path '*/build/*' -exec cksum {} + | sort
}
before=$(sum)
hookline new plugin my-plugin.v2
expect_code 1
warns "Nothing is overwritten"
[ "$(sum)" = "$before" ] || problem "an existing project was changed"
mkdir taken
echo mine >taken/README.md
hookline new plugin other --dir taken --json
expect_code 1
json_is error.field dir
[ "$(ls taken)" = README.md ] && [ "$(cat taken/README.md)" = mine ] || problem "a refused project left: $(ls taken)"
hookline new plugin other --dir nowhere/at/all
expect_code 1
for name in ../up .hidden -dash 'a b' '' "$(printf 'x%.0s' {1..65})"; do
    hookline new plugin -- "$name"
    expect_code 2
done

# With a store at hand the plugin gets the event's state, and fits its contract.
start_server
succeeds new plugin typed --event work --json
json_is typed true
json_is files.# 6
needed make -s -C typed HOOKLINE_INCLUDE="$include" CFLAGS='-O2 -Werror' test
succeeds register --start --wait typed/typed.so
succeeds show work --json
json_is servers.0.chain.2.name typed
stop_server

# Against an installed Hookline, found by pkg-config and by CMake.
needed "$cmake" --install "$HOOKLINE_BUILD" --prefix "$work/prefix" >"$work/log"
package=$(dirname "$(find "$work/prefix" -name hookline-core.pc)")
make -s -C typed clean
PKG_CONFIG_PATH=$package needed make -s -C typed test
needed "$cmake" -S typed -B typed/build -DCMAKE_PREFIX_PATH="$work/prefix" >"$work/log"
needed "$cmake" --build typed/build >"$work/log"
needed "${cmake%cmake}ctest" --test-dir typed/build >"$work/log"
finish

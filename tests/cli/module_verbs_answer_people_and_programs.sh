# `hookline module`: from source to a called function, and back, for people and for programs.
. "$HOOKLINE_SOURCE/tests/cli/support/cli.sh"
[ "${HOOKLINE_TEST_HAVE_INSTALLER:-1}" = 1 ] || {
    hookline module list
    expect_code 1
    warns HL_ERR_UNSUPPORTED
    finish
}
examples=$HOOKLINE_SOURCE/examples/modules
libraries=$HOOKLINE_BUILD/libexec/hookline/examples/modules

# Compiling.
succeeds module compile "$examples/math.c"
says 'math 1.0.0 is the newest code of its module'
succeeds module compile "$examples/math.c" --module math --json
json_is module math
json_is version 1.0.0
test -r "$(json path)" || problem "the code is not where the answer says: $out"
hookline module compile "$examples/math.c" --module arithmetic
expect_code 1
warns 'is module math, not arithmetic'
echo 'int broken = ;' >"$work/broken.c"
hookline module compile "$work/broken.c"
expect_code 1
warns 'broken.c:1'
warns HL_ERR_COMPILE
hookline module compile "$work/missing.c"
expect_code 1
warns HL_ERR_NOT_FOUND
succeeds module compile "$libraries/string.so"
says 'string 1.0.0'

# Keys and registrations.
succeeds module key
[[ $out =~ ^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$ ]] || problem "no key: $out"
key=$out
succeeds module register "$key" math
says "$key leads to module math."
succeeds module register new "$libraries/string.so" --json
json_is module string
text=$(json key)
succeeds module list
says "$key"
says "$text"
succeeds module list --json
json_is modules.# 2
succeeds module functions "$key"
says subtract
says 'the product of two numbers'
succeeds __complete key "${key:0:8}"
says "$key"
hookline module register "$key" nothing
expect_code 1
warns HL_ERR_NOT_FOUND
hookline module register 0123456789abcdef math
expect_code 2

# Calling: C6 MB-02, MB-03
result_is() { # RESULT KEY FUNCTION [ARGUMENTS]
    local wanted=$1
    shift
    succeeds module execute "$@"
    [ "$out" = "$wanted" ] || problem "$called: $out, not $wanted"
}
result_is 7 "$key" add '[5, 2]'
result_is 2.5 "$key" divide '[5, 2]'
LC_ALL=C.UTF-8 result_is '"ÉTÉ"' "$text" upcase '["été"]'
LC_ALL=C result_is '"\u00C9T\u00C9"' "$text" upcase '["été"]'
result_is 4 "$text" length '"naïf"'
succeeds module run "${key^^}" multiply '[6, 7]' --json
json_is result 42
hookline module execute "$key" divide '[1, 0]'
expect_code 1
warns 'Division by zero'
hookline module execute "$key" power '[1, 0]'
expect_code 1
warns 'add, subtract, multiply, divide'
hookline module execute "$key" add '[1, 0'
expect_code 2
hookline module execute "$key" add '[1, 0]' --timeout soon
expect_code 2

# Removing.
hookline module purge math
expect_code 1
warns "$key"
succeeds module unregister "$key"
says "$key leads nowhere now."
succeeds module purge math
hookline module execute "$key" add '[5, 2]'
expect_code 1
warns HL_ERR_NOT_FOUND

# Mistakes on the command line.
hookline module
expect_code 2
hookline module execut "$key" add
expect_code 2
warns 'did you mean "module execute"'
hookline module execute "$key"
expect_code 2
warns 'missing argument'
hookline module list "$key"
expect_code 2
warns 'too many arguments'
finish

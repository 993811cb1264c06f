# The completion scripts in the tree are what the command prints, and bash completes with them.
. "$HOOKLINE_SOURCE/tests/cli/support/apps.sh"
succeeds __completion bash
[ "$out" = "$(cat "$HOOKLINE_SOURCE/tools/completion/hookline.bash")" ] ||
    problem "renew: hookline __completion bash > tools/completion/hookline.bash"
succeeds __completion zsh
[ "$out" = "$(cat "$HOOKLINE_SOURCE/tools/completion/_hookline")" ] ||
    problem "renew: hookline __completion zsh > tools/completion/_hookline"
succeeds register --start "$HOOKLINE_TEST_PLUGINS/cli-counter.so"
succeeds __complete plugin c
[ "$out" = counter ] || problem "$called: $out"
succeeds __complete event
says work
(unset HOOKLINE_STORE && succeeds __complete plugin c && finish >/dev/null) ||
    problem "completion without a store is not silent"
hookline --store lmdb:/nonexistent __complete plugin ''
expect_code 0
[ -z "$out$err" ] || problem "completion without a store is not silent: $out $err"

# completes LINE: $found is what bash offers for the line's last word, split as bash splits it.
completes() {
    found=$(
        export PATH=$HOOKLINE_BUILD/bin:$PATH
        unset -f hookline
        . "$HOOKLINE_SOURCE/tools/completion/hookline.bash"
        line=${1//=/ = }
        read -ra COMP_WORDS <<<"${line//:/ : }"
        [[ $1 != *' ' ]] || COMP_WORDS+=('')
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _hookline
        echo "${COMPREPLY[*]}"
    )
}
offers() {
    completes "$1"
    [[ " ${found//$'\n'/ } " == *" $2 "* ]] || problem "for '$1' bash offers '$found', not '$2'"
}

offers 'hookline ev' events
offers 'hookline --s' --store
offers 'hookline stop cou' counter
offers "hookline --store=$HOOKLINE_STORE stop dou" doubler
(unset HOOKLINE_STORE && offers "hookline --store lmdb:$work/store stop dou" doubler && finish >/dev/null) ||
    problem "the store on the command line is not used"
offers 'hookline show w' work
offers 'hookline plugins --st' --status
offers 'hookline plugins --status he' held
offers 'hookline plugins --event ' bare
offers 'hookline dump --stage a' asm
offers 'hookline store b' backup
offers 'hookline help wa' watch
offers 'hookline install --sh' --sha256
offers 'hookline log --in' --installs
offers 'hookline new ' plugin
offers 'hookline demo --in' --input
offers 'hookline bench --q' --quick
completes 'hookline register '
[[ $found != *counter* ]] || problem "register offers plugins: $found"

# Apps too, where there is an installer.
if has_installer; then
    make_folder "$work/1.0.0" cli-app 1.0.0
    succeeds install "$work/1.0.0"
    succeeds __complete app a
    [ "$out" = adder ] || problem "$called: $out"
    for verb in uninstall rollback retry; do
        offers "hookline $verb ad" adder
    done
fi

if command -v zsh >/dev/null; then
    zsh -n "$HOOKLINE_SOURCE/tools/completion/_hookline" || problem "zsh cannot read its script"
fi
finish

# bash completion of the hookline command. Made by: hookline __completion bash

_hookline_kind() {
    local IFS=$'\n' from=()
    [[ -z $store ]] || from=(--store "$store")
    case $1 in
    event | plugin | app)
        COMPREPLY=($(hookline "${from[@]}" __complete "$1" "$cur" 2>/dev/null))
        ;;
    library) COMPREPLY=($(compgen -f -X '!*.so' -- "$cur") $(compgen -d -- "$cur")) ;;
    file) COMPREPLY=($(compgen -f -- "$cur")) ;;
    directory) COMPREPLY=($(compgen -d -- "$cur")) ;;
    status) IFS=' '; COMPREPLY=($(compgen -W 'registered started restarted stopped held' -- "$cur")) ;;
    stage) IFS=' '; COMPREPLY=($(compgen -W 'plan steps code asm' -- "$cur")) ;;
    store-verb) IFS=' '; COMPREPLY=($(compgen -W 'backup restore check info' -- "$cur")) ;;
    new) IFS=' '; COMPREPLY=($(compgen -W 'plugin' -- "$cur")) ;;
    module-verb) IFS=' '; COMPREPLY=($(compgen -W 'compile register unregister list functions load execute run reload release purge key' -- "$cur")) ;;
    failure) IFS=' '; COMPREPLY=($(compgen -W 'fail_chain skip_plugin halt_chain' -- "$cur")) ;;
    shell) IFS=' '; COMPREPLY=($(compgen -W 'bash zsh' -- "$cur")) ;;
    esac
}

_hookline() {
    local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} verb= store= i
    local verbs='events plugins show explain order graph dependents dump register start stop restart enable unregister health profile inspect watch top crashes isolate install uninstall rollback retry apps jobs gc pack verify lock bundle module log store new demo bench version help'
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --store)
            # bash takes = and : for ends of words.
            [[ ${COMP_WORDS[i + 1]} == = ]] && ((i++))
            store=${COMP_WORDS[++i]}
            while [[ ${COMP_WORDS[i + 1]} == : ]]; do
                store+=:${COMP_WORDS[i + 2]}
                ((i += 2))
            done
            ;;
        -*) ;;
        *) verb=${verb:-${COMP_WORDS[i]}} ;;
        esac
    done
    case $previous in
    --store) _hookline_kind none; return ;;
    --event) _hookline_kind event; return ;;
    --status) _hookline_kind status; return ;;
    --extension) _hookline_kind none; return ;;
    --name) _hookline_kind plugin; return ;;
    --stage) _hookline_kind stage; return ;;
    --dir) _hookline_kind directory; return ;;
    --count) _hookline_kind none; return ;;
    --limit) _hookline_kind none; return ;;
    --timeout) _hookline_kind none; return ;;
    --tag) _hookline_kind none; return ;;
    --asset) _hookline_kind none; return ;;
    --sha256) _hookline_kind none; return ;;
    --signature) _hookline_kind file; return ;;
    --bundle) _hookline_kind file; return ;;
    --module) _hookline_kind none; return ;;
    --deadline) _hookline_kind none; return ;;
    --on-failure) _hookline_kind failure; return ;;
    --workers) _hookline_kind none; return ;;
    --in) _hookline_kind none; return ;;
    esac
    case $verb in
    '')
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W '--store --json --help --version' -- "$cur"))
        else
            COMPREPLY=($(compgen -W "$verbs" -- "$cur"))
        fi
        ;;
    events)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version' -- "$cur"))
        else
            _hookline_kind none
        fi
        ;;
    plugins)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version --event --status --extension --name' -- "$cur"))
        else
            _hookline_kind none
        fi
        ;;
    show)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version' -- "$cur"))
        else
            _hookline_kind event
        fi
        ;;
    explain)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version' -- "$cur"))
        else
            _hookline_kind event
        fi
        ;;
    order)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version' -- "$cur"))
        else
            _hookline_kind plugin
        fi
        ;;
    graph)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version' -- "$cur"))
        else
            _hookline_kind event
        fi
        ;;
    dependents)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version' -- "$cur"))
        else
            _hookline_kind plugin
        fi
        ;;
    dump)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version --stage' -- "$cur"))
        else
            _hookline_kind event
        fi
        ;;
    register)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version --start --wait --timeout' -- "$cur"))
        else
            _hookline_kind library
        fi
        ;;
    start)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version --event --all --wait --timeout' -- "$cur"))
        else
            _hookline_kind plugin
        fi
        ;;
    stop)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version --event --all --wait --timeout' -- "$cur"))
        else
            _hookline_kind plugin
        fi
        ;;
    restart)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version --event --all --wait --timeout' -- "$cur"))
        else
            _hookline_kind plugin
        fi
        ;;
    enable)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version --wait --timeout' -- "$cur"))
        else
            _hookline_kind plugin
        fi
        ;;
    unregister)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version --event --all --wait --timeout' -- "$cur"))
        else
            _hookline_kind plugin
        fi
        ;;
    health)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version --timeout' -- "$cur"))
        else
            _hookline_kind event
        fi
        ;;
    profile)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version --timeout' -- "$cur"))
        else
            _hookline_kind event
        fi
        ;;
    inspect)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version' -- "$cur"))
        else
            _hookline_kind library
        fi
        ;;
    watch)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version --event --count' -- "$cur"))
        else
            _hookline_kind event
        fi
        ;;
    top)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version --count --once' -- "$cur"))
        else
            _hookline_kind none
        fi
        ;;
    crashes)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version --limit' -- "$cur"))
        else
            _hookline_kind none
        fi
        ;;
    isolate)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version --wait --timeout --worker --in-process --default --deadline --on-failure --workers' -- "$cur"))
        else
            _hookline_kind plugin
        fi
        ;;
    install)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version --tag --asset --sha256 --signature --locked --bundle --queue --no-start --prune' -- "$cur"))
        else
            _hookline_kind file
        fi
        ;;
    uninstall)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version' -- "$cur"))
        else
            _hookline_kind app
        fi
        ;;
    rollback)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version' -- "$cur"))
        else
            _hookline_kind app
        fi
        ;;
    retry)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version' -- "$cur"))
        else
            _hookline_kind app
        fi
        ;;
    apps)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version' -- "$cur"))
        else
            _hookline_kind none
        fi
        ;;
    jobs)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version' -- "$cur"))
        else
            _hookline_kind none
        fi
        ;;
    gc)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version' -- "$cur"))
        else
            _hookline_kind none
        fi
        ;;
    pack)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version --dir' -- "$cur"))
        else
            _hookline_kind directory
        fi
        ;;
    verify)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version --tag --asset --sha256 --signature --locked' -- "$cur"))
        else
            _hookline_kind file
        fi
        ;;
    lock)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version' -- "$cur"))
        else
            _hookline_kind file
        fi
        ;;
    bundle)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version' -- "$cur"))
        else
            _hookline_kind file
        fi
        ;;
    module)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version --timeout --module --in' -- "$cur"))
        else
            _hookline_kind module-verb
        fi
        ;;
    log)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version --limit --installs --verify' -- "$cur"))
        else
            _hookline_kind none
        fi
        ;;
    store)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version' -- "$cur"))
        else
            _hookline_kind store-verb
        fi
        ;;
    new)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version --event --dir' -- "$cur"))
        else
            _hookline_kind new
        fi
        ;;
    demo)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version --input --seconds --threads --requests' -- "$cur"))
        else
            _hookline_kind file
        fi
        ;;
    bench)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version --quick --rounds --dir --list' -- "$cur"))
        else
            _hookline_kind none
        fi
        ;;
    version)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version' -- "$cur"))
        else
            _hookline_kind none
        fi
        ;;
    help)
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W ' --store --json --help --version' -- "$cur"))
        else
            COMPREPLY=($(compgen -W "$verbs" -- "$cur"))
        fi
        ;;
    esac
}

complete -o filenames -F _hookline hookline

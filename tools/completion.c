/* Shell completion. The scripts of tools/completion/ are the output of `hookline __completion SHELL`: they are made
 * from the tables of verbs and options, and a test compares. What a script cannot know, such as the names in a store,
 * it asks with `hookline __complete KIND PREFIX`. */
#include <string.h>

#include "tool.h"
#include "verbs.h"

/* ---- names, while somebody types ------------------------------------------------------------------------------- */

static const char *const kind_names[KIND__COUNT] = {
    [KIND_NONE] = "none",
    [KIND_EVENT] = "event",
    [KIND_PLUGIN] = "plugin",
    [KIND_LIBRARY] = "library",
    [KIND_FILE] = "file",
    [KIND_DIRECTORY] = "directory",
    [KIND_VERB] = "verb",
    [KIND_STATUS] = "status",
    [KIND_STAGE] = "stage",
    [KIND_STORE_VERB] = "store-verb",
    [KIND_NEW] = "new",
    [KIND_SHELL] = "shell",
    [KIND_APP] = "app",
    [KIND_KEY] = "key",
    [KIND_MODULE_VERB] = "module-verb",
    [KIND_FAILURE] = "failure",
};

/* Words that do not depend on a store. */
static const char *const kind_words[KIND__COUNT] = {
    [KIND_STATUS] = "registered started restarted stopped held",
    [KIND_STAGE] = "plan steps code asm",
    [KIND_STORE_VERB] = "backup restore check info",
    [KIND_NEW] = "plugin",
    [KIND_MODULE_VERB] = "compile register unregister list functions load execute run reload release purge key",
    [KIND_SHELL] = "bash zsh",
    [KIND_FAILURE] = "fail_chain skip_plugin halt_chain",
};

static void offer(const char *name, const char *prefix)
{
    if (strncmp(name, prefix, strlen(prefix)) == 0)
        puts(name);
}

static bool offer_plugin(const hl_plugin_info *info, void *prefix)
{
    offer(info->name, prefix);
    return true;
}

static bool offer_event(const hl_event_info *info, void *prefix)
{
    offer(info->name, prefix);
    return true;
}

static void offer_verbs(const char *prefix)
{
    for (const struct verb *verb = tool_verbs; verb->name; verb++)
        if (!(verb->flags & VERB_HIDDEN))
            offer(verb->name, prefix);
}

/* A completion that fails must be silent: it stands in the middle of somebody's command line. */
static void offer_from_store(struct context *context, enum tool_kind kind, char *prefix)
{
    hl_options options = HL_OPTIONS_INIT;
    hl_status status = HL_OK;

    if (!context->store || strncmp(context->store, "memory:", strlen("memory:")) == 0)
        return;
    options.store = context->store;
    options.flags = HL_OPEN_RECORDS_ONLY | HL_OPEN_NO_CONTROL | HL_OPEN_READ_ONLY;
    if (hl_open(&options, &context->runtime) != HL_OK)
        return;
    if (kind == KIND_PLUGIN)
        status = hl_plugins(context->runtime, NULL, offer_plugin, prefix);
    else if (kind == KIND_EVENT)
        status = hl_events(context->runtime, offer_event, prefix);
    else if (kind == KIND_KEY)
        keys_offer(context, prefix, offer);
    else
        apps_offer(context, prefix, offer);
    (void)status;
}

int verb_complete(struct context *context, int argc, char **argv)
{
    char nothing[] = "";
    char *prefix = argc > 1 ? argv[1] : nothing;

    if (strcmp(argv[0], kind_names[KIND_VERB]) == 0)
        offer_verbs(prefix);
    else if (strcmp(argv[0], kind_names[KIND_PLUGIN]) == 0)
        offer_from_store(context, KIND_PLUGIN, prefix);
    else if (strcmp(argv[0], kind_names[KIND_EVENT]) == 0)
        offer_from_store(context, KIND_EVENT, prefix);
    else if (strcmp(argv[0], kind_names[KIND_APP]) == 0)
        offer_from_store(context, KIND_APP, prefix);
    else if (strcmp(argv[0], kind_names[KIND_KEY]) == 0)
        offer_from_store(context, KIND_KEY, prefix);
    else
        return tool_usage(context, "names can be completed for verb, event, plugin, app and key");
    return TOOL_DONE;
}

/* ---- the scripts ----------------------------------------------------------------------------------------------- */

static void print_verb_names(void)
{
    const char *space = "";

    for (const struct verb *verb = tool_verbs; verb->name; verb++) {
        if (verb->flags & VERB_HIDDEN)
            continue;
        printf("%s%s", space, verb->name);
        space = " ";
    }
}

/* The next option that a raw verb, which reads its own, names in its arguments: "[--input FILE] ..." */
static const char *next_own_option(const struct verb *verb, const char *after)
{
    const char *found = verb->flags & VERB_RAW ? strstr(after, "--") : NULL;

    return found ? found + strlen("--") : NULL;
}

static int own_option_len(const char *option)
{
    return (int)strcspn(option, " ]");
}

static void print_option_names(const struct verb *verb)
{
    for (int i = 0; i < OPTION__COUNT; i++)
        if (i <= OPTION_VERSION || (verb->options & OPTION_BIT(i)))
            printf(" --%s", tool_options[i].name);
    for (const char *own = verb->arguments; (own = next_own_option(verb, own));)
        printf(" --%.*s", own_option_len(own), own);
}

static void print_bash_head(void)
{
    puts("# bash completion of the hookline command. Made by: hookline __completion bash\n"
         "\n"
         "_hookline_kind() {\n"
         "    local IFS=$'\\n' from=()\n"
         "    [[ -z $store ]] || from=(--store \"$store\")\n"
         "    case $1 in\n"
         "    event | plugin | app)\n"
         "        COMPREPLY=($(hookline \"${from[@]}\" __complete \"$1\" \"$cur\" 2>/dev/null))\n"
         "        ;;\n"
         "    library) COMPREPLY=($(compgen -f -X '!*.so' -- \"$cur\") $(compgen -d -- \"$cur\")) ;;\n"
         "    file) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n"
         "    directory) COMPREPLY=($(compgen -d -- \"$cur\")) ;;");
    for (int kind = 0; kind < KIND__COUNT; kind++) {
        if (kind_words[kind])
            printf("    %s) IFS=' '; COMPREPLY=($(compgen -W '%s' -- \"$cur\")) ;;\n", kind_names[kind],
                   kind_words[kind]);
    }
    puts("    esac\n"
         "}\n"
         "\n"
         "_hookline() {\n"
         "    local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} verb= store= i");
    printf("    local verbs='");
    print_verb_names();
    puts("'\n"
         "    COMPREPLY=()\n"
         "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "        case ${COMP_WORDS[i]} in\n"
         "        --store)\n"
         "            # bash takes = and : for ends of words.\n"
         "            [[ ${COMP_WORDS[i + 1]} == = ]] && ((i++))\n"
         "            store=${COMP_WORDS[++i]}\n"
         "            while [[ ${COMP_WORDS[i + 1]} == : ]]; do\n"
         "                store+=:${COMP_WORDS[i + 2]}\n"
         "                ((i += 2))\n"
         "            done\n"
         "            ;;\n"
         "        -*) ;;\n"
         "        *) verb=${verb:-${COMP_WORDS[i]}} ;;\n"
         "        esac\n"
         "    done");
}

static void print_bash_options(void)
{
    puts("    case $previous in");
    for (int i = 0; i < OPTION__COUNT; i++)
        if (tool_options[i].argument)
            printf("    --%s) _hookline_kind %s; return ;;\n", tool_options[i].name, kind_names[tool_options[i].kind]);
    puts("    esac");
}

static void print_bash(void)
{
    print_bash_head();
    print_bash_options();
    puts("    case $verb in\n"
         "    '')\n"
         "        if [[ $cur == -* ]]; then\n"
         "            COMPREPLY=($(compgen -W '--store --json --help --version' -- \"$cur\"))\n"
         "        else\n"
         "            COMPREPLY=($(compgen -W \"$verbs\" -- \"$cur\"))\n"
         "        fi\n"
         "        ;;");
    for (const struct verb *verb = tool_verbs; verb->name; verb++) {
        if (verb->flags & VERB_HIDDEN)
            continue;
        printf("    %s)\n        if [[ $cur == -* ]]; then\n            COMPREPLY=($(compgen -W '", verb->name);
        print_option_names(verb);
        puts("' -- \"$cur\"))\n        else");
        if (verb->kind == KIND_VERB)
            puts("            COMPREPLY=($(compgen -W \"$verbs\" -- \"$cur\"))");
        else
            printf("            _hookline_kind %s\n", kind_names[verb->kind]);
        puts("        fi\n        ;;");
    }
    puts("    esac\n"
         "}\n"
         "\n"
         "complete -o filenames -F _hookline hookline");
}

/* What zsh calls to complete a kind. */
static void print_zsh_action(enum tool_kind kind)
{
    switch (kind) {
    case KIND_EVENT:
    case KIND_PLUGIN:
    case KIND_APP:
        printf("_hookline_names %s", kind_names[kind]);
        return;
    case KIND_LIBRARY:
        printf("_files -g \"*.so\"");
        return;
    case KIND_FILE:
        printf("_files");
        return;
    case KIND_DIRECTORY:
        printf("_files -/");
        return;
    case KIND_VERB:
        printf("_hookline_verbs");
        return;
    default:
        if (kind_words[kind])
            printf("(%s)", kind_words[kind]);
        else
            putchar(' ');
    }
}

/* In a single-quoted zsh specification, ' [ ] and : have to be escaped. */
static void print_zsh_text(const char *text)
{
    for (; *text; text++) {
        if (strchr("[]:\\", *text))
            putchar('\\');
        if (*text == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*text);
    }
}

static void print_zsh_option(int option)
{
    const struct option_row *row = &tool_options[option];

    printf(" \\\n            '--%s[", row->name);
    print_zsh_text(row->help);
    putchar(']');
    if (row->argument) {
        printf(":%s:", row->argument);
        print_zsh_action(row->kind);
    }
    putchar('\'');
}

static void print_zsh_own_option(const char *option)
{
    int len = own_option_len(option);

    printf(" \\\n            '--%.*s", len, option);
    if (option[len] == ' ')
        printf(":%.*s:%s", own_option_len(option + len + 1), option + len + 1,
               strncmp(option + len, " FILE", 5) == 0  ? "_files"
               : strncmp(option + len, " DIR", 4) == 0 ? "_files -/"
                                                       : " ");
    putchar('\'');
}

static void print_zsh_verb(const struct verb *verb)
{
    printf("        %s)\n            _arguments", verb->name);
    for (int i = 0; i < OPTION__COUNT; i++)
        if (i <= OPTION_VERSION || (verb->options & OPTION_BIT(i)))
            print_zsh_option(i);
    for (const char *own = verb->arguments; (own = next_own_option(verb, own));)
        print_zsh_own_option(own);
    if (verb->kind != KIND_NONE) {
        printf(" \\\n            '*:%s:", kind_names[verb->kind]);
        print_zsh_action(verb->kind);
        putchar('\'');
    }
    puts("\n            ;;");
}

static void print_zsh_verb_list(void)
{
    puts("_hookline_verbs() {\n"
         "    local -a verbs=(");
    for (const struct verb *verb = tool_verbs; verb->name; verb++) {
        if (verb->flags & VERB_HIDDEN)
            continue;
        printf("        '%s:", verb->name);
        print_zsh_text(verb->help);
        puts("'");
    }
    puts("    )\n"
         "    _describe verb verbs\n"
         "}\n");
}

static void print_zsh(void)
{
    puts("#compdef hookline\n"
         "# zsh completion of the hookline command. Made by: hookline __completion zsh\n"
         "\n"
         "_hookline_names() {\n"
         "    local -a names\n"
         "    names=(\"${(@f)$(hookline ${opt_args[--store]:+--store \"${opt_args[--store]}\"} __complete $1 '' "
         "2>/dev/null)}\")\n"
         "    compadd -a names\n"
         "}\n");
    print_zsh_verb_list();
    puts("_hookline() {\n"
         "    local curcontext=$curcontext state line\n"
         "    local -A opt_args");
    printf("    _arguments -C");
    for (int i = 0; i <= OPTION_VERSION; i++)
        print_zsh_option(i);
    puts(" \\\n            '1:verb:_hookline_verbs' '*::argument:->arguments'\n"
         "    [[ $state == arguments ]] || return\n"
         "    case $line[1] in");
    for (const struct verb *verb = tool_verbs; verb->name; verb++)
        if (!(verb->flags & VERB_HIDDEN))
            print_zsh_verb(verb);
    puts("    esac\n"
         "}\n"
         "\n"
         "_hookline \"$@\"");
}

int verb_completion(struct context *context, int argc, char **argv)
{
    (void)argc;
    if (strcmp(argv[0], "bash") == 0)
        print_bash();
    else if (strcmp(argv[0], "zsh") == 0)
        print_zsh();
    else
        return tool_usage(context, "there are completion scripts for bash and zsh");
    return TOOL_DONE;
}

/* The hookline command: the table of verbs, and the way from a command line to one of them. */
#include <getopt.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"
#include "verbs.h"

#define BIT(option) OPTION_BIT(OPTION_##option)
#define EVERY_VERB (BIT(STORE) | BIT(JSON) | BIT(HELP) | BIT(VERSION))
#define LONG_BASE 256

const struct verb tool_verbs[] = {
    {"events", "", "list the events, their contracts and the servers that dispatch them", NULL, 0, 0, 0, 0, KIND_NONE,
     verb_events},
    {"plugins", "", "list the plugins", NULL, BIT(EVENT) | BIT(STATUS) | BIT(EXTENSION) | BIT(NAME), 0, 0, 0, KIND_NONE,
     verb_plugins},
    {"show", "EVENT", "show an event: contract, chain, the other plugins, and each server's view",
     "For each running server: engine, generation, and old generations that are still held, for how long and by how\n"
     "many threads.",
     0, 0, 1, 1, KIND_EVENT, verb_show},
    {"explain", "EVENT", "say why the chain is as it is, and why a plugin or the compiled code does not run", NULL, 0,
     0, 1, 1, KIND_EVENT, verb_explain},
    {"order", "FIRST SECOND", "say why one plugin runs before another", NULL, 0, 0, 2, 2, KIND_PLUGIN, verb_order},
    {"graph", "[EVENT]", "print the dependency graph as Graphviz DOT", "Try: hookline graph | dot -Tsvg > graph.svg", 0,
     0, 0, 1, KIND_EVENT, verb_graph},
    {"dependents", "NAME", "list the plugins that depend on one", NULL, 0, 0, 1, 1, KIND_PLUGIN, verb_dependents},
    {"dump", "EVENT", "show an event's way to machine code, as a running server has it",
     "Stages: plan (the ordered chain), steps (what the compiler is given), code (bytes), asm (by objdump).",
     BIT(STAGE), 0, 1, 1, KIND_EVENT, verb_dump},
    {"register", "FILE.so...", "register every plugin of the libraries; running servers load them",
     "The files are checked and tried in a throw-away process first. Several files are registered one after the other.",
     BIT(START) | BIT(WAIT) | BIT(TIMEOUT), 0, 1, -1, KIND_LIBRARY, verb_register},
    {"start", "NAME...", "put plugins into their chains",
     "Several names are one transaction: all are started, or none. With --event or --all instead of names, those that\n"
     "cannot start are left out.",
     BIT(EVENT) | BIT(ALL) | BIT(WAIT) | BIT(TIMEOUT), 0, 0, -1, KIND_PLUGIN, verb_start},
    {"stop", "NAME...", "take plugins out of their chains until they are enabled",
     "Plugins that depend on a stopped one are held. Several names are one transaction.",
     BIT(EVENT) | BIT(ALL) | BIT(WAIT) | BIT(TIMEOUT), 0, 0, -1, KIND_PLUGIN, verb_stop},
    {"restart", "NAME...", "start plugins again", "Several names are one transaction.",
     BIT(EVENT) | BIT(ALL) | BIT(WAIT) | BIT(TIMEOUT), 0, 0, -1, KIND_PLUGIN, verb_restart},
    {"enable", "NAME...", "end an operator's stop", "Several names are one transaction.", BIT(WAIT) | BIT(TIMEOUT), 0,
     1, -1, KIND_PLUGIN, verb_enable},
    {"unregister", "NAME...", "remove plugins from the store; servers release their code when the last call has left",
     "Several names are one transaction.", BIT(EVENT) | BIT(ALL) | BIT(WAIT) | BIT(TIMEOUT), 0, 0, -1, KIND_PLUGIN,
     verb_unregister},
    {"health", "[EVENT]", "ask the running servers how their plugins are", NULL, BIT(TIMEOUT), 0, 0, 1, KIND_EVENT,
     verb_health},
    {"profile", "EVENT", "run an event's chain once in each running server and time every plugin",
     "It is a real run, on a state of zeros: the event needs a contract with a state size.", BIT(TIMEOUT), 0, 1, 1,
     KIND_EVENT, verb_profile},
    {"inspect", "FILE.so", "show what is in a plugin library, without running any of its code", NULL, 0, 0, 1, 1,
     KIND_LIBRARY, verb_inspect},
    {"watch", "[EVENT on|off]", "print changes as they happen, or have an event's calls written down",
     "Without arguments: prints changes until interrupted; with --json one JSON object a line.\n"
     "EVENT on has each call of the event's plugins written down in every running server, for `top` and for crash\n"
     "records, until it is off or the server ends. It costs some 3 ns a plugin.",
     BIT(EVENT) | BIT(COUNT), 0, 0, 2, KIND_EVENT, verb_watch},
    {"top", "", "show which threads are in which plugins and since when, and the workers, until interrupted",
     "A plugin is named when its event has no other, when it has a deadline or runs in a worker, or when its event is\n"
     "watched (hookline watch EVENT on). With --json: one JSON document, then it ends.",
     BIT(ONCE) | BIT(COUNT), 0, 0, 0, KIND_NONE, verb_top},
    {"crashes", "", "list the crashes of workers and of servers, newest first",
     "Of servers that record faults: the plugin is named where it is known. Two crashes within ten minutes hold it.",
     BIT(LIMIT), 0, 0, 0, KIND_NONE, verb_crashes},
    {"isolate", "NAME [JSON]", "say where a plugin runs and what happens when it fails, or show that",
     "JSON has all that can be said, such as {\"mode\":\"in_worker\",\"sandbox\":{\"memory_bytes\":67108864}}, and is\n"
     "taken instead of what the plugin has; the options change single fields. Without either it is shown.",
     BIT(WORKER) | BIT(IN_PROCESS) | BIT(DEFAULT) | BIT(DEADLINE) | BIT(ON_FAILURE) | BIT(WORKERS) | BIT(WAIT) |
         BIT(TIMEOUT),
     0, 1, 2, KIND_PLUGIN, verb_isolate},
    {"install", "[FILE | DIR | URL | github:OWNER/REPOSITORY | LOCKFILE]",
     "install or upgrade an app; running servers load it without a pause",
     "A package file, a folder as `hookline pack` takes it, an https URL, or a GitHub release. Remote sources must be\n"
     "named in the store's install.json. With --locked and without a package: everything that the lockfile names\n"
     "(FILE.lock; default: hookline.lock in the store's folder), in one step, all or nothing; with --prune what it\n"
     "does not name is uninstalled; with --bundle the packages come from an air-gap bundle.",
     BIT(TAG) | BIT(ASSET) | BIT(SHA256) | BIT(SIGNATURE) | BIT(LOCKED) | BIT(BUNDLE) | BIT(QUEUE) | BIT(NO_START) |
         BIT(PRUNE),
     0, 0, 1, KIND_FILE, verb_install},
    {"uninstall", "APP", "remove an app, its plugins and its files", NULL, 0, 0, 1, 1, KIND_APP, verb_uninstall},
    {"rollback", "APP", "make the version active that was active before", NULL, 0, 0, 1, 1, KIND_APP, verb_rollback},
    {"retry", "APP", "take an app back into service that was put aside at boot", NULL, 0, 0, 1, 1, KIND_APP,
     verb_retry},
    {"apps", "", "list the installed apps", NULL, 0, 0, 0, 0, KIND_NONE, verb_apps},
    {"jobs", "", "list the queue of installations", NULL, 0, 0, 0, 0, KIND_NONE, verb_jobs},
    {"gc", "", "delete versions and files that no app needs any more", NULL, 0, 0, 0, 0, KIND_NONE, verb_gc},
    {"pack", "DIR", "make a package of a folder with hookline.json and lib/; same content, same bytes", NULL, BIT(DIR),
     0, 1, 1, KIND_DIRECTORY, verb_pack},
    {"verify", "FILE | DIR | URL", "go through everything that installing would check, without loading code",
     "With --store it is held against that store's policy and apps.",
     BIT(TAG) | BIT(ASSET) | BIT(SHA256) | BIT(SIGNATURE) | BIT(LOCKED), 0, 1, 1, KIND_FILE, verb_verify},
    {"lock", "[FILE]", "write a lockfile of what is installed (default: hookline.lock in the store)", NULL, 0, 0, 0, 1,
     KIND_FILE, verb_lock},
    {"bundle", "FILE", "write an air-gap bundle: the lockfile and every package that it names", NULL, 0, 0, 1, 1,
     KIND_FILE, verb_bundle},
    {"module", "WORD [ARGUMENT...]", "compile code, register keys to it, call it",
     "compile FILE                  make a C source file, or a .so, the newest code of its module\n"
     "register KEY|new FILE|MODULE  have a key lead to a module, whose code a FILE brings\n"
     "unregister KEY                have the key lead nowhere\n"
     "list                          the keys, and the servers in which they are loaded\n"
     "functions KEY                 what can be called\n"
     "execute KEY FUNCTION [ARGS]   call a function; ARGS is a JSON list: '[5, 2]'\n"
     "run KEY FUNCTION [ARGS]       the same, as hl_module_run_and_release does it\n"
     "load, reload, release KEY     start, start anew, or end the key's workers in every running server\n"
     "purge MODULE                  delete the code of a module to which no key leads\n"
     "key                           make a new key\n"
     "Workers belong to the process that loads a module: execute and run start one for this command, which ends with it\n"
     "and has a state of its own; execute --in PID calls the one of a running server. New code is taken up everywhere\n"
     "with the next call.",
     BIT(TIMEOUT) | BIT(MODULE) | BIT(IN), 0, 1, 4, KIND_MODULE_VERB, verb_module},
    {"log", "", "print the store's activity log, or the install log", NULL, BIT(LIMIT) | BIT(INSTALLS) | BIT(VERIFY), 0,
     0, 0, KIND_NONE, verb_log},
    {"store", "backup DIR | restore DIR | check | info", "look after the store",
     "backup   write a consistent copy into a new or empty folder, while servers go on\n"
     "restore  replace the store's content by a backup's, as one commit\n"
     "check    read everything and tell what is wrong; exit code 1 when something is\n"
     "info     tell identity, revision and size",
     0, 0, 1, 2, KIND_STORE_VERB, verb_store},
    {"new", "plugin NAME", "write a plugin project: source, CMake and make files, a test, a README", NULL,
     BIT(EVENT) | BIT(DIR), 0, 2, 2, KIND_NEW, verb_new},
    {"demo", "[--input FILE] [--seconds N] [--threads N] [--requests N]", "show Hookline at work on this machine",
     "Serves HTTP requests, or runs over the lines of FILE, while another process changes the plugins.", 0, VERB_RAW, 0,
     -1, KIND_FILE, hl_tool_demo},
    {"bench", "[CASE...] [--quick] [--rounds N] [--dir DIR] | --list",
     "measure Hookline on this machine, side by side with hand-written calls", NULL, 0, VERB_RAW, 0, -1, KIND_NONE,
     hl_tool_bench},
    {"version", "", "print the version", NULL, 0, 0, 0, 0, KIND_NONE, verb_version},
    {"help", "[VERB]", "explain the command, or one verb", NULL, 0, 0, 0, 1, KIND_VERB, verb_help},
    {"__complete", "KIND PREFIX", "names for shell completion, one a line", NULL, 0, VERB_HIDDEN, 1, 2, KIND_NONE,
     verb_complete},
    {"__completion", "bash|zsh", "the completion script of a shell", NULL, 0, VERB_HIDDEN, 1, 1, KIND_SHELL,
     verb_completion},
    {0},
};

const struct verb *tool_verb_find(const char *name)
{
    for (const struct verb *verb = tool_verbs; verb->name; verb++)
        if (strcmp(verb->name, name) == 0)
            return verb;
    return NULL;
}

/* ---- options --------------------------------------------------------------------------------------------------- */

static void make_long_options(uint64_t wanted, struct option out[OPTION__COUNT + 1])
{
    size_t len = 0;

    for (int i = 0; i < OPTION__COUNT; i++)
        if (wanted & OPTION_BIT(i))
            out[len++] =
                (struct option){tool_options[i].name, tool_options[i].argument ? required_argument : no_argument, NULL,
                                LONG_BASE + i};
    memset(&out[len], 0, sizeof(out[len]));
}

static int bad_option(struct context *context, int problem, const char *given, const struct option *known)
{
    const char *names[OPTION__COUNT];
    size_t len = 0;
    const char *closest;

    if (problem == ':')
        return tool_usage(context, "%s needs a value", given);
    for (; known->name; known++)
        names[len++] = known->name;
    closest = strncmp(given, "--", 2) == 0 ? tool_closest(given + 2, names, len) : NULL;
    if (closest)
        return tool_usage(context, "unknown option %s; did you mean --%s?", given, closest);
    return tool_usage(context, "unknown option %s", given);
}

static void take_option(struct context *context, int option, const char *value)
{
    context->option[option] = value ? value : "";
    if (option == OPTION_STORE)
        context->store = value;
    if (option == OPTION_JSON)
        context->json = true;
}

/* Parses `wanted` options; *argc and *argv become what is left. With only_leading it ends at the first argument. */
static int parse_options(struct context *context, uint64_t wanted, bool only_leading, int *argc, char ***argv)
{
    struct option known[OPTION__COUNT + 1];
    int option;

    make_long_options(wanted, known);
    opterr = 0;
    optind = 0;
    while ((option = getopt_long(*argc, *argv, only_leading ? "+:h" : ":h", known, NULL)) != -1) {
        if (option == '?' || option == ':')
            return bad_option(context, option, (*argv)[optind - 1], known);
        take_option(context, option == 'h' ? OPTION_HELP : option - LONG_BASE, optarg);
    }
    *argc -= optind;
    *argv += optind;
    return TOOL_DONE;
}

/* Takes the options of every verb out of a raw verb's arguments, and leaves the rest to it. */
static int parse_raw(struct context *context, int *argc, char **argv)
{
    int kept = 1;

    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            take_option(context, OPTION_JSON, NULL);
        else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            take_option(context, OPTION_HELP, NULL);
        else if (strcmp(argv[i], "--version") == 0)
            take_option(context, OPTION_VERSION, NULL);
        else if (strncmp(argv[i], "--store=", 8) == 0)
            take_option(context, OPTION_STORE, argv[i] + 8);
        else if (strcmp(argv[i], "--store") == 0 && i + 1 < *argc)
            take_option(context, OPTION_STORE, argv[++i]);
        else
            argv[kept++] = argv[i];
    }
    argv[kept] = NULL;
    *argc = kept;
    return TOOL_DONE;
}

/* ---- running a verb -------------------------------------------------------------------------------------------- */

static int check_arguments(struct context *context, int argc)
{
    const struct verb *verb = context->verb;

    if (argc < verb->least)
        return tool_usage(context, "missing argument: hookline %s %s", verb->name, verb->arguments);
    if (verb->most >= 0 && argc > verb->most)
        return tool_usage(context, "too many arguments: hookline %s %s", verb->name, verb->arguments);
    return TOOL_DONE;
}

static int run_verb(struct context *context, int argc, char **argv)
{
    bool raw = context->verb->flags & VERB_RAW;
    int code = raw ? parse_raw(context, &argc, argv)
                   : parse_options(context, EVERY_VERB | context->verb->options, false, &argc, &argv);

    if (code != TOOL_DONE)
        return code;
    if (context->option[OPTION_HELP])
        return help_on_verb(context, context->verb);
    if (context->option[OPTION_VERSION])
        return verb_version(context, 0, NULL);
    if (!raw)
        code = check_arguments(context, argc);
    if (code == TOOL_DONE)
        code = context->verb->run(context, argc, argv);
    return code;
}

static int unknown_verb(struct context *context, const char *name)
{
    const char *names[sizeof(tool_verbs) / sizeof(tool_verbs[0])];
    size_t len = 0;
    const char *closest;

    for (const struct verb *verb = tool_verbs; verb->name; verb++)
        if (!(verb->flags & VERB_HIDDEN))
            names[len++] = verb->name;
    closest = tool_closest(name, names, len);
    if (closest)
        return tool_usage(context, "there is no verb \"%s\"; did you mean \"%s\"?", name, closest);
    return tool_usage(context, "there is no verb \"%s\"", name);
}

static int run(struct context *context, int argc, char **argv)
{
    int code = parse_options(context, EVERY_VERB, true, &argc, &argv);

    if (code != TOOL_DONE)
        return code;
    if (context->option[OPTION_VERSION])
        return verb_version(context, 0, NULL);
    if (context->option[OPTION_HELP])
        return verb_help(context, argc > 0, argv);
    if (argc == 0)
        return tool_usage(context, "no verb given");
    context->verb = tool_verb_find(argv[0]);
    return context->verb ? run_verb(context, argc, argv) : unknown_verb(context, argv[0]);
}

static bool wants_colour(void)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");

    return isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && terminal && strcmp(terminal, "dumb") != 0;
}

int main(int argc, char **argv)
{
    struct context context = {.program = argc > 0 ? argv[0] : "hookline"};
    int code;

    setlocale(LC_CTYPE, "");
    context.store = getenv("HOOKLINE_STORE");
    if (context.store && !*context.store)
        context.store = NULL;
    context.colour = wants_colour();
    code = run(&context, argc, argv);
    hl_close(context.runtime);
    return fflush(stdout) == 0 ? code : TOOL_REFUSED;
}

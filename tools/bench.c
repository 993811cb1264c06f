/* hookline bench: measures Hookline on this machine, side by side with hand-written calls, a loop over pointers and
 * bare LMDB. This file has its command line and runs its cases; each case is in a file of its own. */
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "bench.h"

static const bench_case cases[] = {
    {"dispatch-1", "one event: compiled chains against hand-written calls and a loop over pointers", bench_dispatch_one,
     false},
    {"dispatch-1000", "1,000 events in random order, before and after each was changed", bench_dispatch_thousand,
     false},
    {"dispatch-10000", "10,000 events in random order against a loop over pointers", bench_dispatch_ten_thousand, true},
    {"threads", "two threads dispatching against one", bench_threads, false},
    {"register", "from a registration to its visibility and to its code; LMDB against one bare put", bench_register,
     false},
    {"churn", "dispatch while another thread registers without pause", bench_churn, false},
    {"flat", "memory, descriptors, mappings and files after 10,000 changes", bench_flat, false},
    {"open", "opening a store of 10,000 plugins over 1,000 events", bench_open, false},
    {"notice", "from a change in another process to its visibility here", bench_notice, false},
    {"worker", "a plugin in another process: calling it, starting it, and killing it", bench_worker, false},
    {"install", "packages: against tar, large ones, upgrades under load, 100 apps at the start", bench_install, true},
};
#define CASES (sizeof(cases) / sizeof(cases[0]))

static const char usage[] = "hookline bench [CASE...] [--quick] [--rounds N] [--dir DIR] | hookline bench --list";

/* ---- the command line ------------------------------------------------------------------------------------------ */

enum { LIST = 256, QUICK, ROUNDS, DIRECTORY, CHILD };

static const struct option known[] = {{"list", no_argument, NULL, LIST},
                                      {"quick", no_argument, NULL, QUICK},
                                      {"rounds", required_argument, NULL, ROUNDS},
                                      {"dir", required_argument, NULL, DIRECTORY},
                                      {"child", required_argument, NULL, CHILD},
                                      {0}};

typedef struct asked {
    bool list;
    const char *child;
} asked;

static int take_rounds(bench *b, const char *text)
{
    char *end;
    unsigned long rounds = strtoul(text, &end, 10);

    if (end == text || *end || *text == '-' || rounds == 0 || rounds > 100000)
        return tool_usage(b->context, "--rounds takes a number from 1 to 100000, not \"%s\"", text);
    b->rounds = rounds;
    return TOOL_DONE;
}

static int take_option(bench *b, asked *asked, int option, char **argv)
{
    switch (option) {
    case LIST:
        asked->list = true;
        return TOOL_DONE;
    case QUICK:
        b->quick = true;
        return TOOL_DONE;
    case ROUNDS:
        return take_rounds(b, optarg);
    case DIRECTORY:
        b->where = optarg;
        return TOOL_DONE;
    case CHILD:
        asked->child = optarg;
        return TOOL_DONE;
    default:
        return tool_usage(b->context, "%s: %s", argv[optind - 1], usage);
    }
}

static int parse(bench *b, asked *asked, int argc, char **argv)
{
    int option, code = TOOL_DONE;

    opterr = 0;
    optind = 0;
    while (code == TOOL_DONE && (option = getopt_long(argc, argv, "", known, NULL)) != -1)
        code = take_option(b, asked, option, argv);
    return code;
}

/* ---- cases ----------------------------------------------------------------------------------------------------- */

static int list_cases(const bench *b)
{
    json_t *list = b->context->json ? json_array() : NULL;

    for (size_t i = 0; i < CASES; i++) {
        if (list)
            json_array_append_new(list, json_pack("{s:s, s:s}", "case", cases[i].name, "help", cases[i].help));
        else
            printf("%-15s %s\n", cases[i].name, cases[i].help);
    }
    return list ? tool_print_json(list, TOOL_DONE) : TOOL_DONE;
}

static const bench_case *find_case(bench *b, const char *name)
{
    const char *names[CASES];
    const char *closest;

    for (size_t i = 0; i < CASES; i++) {
        if (strcmp(cases[i].name, name) == 0)
            return &cases[i];
        names[i] = cases[i].name;
    }
    closest = tool_closest(name, names, CASES);
    if (closest)
        tool_usage(b->context, "there is no case \"%s\"; did you mean \"%s\"?", name, closest);
    else
        tool_usage(b->context, "there is no case \"%s\"; see hookline bench --list", name);
    return NULL;
}

/* One chain is compiled to see whether this machine can; the cases leave out what it cannot. */
static int try_compiler(bench *b)
{
    hl_runtime *runtime = NULL;
    hl_event *event = NULL;
    int code = bench_runtime(b, "memory:", HL_ENGINE_COMPILED, &runtime);

    if (code == TOOL_DONE)
        code = bench_chains_register(b, runtime, b->parts.sizes, 1, &event);
    if (code == TOOL_DONE && hl_wait_compiled(runtime, 0) != HL_OK && hl_wait_compiled(runtime, 20000) != HL_OK)
        code = tool_fail(b->context);
    if (code == TOOL_DONE)
        b->compiler = hl_event_engine(event) == HL_ENGINE_COMPILED;
    hl_close(runtime);
    if (code == TOOL_DONE && !b->compiler)
        bench_say(b, "There is no compiler here: compiled chains are left out. hookline explain says why.");
    return code;
}

static int run_cases(bench *b, int argc, char **argv)
{
    int code = try_compiler(b);

    for (size_t i = 0; code == TOOL_DONE && argc == 0 && i < CASES; i++)
        if (!b->quick || !cases[i].slow)
            code = cases[i].run(b);
    for (int i = 0; code == TOOL_DONE && i < argc; i++)
        code = find_case(b, argv[i])->run(b);
    return code;
}

static int check_cases(bench *b, int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (!find_case(b, argv[i]))
            return TOOL_USAGE;
    return TOOL_DONE;
}

/* Temporary files of everything that runs go into the run's own folder, where they can be counted. */
static int run_in_folder(bench *b, int argc, char **argv)
{
    int code = check_cases(b, argc, argv);

    if (code == TOOL_DONE)
        code = bench_parts_open(b);
    if (code == TOOL_DONE)
        code = bench_work_make(b);
    if (code == TOOL_DONE)
        setenv("TMPDIR", b->work, 1);
    if (code == TOOL_DONE)
        code = run_cases(b, argc, argv);
    bench_work_remove(b);
    if (code == TOOL_DONE)
        bench_say(b, "\n%zu of %zu goals met.", b->goals - b->missed, b->goals);
    return code;
}

/* A child dies with the run that started it. */
static int run_child(bench *b, const char *name, int argc, char **argv)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (strcmp(name, "open") == 0)
        return bench_open_child(b, argc, argv);
    if (strcmp(name, "notice") == 0)
        return bench_notice_child(b, argc, argv);
    if (strcmp(name, "flat") == 0)
        return bench_flat_child(b, argc, argv);
    if (strcmp(name, "worker-bare") == 0)
        return bench_worker_bare_child(b, argc, argv);
    if (strcmp(name, "install-large") == 0)
        return bench_install_large_child(b, argc, argv);
    if (strcmp(name, "install-replay") == 0)
        return bench_install_replay_child(b, argc, argv);
    return tool_usage(b->context, "there is no child \"%s\"", name);
}

int hl_tool_bench(struct context *context, int argc, char **argv)
{
    bench b = {.context = context};
    asked asked = {0};
    int code = parse(&b, &asked, argc, argv);

    if (code != TOOL_DONE)
        return code;
    argc -= optind;
    argv += optind;
    if (asked.list)
        return list_cases(&b);
    if (asked.child)
        return run_child(&b, asked.child, argc, argv);
    return run_in_folder(&b, argc, argv);
}

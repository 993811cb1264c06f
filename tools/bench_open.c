/* The opening case of hookline bench: a new process opens a store of 10,000 plugins over 1,000 events, whose code comes
 * from 40 plugin libraries, and dispatches every event rightly. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define PLUGINS ((size_t)BENCH_LIBRARIES * BENCH_LIBRARY_PLUGINS)
#define PLUGINS_ON_EVENT (PLUGINS / BENCH_EVENTS)

/* ---- the process that opens ------------------------------------------------------------------------------------ */

static hl_status open_events(hl_runtime *runtime, hl_event **events)
{
    hl_status status = HL_OK;
    char name[32];

    for (unsigned i = 0; status == HL_OK && i < BENCH_EVENTS; i++) {
        snprintf(name, sizeof(name), "open-%03u", i);
        status = hl_event_open(runtime, name, &events[i]);
    }
    return status;
}

/* Plugin number N adds N: event i has the plugins i, i + 1000, i + 2000, ... */
static int check_events(bench *b, hl_event *const *events)
{
    for (size_t i = 0; i < BENCH_EVENTS; i++) {
        uint64_t sum = 0,
                 expected = PLUGINS_ON_EVENT * i + BENCH_EVENTS * (PLUGINS_ON_EVENT * (PLUGINS_ON_EVENT - 1) / 2);
        hl_reply reply = hl_call(events[i], &sum, NULL);

        if (reply.verdict != HL_NEXT || sum != expected)
            return bench_wrong(b, "open: event %zu gave %llu with verdict %lld instead of %llu.", i,
                               (unsigned long long)sum, (long long)reply.verdict, (unsigned long long)expected);
    }
    return TOOL_DONE;
}

int bench_open_child(bench *b, int argc, char **argv)
{
    static hl_event *events[BENCH_EVENTS];
    hl_runtime *runtime = NULL;
    uint64_t begin = bench_now_ns(), opened, handles;
    int code;

    if (argc != 1)
        return tool_usage(b->context, "the child takes a store");
    code = bench_runtime(b, argv[0], HL_ENGINE_COMPILED, &runtime);
    opened = bench_now_ns();
    if (code == TOOL_DONE && open_events(runtime, events) != HL_OK)
        code = tool_fail(b->context);
    handles = bench_now_ns();
    if (code == TOOL_DONE)
        code = check_events(b, events);
    if (code == TOOL_DONE)
        printf("%llu %llu %llu\n", (unsigned long long)(opened - begin), (unsigned long long)(handles - begin),
               (unsigned long long)(bench_now_ns() - begin));
    fflush(stdout);
    hl_close(runtime);
    return code;
}

/* ---- the case -------------------------------------------------------------------------------------------------- */

static hl_status register_libraries(hl_runtime *runtime)
{
    char file[32], path[PATH_MAX + 64];
    hl_status status = HL_OK;

    for (int i = 0; status == HL_OK && i < BENCH_LIBRARIES; i++) {
        snprintf(file, sizeof(file), "library-%02d.so", i);
        status = hl_register_library(runtime, bench_part_path(file, path, sizeof(path)), HL_START);
    }
    return status;
}

/* A records-only runtime leaves the loading to others. */
static int make_store(bench *b, const char *store)
{
    hl_options options = HL_OPTIONS_INIT;
    hl_runtime *runtime = NULL;
    hl_status status;

    options.store = store;
    options.flags = HL_OPEN_RECORDS_ONLY;
    status = hl_open(&options, &runtime);
    if (status == HL_OK)
        status = register_libraries(runtime);
    if (status != HL_OK)
        tool_fail(b->context);
    hl_close(runtime);
    return status == HL_OK ? TOOL_DONE : TOOL_REFUSED;
}

static int open_once(bench *b, const char *store, double *opened, double *handles, double *right)
{
    FILE *lines;
    pid_t pid;
    int out, found, code = bench_child_start(b, "open", store, &pid, &out);

    if (code != TOOL_DONE)
        return code;
    lines = fdopen(out, "r");
    found = lines ? fscanf(lines, "%lf %lf %lf", opened, handles, right) : 0;
    if (lines)
        fclose(lines);
    else
        close(out);
    code = bench_child_end(b, pid);
    return code == TOOL_DONE && found != 3 ? bench_wrong(b, "open: the process said nothing.") : code;
}

static void print(bench *b, const char *what, double ns, double goal)
{
    bench_print(b, &(bench_row){.name = "open",
                                .what = what,
                                .engine = "reference",
                                .plugins = PLUGINS_ON_EVENT,
                                .events = BENCH_EVENTS,
                                .ns = ns,
                                .goal_kind = goal > 0 ? BENCH_NS_MOST : BENCH_NO_GOAL,
                                .goal = goal});
}

#define ROUNDS_MAX 101

int bench_open(bench *b)
{
    char store[sizeof(b->work) + 16];
    double opened[ROUNDS_MAX], handles[ROUNDS_MAX], right[ROUNDS_MAX];
    size_t rounds = b->rounds ? b->rounds : b->quick ? 5 : 15;
    int code = make_store(b, bench_store_url(b, "open", store, sizeof(store)));

    rounds = rounds < ROUNDS_MAX ? rounds : ROUNDS_MAX;
    for (size_t i = 0; code == TOOL_DONE && i < rounds; i++)
        code = open_once(b, store, &opened[i], &handles[i], &right[i]);
    if (code != TOOL_DONE)
        return code;
    print(b, "hl_open of 10,000 plugins", bench_median(opened, rounds), 0);
    print(b, "and 1,000 events opened, 40 libraries", bench_median(handles, rounds), 0);
    print(b, "and every event dispatched rightly", bench_median(right, rounds), 300e6);
    return TOOL_DONE;
}

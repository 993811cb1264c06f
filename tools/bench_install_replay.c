/* A new process opens a store with 100 installed apps of 10 plugins each and dispatches every event rightly. Part of
 * the install case of hookline bench. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_install.h"

#define APPS 100
#define APPS_QUICK 20
#define ROUNDS_MAX 101

/* ---- the process that opens ------------------------------------------------------------------------------------ */

static unsigned event_app(unsigned event)
{
    return event / BENCH_APP_PLUGINS * 10;
}

static hl_status open_events(hl_runtime *runtime, unsigned events_len, hl_event **events)
{
    hl_status status = HL_OK;
    char name[48];

    for (unsigned i = 0; status == HL_OK && i < events_len; i++) {
        bench_app_event(event_app(i), i % BENCH_APP_PLUGINS, name, sizeof(name));
        status = hl_event_open(runtime, name, &events[i]);
    }
    return status;
}

static uint64_t expected_sum(unsigned event)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < 10; i++)
        sum += bench_app_adds(event_app(event) + i, event % BENCH_APP_PLUGINS);
    return sum;
}

static int check_events(bench *b, unsigned events_len, hl_event *const *events)
{
    for (unsigned i = 0; i < events_len; i++) {
        uint64_t sum = 0;
        hl_reply reply = hl_call(events[i], &sum, NULL);

        if (reply.verdict != HL_NEXT || sum != expected_sum(i))
            return bench_wrong(b, "install: event %u gave %llu with verdict %lld instead of %llu.", i,
                               (unsigned long long)sum, (long long)reply.verdict, (unsigned long long)expected_sum(i));
    }
    return TOOL_DONE;
}

/* The argument is "APPS STORE". There are as many events as apps. */
int bench_install_replay_child(bench *b, int argc, char **argv)
{
    static hl_event *events[APPS];
    hl_runtime *runtime = NULL;
    uint64_t begin = bench_now_ns(), opened;
    unsigned apps = argc == 1 ? (unsigned)atoi(argv[0]) : 0;
    const char *store = argc == 1 ? strchr(argv[0], ' ') : NULL;
    int code;

    if (!store || apps > APPS)
        return tool_usage(b->context, "the child takes a number of apps and a store");
    code = bench_runtime(b, store + 1, HL_ENGINE_COMPILED, &runtime);
    opened = bench_now_ns();
    if (code == TOOL_DONE && open_events(runtime, apps, events) != HL_OK)
        code = tool_fail(b->context);
    if (code == TOOL_DONE)
        code = check_events(b, apps, events);
    if (code == TOOL_DONE)
        printf("%llu %llu\n", (unsigned long long)(opened - begin), (unsigned long long)(bench_now_ns() - begin));
    fflush(stdout);
    hl_close(runtime);
    return code;
}

/* ---- the part -------------------------------------------------------------------------------------------------- */

static int install_app(bench *b, hl_runtime *runtime, unsigned number)
{
    bench_app app = {.number = number, .plugins = BENCH_APP_PLUGINS};
    char package[PATH_MAX];
    int code = bench_app_pack(b, &app, package, sizeof(package));

    if (code == TOOL_DONE)
        code = bench_app_install(b, runtime, package, NULL, NULL);
    unlink(package);
    return code;
}

static int make_store(bench *b, const char *store, unsigned apps)
{
    hl_runtime *runtime = NULL;
    int code = bench_records_runtime(b, store, &runtime);

    for (unsigned i = 0; code == TOOL_DONE && i < apps; i++)
        code = install_app(b, runtime, i);
    hl_close(runtime);
    return code;
}

static void print(bench *b, unsigned apps, const char *what, double ns, double goal)
{
    char text[64];

    snprintf(text, sizeof(text), "%u apps, %u plugins: %s", apps, apps * BENCH_APP_PLUGINS, what);
    bench_install_print(b, (bench_row){.what = text,
                                       .engine = "reference",
                                       .plugins = BENCH_APP_PLUGINS,
                                       .events = apps,
                                       .ns = ns,
                                       .goal_kind = goal > 0 ? BENCH_NS_MOST : BENCH_NO_GOAL,
                                       .goal = goal});
}

int bench_install_replay(bench *b)
{
    unsigned apps = b->quick ? APPS_QUICK : APPS;
    char store[sizeof(b->work) + 32], argument[sizeof(store) + 16];
    double opened[ROUNDS_MAX], right[ROUNDS_MAX];
    size_t rounds = b->rounds ? b->rounds : b->quick ? 5 : 15;
    int code = make_store(b, bench_store_url(b, "replay-store", store, sizeof(store)), apps);

    rounds = rounds < ROUNDS_MAX ? rounds : ROUNDS_MAX;
    snprintf(argument, sizeof(argument), "%u %s", apps, store);
    for (size_t i = 0; code == TOOL_DONE && i < rounds; i++)
        code = bench_install_ask_child(b, "install-replay", argument, &opened[i], &right[i]);
    if (code != TOOL_DONE)
        return code;
    print(b, apps, "open", bench_median(opened, rounds), 0);
    print(b, apps, "dispatch right", bench_median(right, rounds), 500e6);
    return TOOL_DONE;
}

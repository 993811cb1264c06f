/* The worker case of hookline bench: calling a plugin in another process, starting that process, and losing it. Each
 * part compares with what a person would write by hand, in the same run. */
#include <limits.h>
#include <string.h>

#include "bench_worker.h"

#define SETTLE_NS UINT64_C(2200000000)

hl_isolation bench_isolation(void)
{
    hl_isolation how = HL_ISOLATION_INIT(HL_IN_WORKER);

    how.deadline_ms = 5000;
    how.restarts_most = 1000000;
    how.backoff_ms = 1;
    how.backoff_most_ms = 1;
    return how;
}

/* ---- the plugin -------------------------------------------------------------------------------------------------- */

static hl_status define_event(bench_isolated *isolated)
{
    hl_event_spec spec = HL_EVENT_INIT(BENCH_WORKER_EVENT);

    spec.contract = &bench_work_contract;
    return hl_event_define(isolated->runtime, &spec, &isolated->event);
}

int bench_isolated_open(bench *b, bench_isolated *isolated)
{
    hl_isolation how = bench_isolation();
    char library[PATH_MAX + 64];
    int code = bench_runtime(b, "memory:", b->compiler ? HL_ENGINE_COMPILED : HL_ENGINE_REFERENCE, &isolated->runtime);

    if (code != TOOL_DONE)
        return code;
    bench_part_path(BENCH_WORKER_LIBRARY, library, sizeof(library));
    if (define_event(isolated) != HL_OK ||
        hl_register_library(isolated->runtime, library, HL_START | HL_ISOLATED) != HL_OK)
        return tool_fail(b->context);
    return bench_isolated_set(b, isolated, &how);
}

/* The event's code is waited for too: what the reference engine costs is measured elsewhere. */
int bench_isolated_set(bench *b, bench_isolated *isolated, const hl_isolation *how)
{
    if (hl_isolate(isolated->runtime, BENCH_WORKER_PLUGIN, how, HL_WAIT_COMPILED | HL_WAIT_IDLE) != HL_OK)
        return tool_fail(b->context);
    return TOOL_DONE;
}

static bool take_worker(const hl_worker_info *info, void *user)
{
    *(hl_worker_info *)user = *info;
    return false;
}

/* Its texts are gone with the walk. */
hl_worker_info bench_isolated_worker(const bench_isolated *isolated)
{
    hl_worker_info info = {0};

    if (hl_workers(isolated->runtime, take_worker, &info) != HL_OK)
        info.pid = 0;
    return info;
}

void bench_worker_settle(void (*run)(void *user, size_t times), void *user)
{
    uint64_t end_ns = bench_now_ns() + SETTLE_NS;

    while (bench_now_ns() < end_ns)
        run(user, 100);
}

/* ---- the parts --------------------------------------------------------------------------------------------------- */

static int (*const parts[])(bench *b, bench_isolated *isolated) = {
    bench_worker_round_trips,
    bench_worker_starts,
    bench_worker_kills,
    bench_modules,
};

int bench_worker(bench *b)
{
    int code = TOOL_DONE;

    for (size_t i = 0; code == TOOL_DONE && i < sizeof(parts) / sizeof(parts[0]); i++) {
        bench_isolated isolated = {NULL, NULL};

        code = bench_isolated_open(b, &isolated);
        if (code == TOOL_DONE)
            code = parts[i](b, &isolated);
        hl_close(isolated.runtime);
    }
    return code;
}

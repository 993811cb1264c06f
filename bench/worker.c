/* The plugin that `hookline bench worker` runs in a worker. */
#include "tools/bench_worker_parts.h"

static hl_reply triple(void *self, void *state, const void *meta)
{
    bench_work *work = state;

    (void)self;
    (void)meta;
    work->answer = work->id * 3 + 1;
    return hl_next(work);
}

static const hl_plugin_spec plugins[] = {
    {.size = sizeof(hl_plugin_spec),
     .name = BENCH_WORKER_PLUGIN,
     .event = BENCH_WORKER_EVENT,
     .call = triple,
     .contract = &bench_work_contract,
     .priority = HL_PRIORITY_DEFAULT},
};
HL_PLUGIN_LIBRARY("bench-worker", "1.0.0", plugins)

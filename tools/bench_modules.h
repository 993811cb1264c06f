/* Modules in the worker case of hookline bench: what its files share. Included by tools/bench_module*.c only. */
#ifndef HL_TOOLS_BENCH_MODULES_H
#define HL_TOOLS_BENCH_MODULES_H

#include <hookline/modules.h>

#include "bench_worker.h"

#define BENCH_KEYS 1000

typedef struct bench_modules_state {
    hl_runtime *runtime;
    hl_key keys[BENCH_KEYS];
    hl_key sleeping, looking; /* are loaded; how their callers wait */
    pid_t sleeping_pid;
    bench_bare *bare;
    bench_processors processors; /* the caller keeps to the first */
    int64_t id;
    size_t wrong;
    bool stop; /* atomic; the window is over */
} bench_modules_state;

/* What a lookup costs while somebody registers. */
int bench_module_lookups(bench *b, bench_modules_state *of);
/* What a call costs above a bare ping-pong with the same encoding. */
int bench_module_calls(bench *b, bench_modules_state *of);

#endif

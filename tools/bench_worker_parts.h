/* The state that the worker case of hookline bench carries to another process and back, in every way that it measures.
 * Included by tools/bench_worker*.c and by bench/worker.c. */
#ifndef HL_TOOLS_BENCH_WORKER_PARTS_H
#define HL_TOOLS_BENCH_WORKER_PARTS_H

#include <hookline/plugin.h>

#define BENCH_WORKER_PLUGIN "bench-worker"
#define BENCH_WORKER_EVENT "bench-worker"
#define BENCH_WORKER_LIBRARY "worker.so"
#define BENCH_WORKER_MINIMAL "minimal"
#define BENCH_MODULE "bench" /* its function "work" gives three times its first argument and one */
#define BENCH_MODULE_LIBRARY "module.so"

typedef struct bench_work {
    uint64_t id;
    uint64_t answer; /* id * 3 + 1 */
    uint64_t rest[6];
} bench_work;

static const hl_field bench_work_fields[] = {
    {"id", "uint64_t", offsetof(bench_work, id), sizeof(uint64_t)},
    {"answer", "uint64_t", offsetof(bench_work, answer), sizeof(uint64_t)},
};
static const hl_contract bench_work_contract = {
    .size = sizeof(hl_contract),
    .type = "bench_work",
    .state_size = sizeof(bench_work),
    .fields = bench_work_fields,
    .fields_len = sizeof(bench_work_fields) / sizeof(bench_work_fields[0]),
};

#endif

/* What the parts of the worker case of hookline bench share. Included by tools/bench_worker*.c only. */
#ifndef HL_TOOLS_BENCH_WORKER_H
#define HL_TOOLS_BENCH_WORKER_H

#include "bench.h"
#include "bench_worker_parts.h"

/* An isolated plugin in a runtime of its own, ready to be called. */
typedef struct bench_isolated {
    hl_runtime *runtime;
    hl_event *event;
} bench_isolated;

int bench_isolated_open(bench *b, bench_isolated *isolated);
/* Changes how the plugin is isolated, and waits until its workers are ready. */
int bench_isolated_set(bench *b, bench_isolated *isolated, const hl_isolation *how);
/* The plugin's first worker. */
hl_worker_info bench_isolated_worker(const bench_isolated *isolated);

/* The isolation that every part begins with: one worker, and no limit on restarts. */
hl_isolation bench_isolation(void);

/* Calls without measuring until Hookline has seen how busy the machine is with these calls alone: whether a caller may
 * look for its reply is decided once a second. */
void bench_worker_settle(void (*run)(void *user, size_t times), void *user);

/* The parts. */
int bench_worker_round_trips(bench *b, bench_isolated *isolated);
int bench_worker_starts(bench *b, bench_isolated *isolated);
int bench_worker_kills(bench *b, bench_isolated *isolated);
int bench_modules(bench *b, bench_isolated *unused); /* bench_no_installer.c, where there are none */

/* ---- bench_worker_bare.c: what a person would write without Hookline ---- */

typedef struct bench_bare bench_bare;

/* Starts the process that answers, by shared memory and two eventfds, or by a Unix socket. */
int bench_bare_start(bench *b, bool by_socket, bench_bare **out);
int bench_bare_end(bench *b, bench_bare *bare); /* NULL is a no-op */
/* There and back. */
void bench_bare_call(bench_bare *bare, bench_work *work);
pid_t bench_bare_pid(const bench_bare *bare);

int bench_worker_bare_child(bench *b, int argc, char **argv);

#endif

/* Telling the plugin in a worker how long its call may take. For start_worker.c. */
#ifndef HL_WORKER_DEADLINE_WORKER_H
#define HL_WORKER_DEADLINE_WORKER_H

#include <stdint.h>

/* CLOCK_MONOTONIC; 0: no call is running. */
void hl__serve_deadline(uint64_t deadline_ns);

#endif

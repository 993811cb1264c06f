/* The guard of a worker whose sandbox allows processes. For start_worker.c. */
#ifndef HL_WORKER_GUARD_WORKER_H
#define HL_WORKER_GUARD_WORKER_H

#include <stdbool.h>
#include <sys/types.h>

/* Starts it, before anything of the plugin runs; the caller is the worker, first of its process group. From then on
 * nothing of the group is left soon after the end of the worker or of `server`, whoever ended them. False, with errno,
 * where it does not start. */
bool hl__guard_start(pid_t server);

#endif

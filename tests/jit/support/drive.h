/* Drives the compiler client the way core's control thread does, and collects what comes back. */
#ifndef HL_TEST_JIT_DRIVE_H
#define HL_TEST_JIT_DRIVE_H

#include "jit/client.h"

#define DRIVE_UNITS_MAX 2048

/* What came back for a ticket, which is an index into `results`. */
typedef struct drive_result {
    int reports;
    hl_status status;
    hl__compiled compiled;
    char reason[1024];
} drive_result;

typedef struct drive {
    hl__compiler *compiler;
    drive_result results[DRIVE_UNITS_MAX];
    size_t reported;
} drive;

/* A client with these options; `program` NULL: the one of this build. */
drive *drive_new(const char *program, uint32_t timeout_ms, uint32_t recycle_after);
void drive_destroy(drive *d); /* releases all code */

/* Serves the compiler until `reports` units have come back since the last submit, or ms have passed. */
bool drive_until(drive *d, size_t reports, unsigned ms);

/* Submits; the tickets are 0, 1, ... Forgets earlier results, whose code must have been released. */
hl_status drive_submit(drive *d, hl__unit *units, size_t units_len);

/* Submits and serves until all units have come back. */
hl_status drive_compile(drive *d, hl__unit *units, size_t units_len);

void drive_release(drive *d, size_t ticket);

/* Waits until the compiler is idle again. */
bool drive_until_idle(drive *d, unsigned ms);

/* Process number of the helper: the one child of this process that runs hookline-jit; 0 when there is none. */
int drive_helper_pid(void);
size_t drive_count_children(void); /* zombies too */
size_t drive_count_fds(void);
size_t drive_count_maps(void);
long drive_rss_kb(void);

/* Folders that helpers have left in `folder`. */
size_t drive_count_scratch(const char *folder);

#endif

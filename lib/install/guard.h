/* The crash guard: which app a process is loading, in a file that outlives it (X-027, LH-08 done better: an app that
 * ends the server as it is loaded is put aside). A file costs no commit: it is not synced, since what ends a process
 * leaves the kernel's memory as it is. The owner holds a lock on it that ends with the process. */
#ifndef HL_INSTALL_GUARD_H
#define HL_INSTALL_GUARD_H

#include "install/app.h"

typedef struct hl__guard {
    int folder; /* STORE/apps/boot; -1: there is none */
    int file;   /* -1: there is none, and nothing is guarded */
    char name[64];
} hl__guard;

#define HL__GUARD_INIT                                                                                                 \
    {                                                                                                                  \
        -1, -1, ""                                                                                                     \
    }

/* A guard that cannot be had guards nothing: the error is the thread's, to be told. */
hl_status hl__guard_open(const hl__apps_place *place, hl__guard *out);
void hl__guard_enter(hl__guard *guard, const char *app); /* "": none */
void hl__guard_close(hl__guard *guard);

/* Files of processes that ended while they were loading an app. The function counts it; then the file is deleted. */
typedef void hl__guard_crash_fn(void *user, const char *app);
void hl__guard_collect(const hl__guard *guard, hl__guard_crash_fn *fn, void *user);

#endif

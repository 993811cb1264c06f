/* Where the code of modules lies on disk, and the locks under which it is changed; see code.h for the layout. Used by
 * the files of the code store only. */
#ifndef HL_MODULE_CODE_PLACE_H
#define HL_MODULE_CODE_PLACE_H

#include "module/code.h"

#define HL__CODE_LOCKS ".locks"
#define HL__CODE_WORK ".work"

typedef struct hl__code_place {
    char *path; /* absolute */
    int folder; /* open */
} hl__code_place;

#define HL__CODE_PLACE_INIT                                                                                            \
    {                                                                                                                  \
        NULL, -1                                                                                                       \
    }

/* Opens the place, making it where it is missing. */
hl_status hl__code_place_open(hl_runtime *runtime, hl__code_place *out);
void hl__code_place_close(hl__code_place *place); /* keeps the thread's error */

/* Its absolute path without making it; owned by the caller. HL_ERR_NOT_FOUND: a memory store that has no code yet. */
hl_status hl__code_place_path(hl_runtime *runtime, char **out);

/* The same for a memory store (code_private.c). */
hl_status hl__code_private_path(hl_runtime *runtime, bool make, char **out);

/* Takes the lock of a module's code, waiting until CLOCK_MONOTONIC deadline_ns: HL_ERR_TIMEOUT. It is given up by
 * closing *lock. Other processes and other threads wait alike. */
hl_status hl__code_lock(const hl__code_place *place, const char *name, uint64_t deadline_ns, int *lock);

/* Deletes a module's files but the one that its document names; whoever calls it has the lock (code_sweep.c). */
void hl__code_sweep(hl_runtime *runtime, const hl__code_place *place, const char *name);

#endif

/* Staging folders: STORE/apps/staging/NAME.XXXXXX, each locked by the descriptor of the process that fills it. */
#ifndef HL_INSTALL_STAGING_H
#define HL_INSTALL_STAGING_H

#include "install/app.h"

#define HL__STAGING "staging"

typedef struct hl__staging {
    int parent; /* STORE/apps/staging; -1: there is none */
    int folder; /* open and locked; closing it gives the folder up */
    char name[HL__APP_NAME_MAX + 16];
    char *path; /* absolute */
} hl__staging;

#define HL__STAGING_INIT                                                                                               \
    {                                                                                                                  \
        -1, -1, "", NULL                                                                                               \
    }

/* Makes an empty one. The place must be locked: whoever has its lock may sweep. */
hl_status hl__staging_make(const hl__apps_place *place, const char *name, hl__staging *out);
/* Deletes it with all in it. One that was not made is a no-op. */
void hl__staging_remove(hl__staging *staging);

/* Deletes what no living process has locked; the place must be locked. Counts folders and bytes, both may be NULL. */
void hl__staging_sweep(const hl__apps_place *place, size_t *folders_len, uint64_t *bytes);

#endif

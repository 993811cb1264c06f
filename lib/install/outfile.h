/* A file that appears under its name only when it is whole: lockfiles and bundles. */
#ifndef HL_INSTALL_OUTFILE_H
#define HL_INSTALL_OUTFILE_H

#include <hookline/status.h>

typedef struct hl__outfile {
    int fd; /* to be written to; -1: there is none */
    char *path;
    char *temporary;
} hl__outfile;

#define HL__OUTFILE_INIT                                                                                               \
    {                                                                                                                  \
        -1, NULL, NULL                                                                                                 \
    }

hl_status hl__outfile_begin(const char *action, const char *path, hl__outfile *out);
/* Syncs it and gives it its name. */
hl_status hl__outfile_place(const char *action, hl__outfile *file);
/* Lets go of it: what was not placed is gone. Keeps the thread's error. */
void hl__outfile_cleanup(hl__outfile *file);

#endif

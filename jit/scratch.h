/* The helper's temporary folder. Used by the client, and by the compiler program when its server has died.
 *
 * A folder is locked (flock) as long as the server or its helper lives, whatever process numbers are in use: one that
 * can be locked has been left behind and may be swept. */
#ifndef HL_JIT_SCRATCH_H
#define HL_JIT_SCRATCH_H

#include <hookline/status.h>

typedef struct hl__scratch {
    char path[512]; /* absolute */
    int fd;         /* of the folder; holds the lock */
} hl__scratch;

#define HL__SCRATCH_NONE                                                                                               \
    {                                                                                                                  \
        "", -1                                                                                                         \
    }

/* Makes a folder that only its owner may use: in $TMPDIR, or else in the first of /dev/shm, /tmp and /var/tmp that lets
 * it, those with room first. HL_ERR_COMPILE. */
hl_status hl__scratch_new(hl__scratch *out);

/* Removes the folder with all in it and gives up the lock. One that is none is a no-op. */
void hl__scratch_remove(hl__scratch *scratch);

/* Removes this user's folders that dead processes have left. */
void hl__scratch_sweep(void);

#endif

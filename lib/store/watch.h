/* How an opener of an LMDB store hears of commits: inotify on a file beside the data, which every writer touches after
 * its commit. Never on the data file itself: its events come before the commit can be seen. Used by the LMDB store. */
#ifndef HL_STORE_WATCH_H
#define HL_STORE_WATCH_H

#include "store/env.h"

hl_status hl__watch_open(hl__opener *opener);
void hl__watch_close(hl__opener *opener);
void hl__watch_drain(hl__opener *opener);

/* Makes this opener look, without a commit. */
void hl__watch_wake(hl__opener *opener);

/* Tells every opener, in this process and others, that something was committed. */
void hl__watch_tell(const hl__env *env);

#endif

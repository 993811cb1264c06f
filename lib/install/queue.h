/* The queue of installations: documents that every process may add to and one at a time works through, in order. */
#ifndef HL_INSTALL_QUEUE_H
#define HL_INSTALL_QUEUE_H

#include "core/document.h"
#include "install/session.h"

/* ---- worker.c: a thread of the process, for as long as there is something to do ---- */

/* Starts the thread when there are jobs that wait. moved: the store may have new ones. */
void hl__queue_look(hl__session *session, bool moved);
/* Ends the thread: what can be cancelled is, and waits again. */
void hl__queue_end(hl__session *session);

/* ---- jobs.c ---- */

/* Deletes the jobs that have ended: for hl_gc. */
hl_status hl__jobs_forget_ended(hl_runtime *runtime);

#endif

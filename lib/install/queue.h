/* The queue of installations. */
#ifndef HL_INSTALL_QUEUE_H
#define HL_INSTALL_QUEUE_H

#include "core/document.h"

/* Deletes the jobs that have ended: for hl_gc. */
hl_status hl__jobs_forget_ended(hl_runtime *runtime);

#endif

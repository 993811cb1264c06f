/* Plugins in workers, as lib/open.c gives them to core. */
#ifndef HL_WORKER_ISOLATED_H
#define HL_WORKER_ISOLATED_H

#include "core/isolate.h"

extern const hl__isolator hl__workers;

#endif

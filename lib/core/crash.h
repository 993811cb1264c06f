/* Crashes of earlier processes on the store: fault records of dead processes become documents "crash/...", and a plugin
 * in which too many of them were is held. */
#ifndef HL_CORE_CRASH_H
#define HL_CORE_CRASH_H

#include <hookline/supervise.h>

#include "core/fault_file.h"

#define HL__CRASH_PREFIX "crash/"
#define HL__CRASHES_KEPT 256
#define HL__CRASHES_HOLD 2            /* so many crashes in ... */
#define HL__CRASHES_PERIOD_S 600      /* ... hold a plugin */
#define HL__CRASH_WATCH_S (24 * 3600) /* an event is watched for so long after a crash whose plugin is not known */

/* Takes over what dead processes left, holds plugins, and notes which events are to be watched. As the runtime opens,
 * before any plugin runs. What fails is logged. */
void hl__crash_collect(hl_runtime *runtime);

/* Whether an event that is being opened is to be watched, since its last crash named no plugin. Under the lock. */
bool hl__crash_watches(const hl_runtime *runtime, const char *event);
void hl__crash_watches_free(hl_runtime *runtime); /* as the runtime closes */

/* ---- one crash as a document (crash_text.c) ---- */

typedef struct hl__crash {
    hl_crash_info info;
    const char *candidates[HL__FAULT_CANDIDATES]; /* when info.plugin is "" */
    size_t candidates_len;
    int64_t at_ns;
    bool counted; /* a hold was made of it */
    char text[512];
} hl__crash;

/* The document of a fault row; malloc'ed, NULL without memory. */
char *hl__crash_write(const hl__fault_row *row);
/* Reads a document. The crash's strings lie in *document, a json_t that the caller gives up with hl__crash_free. False:
 * it is none. */
bool hl__crash_read(const char *text, hl__crash *out, void **document);
void hl__crash_free(void *document);
/* The document with "counted" set; malloc'ed. */
char *hl__crash_counted(const char *text);

#endif

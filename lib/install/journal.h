/* The install log: one document an outcome, each with the hash of itself and of the one before. */
#ifndef HL_INSTALL_JOURNAL_H
#define HL_INSTALL_JOURNAL_H

#include <hookline/install.h>

#include "core/document.h"

typedef struct hl__journal_entry {
    const char *action;
    const char *app;
    const char *version;
    const char *before;
    const char *source;
    const char *sha256;
    const char *key;
    hl_status status;
    const char *message;
} hl__journal_entry;

/* Adds entries to a commit that is being made, so that the log and what it tells are one. Once in a commit: what was
 * put is not read back. NULL strings count as "". */
hl_status hl__journal_add(hl__documents *documents, const hl__journal_entry *entries, size_t len);

/* Adds an entry in a commit of its own: refusals. Keeps the thread's error; a failure is only logged. */
void hl__journal_refusal(hl_runtime *runtime, const hl__journal_entry *entry);

#endif

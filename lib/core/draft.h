/* A draft: a registry plus changes that are not committed yet. Lifecycle rules read and write drafts only, which makes
 * them pure: nothing happens to the registry until the draft is committed. */
#ifndef HL_CORE_DRAFT_H
#define HL_CORE_DRAFT_H

#include "core/registry.h"

/* What became of one name. */
typedef struct hl__draft_row {
    const char *name;
    const hl__record *before;   /* counted; NULL: there was none */
    hl__record *after;          /* counted, and not shared: may be written until the draft is committed; NULL: gone */
    bool registered;            /* a register operation named it, even if nothing changed */
    struct hl__draft_row *next; /* in the order of first touch */
    struct hl__draft_row *next_linked; /* rows whose `after` has dependencies */
    bool linked;
} hl__draft_row;

typedef struct hl__draft {
    const hl__registry *base;
    hl__draft_row *rows, *last;
    hl__draft_row *linked;
    struct draft_index *index;
} hl__draft;

void hl__draft_init(hl__draft *draft, const hl__registry *base);
void hl__draft_cleanup(hl__draft *draft);

/* The record as the draft has it, borrowed; NULL when there is none or it is gone. */
const hl__record *hl__draft_find(const hl__draft *draft, const char *name);

/* Puts a record (the draft takes the reference) or, with NULL, removes the name. NULL without memory; the record is
 * then released. */
hl__draft_row *hl__draft_put(hl__draft *draft, const char *name, hl__record *record);

/* Gives a known name a new status; false without memory. */
bool hl__draft_set_status(hl__draft *draft, const char *name, hl_plugin_status status);

/* Whether a row changes anything, or the record was only written anew. */
bool hl__draft_row_changed(const hl__draft_row *row);

/* Members of an event, dependents of a name, or everything (both NULL), as the draft has them: a new array of borrowed
 * records, freed by the caller. False without memory. */
bool hl__draft_list(const hl__draft *draft, const char *event, const hl__record ***out, size_t *len);
bool hl__draft_dependents(const hl__draft *draft, const char *name, const hl__record ***out, size_t *len);

#endif

/* Records: what the store keeps of a plugin and of an event. Immutable once made, shared by counted references. */
#ifndef HL_CORE_RECORD_H
#define HL_CORE_RECORD_H

#include <hookline/event.h>
#include <hookline/registry.h>

#include "core/shared.h"

#define HL__UUID_TEXT 37 /* with its end mark */

/* A plugin's record (RG-01). Strings and the depends array live in one block with it. */
typedef struct hl__record {
    uint32_t refs;
    char id[HL__UUID_TEXT];
    const char *name;
    const char *event;
    const char *extension;
    const char *extra;          /* "" when none */
    const char *const *depends; /* NULL-terminated, in the order given */
    size_t depends_len;
    int priority;
    hl_plugin_status status;
    const char *library;       /* absolute path; "" for a plugin of the host program */
    const char *library_stamp; /* identity of the probed file (device, inode, size, mtime); "" for the host's */
    const char *version;       /* "" for the host's */
    const char *isolation;     /* how it is isolated, in the form of isolate.h; "" not at all */
    const char *asked;      /* what registration or package ask for; `isolation`, unless the operator said otherwise */
    const char *hold;       /* why Hookline itself keeps it held, as a sentence; "" it does not */
    uint64_t contract_hash; /* 0: none */
    int64_t inserted_at;    /* seconds since 1970 */
    int64_t updated_at;
    uint64_t revision; /* of the store, when it last changed */
} hl__record;

/* Makes a record with one reference out of `from` (whose refs is ignored and whose strings are copied). NULL without
 * memory. */
hl__record *hl__record_new(const hl__record *from);
hl__record *hl__record_ref(const hl__record *record);
HL__SHARED void hl__record_unref(const hl__record *record); /* NULL is a no-op */

/* Whether the two differ in anything that an operator or the code set: all but revision and updated_at. */
bool hl__record_same(const hl__record *a, const hl__record *b);

static inline bool hl__status_active(hl_plugin_status status)
{
    return status == HL_STARTED || status == HL_RESTARTED;
}

/* "started" and so on; "unknown" for what is none. */
const char *hl__status_word(hl_plugin_status status);
/* The status of a word; 0 for what is none. */
hl_plugin_status hl__status_of_word(const char *word);

/* What the store keeps of an event: its contract, so that plugin authors can list it, and its policy. */
typedef struct hl__event_def {
    uint32_t refs;
    const char *name;
    unsigned flags;              /* HL_EVENT_... */
    const hl_contract *contract; /* NULL: none */
    uint64_t contract_hash;
    bool has_codec; /* whoever declared it has one; contract->codec is NULL in a definition that comes from the store */
} hl__event_def;

hl__event_def *hl__event_def_new(const char *name, unsigned flags, const hl_contract *contract); /* copies everything */
/* Whether plugins in workers are given the state in the same way; NULL: no definition. */
bool hl__event_def_carries_alike(const hl__event_def *a, const hl__event_def *b);
hl__event_def *hl__event_def_ref(const hl__event_def *def);
void hl__event_def_unref(const hl__event_def *def); /* NULL is a no-op */

/* Writes a new UUID version 4 (HP-01). */
hl_status hl__uuid_new(char out[HL__UUID_TEXT]);

#endif

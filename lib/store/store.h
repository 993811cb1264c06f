/* The store as core sees it: records at a revision, commits that compare and swap, a way to wait for changes.
 *
 * A store has one revision, which rises by one with every commit. A reader that knows revision R asks for what changed
 * since R. All functions fail with the thread's error set. They are called with the runtime's lifecycle lock held,
 * except watch_fd and watch_drain, which the control thread calls. */
#ifndef HL_STORE_STORE_H
#define HL_STORE_STORE_H

#include "core/record.h"

typedef struct hl__store hl__store;

/* Receives content. Records and definitions come with a reference that the receiver owns. Any status but HL_OK ends the
 * walk and is returned by it. */
typedef struct hl__store_visitor {
    hl_status (*record)(void *user, hl__record *record);
    hl_status (*record_gone)(void *user, const char *name); /* only from changes() */
    hl_status (*event)(void *user, hl__event_def *def);
    void *user;
} hl__store_visitor;

/* One write of a commit: exactly one of record, gone, event, document is set. */
typedef struct hl__store_change {
    const hl__record *record;   /* insert or replace by name; its revision field is the commit's new revision */
    const char *gone;           /* remove the record of this name */
    const hl__event_def *event; /* insert or replace by name */
    const char *document;       /* insert or replace the text of this key, or remove it */
    const char *text;           /* of the document, a JSON object; NULL: remove */
} hl__store_change;

typedef struct hl__store_commit {
    uint64_t expected; /* the revision that the changes were computed on; the new one is expected + 1 */
    const hl__store_change *changes;
    size_t changes_len; /* at least 1 */
    const char *action; /* for the activity log, such as "register" */
} hl__store_commit;

/* Documents: JSON texts by key that are no content of the registry. Changes() does not tell of them. */
typedef struct hl__store_document {
    char *key;
    char *text;
} hl__store_document;

/* Zeroed memory is an empty list. */
typedef struct hl__store_documents {
    hl__store_document *items;
    size_t len;
    size_t cap;
} hl__store_documents;

void hl__store_documents_cleanup(hl__store_documents *list);

#define HL__STORE_READ_ONLY (1u << 0)
#define HL__STORE_NEWEST UINT64_MAX /* reading documents: whatever the revision is */

typedef struct hl__store_ops {
    void (*close)(hl__store *store);
    /* The newest revision: as cheap as reading memory where it can be. */
    hl_status (*revision)(hl__store *store, uint64_t *out);
    /* Everything, at one revision. */
    hl_status (*load)(hl__store *store, const hl__store_visitor *visitor, uint64_t *revision);
    /* What was touched after revision `since`, in its newest form, each name once. HL_ERR_NOT_FOUND when the store does
     * not remember back that far: load then. */
    hl_status (*changes)(hl__store *store, uint64_t since, const hl__store_visitor *visitor, uint64_t *revision);
    /* All changes or none, durable when it returns HL_OK (G7). HL_ERR_CONFLICT when the revision is not `expected`:
     * nothing is written, and no error text is set. HL_ERR_INVALID for a text that is no JSON object. */
    hl_status (*commit)(hl__store *store, const hl__store_commit *commit);
    /* One document, owned by the caller: HL_ERR_NOT_FOUND when there is none. Both functions answer HL_ERR_CONFLICT
     * when the store's revision is neither `expected` nor that HL__STORE_NEWEST; neither status sets an error text. */
    hl_status (*document)(hl__store *store, const char *key, uint64_t expected, char **text);
    /* Adds the documents whose keys begin with prefix to the list, in the order of their keys' bytes. On failure too
     * the list is the caller's to clean up. */
    hl_status (*documents)(hl__store *store, const char *prefix, uint64_t expected, hl__store_documents *list);
    /* Readable when another opener of the store may have committed. Watching begins with the first call, and costs the
     * closing of the store some time: whoever need not hear of changes does not call it. -1: there can be no other
     * opener, or the system has no means left; tick has to do then. */
    int (*watch_fd)(hl__store *store);
    void (*watch_drain)(hl__store *store);
    /* Makes visible what a process committed right before it was killed: readers may not see it until somebody writes.
     * For those who decide by what they read outside of a commit. May wait for another process's commit; may be
     * NULL. */
    hl_status (*settle)(hl__store *store);
    /* Regular housekeeping, about once a second from the control thread: dead readers, a missed notice. May be NULL. */
    void (*tick)(hl__store *store);
    /* The directory for control sockets; NULL: the store has no place on disk. */
    const char *(*directory)(hl__store *store);
} hl__store_ops;

struct hl__store {
    const hl__store_ops *ops;
};

/* Opens by URL: "memory:", "memory:NAME", "lmdb:DIR". map_bytes as in hl_options. */
hl_status hl__store_open(const char *url, unsigned flags, uint64_t map_bytes, hl__store **out);

#endif

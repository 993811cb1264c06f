/* The store as core sees it: records at a revision, commits that compare and swap, a way to wait for changes.
 *
 * A store has one revision, which rises by one with every commit. A reader that knows revision R asks for what changed
 * since R. All functions fail with the thread's error set. They are called with the runtime's lifecycle lock held, except
 * watch_fd and watch_drain, which the control thread calls. */
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

/* One write of a commit: exactly one of record, gone, event is set. */
typedef struct hl__store_change {
    const hl__record *record;   /* insert or replace by name; its revision field is the commit's new revision */
    const char *gone;           /* remove the record of this name */
    const hl__event_def *event; /* insert or replace by name */
} hl__store_change;

typedef struct hl__store_commit {
    uint64_t expected; /* the revision that the changes were computed on; the new one is expected + 1 */
    const hl__store_change *changes;
    size_t changes_len; /* at least 1 */
    const char *action; /* for the activity log, such as "register" */
} hl__store_commit;

#define HL__STORE_READ_ONLY (1u << 0)

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
     * nothing is written, and no error text is set. */
    hl_status (*commit)(hl__store *store, const hl__store_commit *commit);
    /* Readable when another opener of the store may have committed. Watching begins with the first call, and costs the
     * closing of the store some time: whoever need not hear of changes does not call it. -1: there can be no other
     * opener, or the system has no means left; tick has to do then. */
    int (*watch_fd)(hl__store *store);
    void (*watch_drain)(hl__store *store);
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

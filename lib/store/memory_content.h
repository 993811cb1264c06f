/* The content of a store in memory: three tables, and the names that were touched lately. Nothing in it locks: the
 * caller does. Used by memory.c only. */
#ifndef HL_STORE_MEMORY_CONTENT_H
#define HL_STORE_MEMORY_CONTENT_H

#include "store/batch.h"

/* Touched names remembered for changes(): enough for openers that listen, small enough not to be felt. */
#define HL__HISTORY_LEN 1024

typedef struct hl__touch {
    uint64_t revision;
    bool is_event;
    char *name;
} hl__touch;

/* Zeroed memory is an empty one. */
typedef struct hl__content {
    _Atomic uint64_t revision; /* may be read without the lock */
    struct hl__node *plugins;
    struct hl__node *events;
    struct hl__node *documents;
    hl__touch history[HL__HISTORY_LEN]; /* a ring; touches of revisions after `floor` are all in it */
    uint64_t history_count;             /* touches ever noted */
    uint64_t floor;
} hl__content;

void hl__content_cleanup(hl__content *content);

/* All changes or, without memory, none. HL_ERR_CONFLICT as hl__store_ops.commit. */
hl_status hl__content_commit(hl__content *content, const hl__store_commit *commit);

/* One document, copied; those of a prefix, by key. As hl__store_ops.document and documents, without the revision. */
hl_status hl__content_document(const hl__content *content, const char *key, char **text);
hl_status hl__content_documents(const hl__content *content, const char *prefix, hl__store_documents *list);

/* Everything; what was touched since. */
hl_status hl__content_collect(const hl__content *content, hl__batch *batch);
hl_status hl__content_collect_since(const hl__content *content, uint64_t since, hl__batch *batch);

#endif

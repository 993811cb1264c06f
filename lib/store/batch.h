/* Content on its way from a store to its reader: collected while the store is held still, delivered after it is let go.
 * Used by the store backends only. */
#ifndef HL_STORE_BATCH_H
#define HL_STORE_BATCH_H

#include "store/store.h"

/* A growing array of pointers. Zeroed memory is an empty one. */
typedef struct hl__list {
    void **items;
    size_t len;
    size_t cap;
} hl__list;

/* Appends; false without memory. */
bool hl__list_push(hl__list *list, void *item);
/* Frees the array, not what its items point to. */
void hl__list_cleanup(hl__list *list);

/* Lists of names own copies of them. */
bool hl__names_add(hl__list *names, const char *name, size_t name_len);
/* Sorts the names and drops repetitions. */
void hl__names_settle(hl__list *names);
void hl__names_cleanup(hl__list *names);

typedef struct hl__batch {
    hl__list events;  /* hl__event_def, a reference each */
    hl__list records; /* hl__record, a reference each */
    hl__list gone;    /* names */
} hl__batch;

/* Copies both; false without memory. */
bool hl__documents_add(hl__store_documents *list, const void *key, size_t key_len, const void *text, size_t text_len);

/* Take over the reference, also when they fail (without memory). */
bool hl__batch_record(hl__batch *batch, hl__record *record);
bool hl__batch_event(hl__batch *batch, hl__event_def *def);

/* Hands everything to the visitor: events, then names that are gone, then records. What was handed over leaves the
 * batch. */
hl_status hl__batch_deliver(hl__batch *batch, const hl__store_visitor *visitor);
void hl__batch_cleanup(hl__batch *batch);

#endif

/* The registry in memory: the store's records with the indexes that lifecycle and plans need (RG-02). Changed only by
 * hl__registry_set, under the runtime's lock. */
#ifndef HL_CORE_REGISTRY_H
#define HL_CORE_REGISTRY_H

#include "core/record.h"

typedef struct hl__registry hl__registry;

hl__registry *hl__registry_new(void);
void hl__registry_destroy(hl__registry *registry); /* NULL is a no-op */

/* The record of a name, borrowed; NULL when there is none. */
const hl__record *hl__registry_find(const hl__registry *registry, const char *name);

/* Sets or (record NULL) removes the record of a name; takes its own reference. False without memory: the registry may
 * then miss an index entry and must be loaded anew. */
bool hl__registry_set(hl__registry *registry, const char *name, const hl__record *record);

/* Records of an event, in no order; the array is borrowed until the next change. */
const hl__record *const *hl__registry_event(const hl__registry *registry, const char *event, size_t *len);

/* Records that list `name` in depends, on any event; borrowed as above. */
const hl__record *const *hl__registry_dependents(const hl__registry *registry, const char *name, size_t *len);

size_t hl__registry_len(const hl__registry *registry);

/* Every record, in no order, into `out` of hl__registry_len entries; borrowed. */
void hl__registry_all(const hl__registry *registry, const hl__record **out);

/* The stored definition of an event, borrowed; NULL when it has none. Setting takes its own reference. */
const hl__event_def *hl__registry_def(const hl__registry *registry, const char *event);
bool hl__registry_set_def(hl__registry *registry, const hl__event_def *def);

/* Every event that has records or a definition, in no order. The callback must not change the registry. */
void hl__registry_events(const hl__registry *registry, void (*callback)(void *user, const char *event), void *user);

#endif

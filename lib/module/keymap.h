/* A map from keys to pointers that is never changed: a change makes another one, which is published in its place. So readers need
 * nothing but liburcu's read side, and see all of a commit or nothing of it. */
#ifndef HL_MODULE_KEYMAP_H
#define HL_MODULE_KEYMAP_H

#include <hookline/modules.h>

#include "core/reclaim.h"

typedef struct hl__keymap_slot {
    hl_key key;
    void *value; /* NULL: the slot is free */
} hl__keymap_slot;

typedef struct hl__keymap {
    hl__retired retired;
    size_t len;
    size_t mask; /* slots are a power of two, at least half of them free */
    hl__keymap_slot slots[];
} hl__keymap;

/* An empty map with room for `most` keys, to be filled before it is published; NULL without memory. */
hl__keymap *hl__keymap_new(size_t most);
/* Enters a key or replaces its value. */
void hl__keymap_put(hl__keymap *map, const hl_key *key, void *value);
/* NULL: not there. map may be NULL. Under the read side when the map is published. */
void *hl__keymap_get(const hl__keymap *map, const hl_key *key);

/* A copy (of nothing, when map is NULL) with room for `more` keys. */
hl__keymap *hl__keymap_copy(const hl__keymap *map, size_t more);
/* A copy without a key. */
hl__keymap *hl__keymap_without(const hl__keymap *map, const hl_key *key);

/* Publishes a map in *place and frees the one that was there when no reader can see it any more. */
void hl__keymap_publish(hl__keymap **place, hl__keymap *map);

#endif

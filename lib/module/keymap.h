/* A map from keys to pointers that is never changed: a change makes another one, which is published in its place. So
 * readers need nothing but liburcu's read side, and see all of a commit or nothing of it. */
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

/* Publishes a map (may be NULL) in *place; returns the one that was there, which readers may still be in. What it has
 * and the new one has not can be retired from now on, not before. */
hl__keymap *hl__keymap_publish(hl__keymap **place, hl__keymap *map);
/* Frees a map that is no longer published when no reader can be in it any more. NULL is a no-op. */
void hl__keymap_retire(hl__keymap *map);

#endif

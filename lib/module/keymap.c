/* The immutable map of keys: open addressing, keys beside their values, so that a lookup touches one line of memory. */
#include "module/keymap.h"

#include <stdlib.h>
#include <string.h>

/* Keys may be random, or chosen by somebody: all bits have a say. */
static size_t hash(const hl_key *key)
{
    uint64_t half[2], mixed;

    memcpy(half, key->bytes, sizeof(half));
    mixed = (half[0] ^ (half[1] >> 29)) * UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ (mixed >> 32) ^ half[1]) * UINT64_C(0xd6e8feb86659fd93);
    return (size_t)(mixed ^ (mixed >> 32));
}

static bool same(const hl_key *a, const hl_key *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

hl__keymap *hl__keymap_new(size_t most)
{
    size_t slots = 8;
    hl__keymap *map;

    while (slots < most * 2)
        slots *= 2;
    map = calloc(1, sizeof(*map) + slots * sizeof(map->slots[0]));
    if (map)
        map->mask = slots - 1;
    return map;
}

/* The key's slot, or the free one where it would be. */
static const hl__keymap_slot *find(const hl__keymap *map, const hl_key *key)
{
    size_t at = hash(key) & map->mask;

    while (map->slots[at].value && !same(&map->slots[at].key, key))
        at = (at + 1) & map->mask;
    return &map->slots[at];
}

void hl__keymap_put(hl__keymap *map, const hl_key *key, void *value)
{
    hl__keymap_slot *slot = &map->slots[find(map, key) - map->slots];

    map->len += !slot->value;
    *slot = (hl__keymap_slot){*key, value};
}

void *hl__keymap_get(const hl__keymap *map, const hl_key *key)
{
    return map ? find(map, key)->value : NULL;
}

static void release(hl__retired *retired)
{
    free((char *)retired - offsetof(hl__keymap, retired));
}

hl__keymap *hl__keymap_publish(hl__keymap **place, hl__keymap *map)
{
    return __atomic_exchange_n(place, map, __ATOMIC_ACQ_REL);
}

void hl__keymap_retire(hl__keymap *map)
{
    if (!map)
        return;
    map->retired.release = release;
    hl__retire(&map->retired);
}

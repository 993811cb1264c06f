/* The free list of an arena. A hole is filled before the tail is touched, which keeps chains packed. */
#include "jit/extents.h"

#include <stdlib.h>
#include <string.h>

bool hl__extents_init(hl__extents *extents, size_t len)
{
    *extents = (hl__extents){.free = malloc(16 * sizeof(*extents->free)), .free_len = 1, .room = 16};
    if (!extents->free)
        return false;
    extents->free[0] = (hl__extent){0, len};
    return true;
}

void hl__extents_cleanup(hl__extents *extents)
{
    free(extents->free);
    *extents = (hl__extents){0};
}

static bool make_room(hl__extents *extents)
{
    size_t room = extents->room;
    hl__extent *grown;

    if (extents->free_len + extents->taken + 1 <= room)
        return true;
    room *= 2;
    grown = realloc(extents->free, room * sizeof(*grown));
    if (!grown)
        return false;
    extents->free = grown;
    extents->room = room;
    return true;
}

static void remove_at(hl__extents *extents, size_t index)
{
    extents->free_len--;
    memmove(extents->free + index, extents->free + index + 1, (extents->free_len - index) * sizeof(*extents->free));
}

static hl__extent *best_fit(hl__extents *extents, size_t len)
{
    hl__extent *best = NULL;

    for (hl__extent *e = extents->free; e < extents->free + extents->free_len; e++)
        if (e->len >= len && (!best || e->len < best->len))
            best = e;
    return best;
}

bool hl__extents_take(hl__extents *extents, size_t len, size_t *at)
{
    hl__extent *best;

    if (!make_room(extents))
        return false;
    best = best_fit(extents, len);
    if (!best)
        return false;
    *at = best->at;
    best->at += len;
    best->len -= len;
    if (!best->len)
        remove_at(extents, (size_t)(best - extents->free));
    extents->taken++;
    return true;
}

/* Index of the first free extent behind `at`. */
static size_t index_behind(const hl__extents *extents, size_t at)
{
    size_t low = 0;
    size_t high = extents->free_len;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (extents->free[middle].at > at)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

void hl__extents_give(hl__extents *extents, size_t at, size_t len)
{
    size_t i = index_behind(extents, at);
    hl__extent *next = i < extents->free_len ? &extents->free[i] : NULL;
    hl__extent *before = i > 0 ? &extents->free[i - 1] : NULL;
    bool touches_next = next && at + len == next->at;

    extents->taken--;
    if (before && before->at + before->len == at) {
        before->len += len;
        if (touches_next) {
            before->len += next->len;
            remove_at(extents, i);
        }
    } else if (touches_next) {
        next->at = at;
        next->len += len;
    } else {
        memmove(extents->free + i + 1, extents->free + i, (extents->free_len - i) * sizeof(*extents->free));
        extents->free[i] = (hl__extent){at, len};
        extents->free_len++;
    }
}

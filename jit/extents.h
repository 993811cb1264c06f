/* Which parts of an arena are free: a sorted array of extents, best fit. Called by arena.c, with its lock held. */
#ifndef HL_JIT_EXTENTS_H
#define HL_JIT_EXTENTS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct hl__extent {
    size_t at;
    size_t len;
} hl__extent;

typedef struct hl__extents {
    hl__extent *free; /* by position; neighbours are merged, so that none touch */
    size_t free_len;
    size_t taken; /* extents handed out */
    size_t room;  /* of `free`, never less than free_len + taken, so that giving back cannot fail */
} hl__extents;

/* Everything from 0 to `len` is free. False without memory. */
bool hl__extents_init(hl__extents *extents, size_t len);
void hl__extents_cleanup(hl__extents *extents);

/* Takes `len` units out of the smallest free extent that has them, the first one of these. False when there is none or
 * no memory. */
bool hl__extents_take(hl__extents *extents, size_t len, size_t *at);
void hl__extents_give(hl__extents *extents, size_t at, size_t len);

#endif

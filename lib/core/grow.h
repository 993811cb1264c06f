/* Growing arrays: the one way to append. Used by every room. */
#ifndef HL_CORE_GROW_H
#define HL_CORE_GROW_H

#include <stdbool.h>
#include <stddef.h>

#include "core/shared.h"

/* Makes room for one more row in a malloc'ed array that has `len` of `*room` rows in use. `rows` is the address of the
 * pointer to the array, which may be NULL at first. False without memory; the array is then as it was. */
HL__SHARED bool hl__grow(void *rows, size_t len, size_t *room, size_t row_bytes);

#endif

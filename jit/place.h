/* Finds room in the address space near given code. Called by arena.c only. */
#ifndef HL_JIT_PLACE_H
#define HL_JIT_PLACE_H

#include <stddef.h>
#include <stdint.h>

/* The start of a free stretch of `bytes` that lies as near to `anchor` as can be; 0 when none was found. It may be
 * taken by another thread at any moment. Where the heap or the main stack may grow, it keeps away. */
uint64_t hl__place_near(uint64_t anchor, size_t bytes);

#endif

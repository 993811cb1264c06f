/* Executable memory: one memory file, mapped once, readable and executable. Called by client.c.
 *
 * Code is written through the file, so no address is ever writable and executable. All functions may be called from any
 * thread. */
#ifndef HL_JIT_ARENA_H
#define HL_JIT_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hookline/status.h>

typedef struct hl__arena hl__arena;

typedef struct hl__range {
    uint64_t low;
    uint64_t high; /* the last address */
} hl__range;

/* What code reaches from everywhere in an arena: functions by a direct call, data by an address relative to the
 * instruction. */
typedef struct hl__reach {
    hl__range calls;
    hl__range data;
} hl__reach;

/* A piece of an arena. */
typedef struct hl__block {
    hl__arena *arena;
    size_t at;    /* bytes from the arena's start, a multiple of 32 */
    size_t bytes; /* asked for */
} hl__block;

/* Makes an arena as near to the code at `anchor` as can be. HL_ERR_COMPILE with the reason where the system gives no
 * executable memory. */
hl_status hl__arena_new(uint64_t anchor, hl__arena **out);
void hl__arena_destroy(hl__arena *arena); /* every block has been freed, or will not run again; NULL is a no-op */

hl__reach hl__arena_reach(const hl__arena *arena);

hl_status hl__arena_alloc(hl__arena *arena, size_t bytes, hl__block *out);
uint64_t hl__arena_address(const hl__block *block);

/* Writes a block's code once. It may run as soon as hl__arena_sync has been called. */
hl_status hl__arena_write(const hl__block *block, const uint8_t *code);
void hl__arena_sync(void);

/* Frees a block that no thread can be inside of. What is left there traps. */
void hl__arena_free(const hl__block *block);

#endif

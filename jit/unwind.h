/* Makes backtraces pass through the arena. Called by arena.c only. */
#ifndef HL_JIT_UNWIND_H
#define HL_JIT_UNWIND_H

#include <stddef.h>
#include <stdint.h>

typedef struct hl__unwind hl__unwind;

/* Tells the unwinder how to leave code in `bytes` from `base`. NULL where that is not possible: then backtraces end
 * there, nothing else. */
hl__unwind *hl__unwind_register(uint64_t base, size_t bytes);
void hl__unwind_forget(hl__unwind *unwind); /* NULL is a no-op */

#endif

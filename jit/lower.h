/* Lowering: a unit as core gives it becomes the form that travels to the compiler program. Called by client.c. */
#ifndef HL_JIT_LOWER_H
#define HL_JIT_LOWER_H

#include "core/compiler.h"
#include "jit/arena.h"

typedef struct hl__lowered {
    char *bytes; /* as wire.h says */
    size_t len;
    const char *symbol; /* of the compiled function; inside bytes */
} hl__lowered;

/* Lowers a unit whose code will lie in an arena of this reach. `number` keeps the symbols of a batch apart. */
hl_status hl__lower(const hl__unit *unit, size_t number, const hl__reach *reach, hl__lowered *out);
void hl__lowered_cleanup(hl__lowered *lowered);

/* A unit's symbol as a word: letters, digits, '_' and '.' stay, other bytes become '_' and two hexadecimal digits. The
 * caller frees it; NULL without memory. */
char *hl__unit_label(const hl__unit *unit);

#endif

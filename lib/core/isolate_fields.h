/* The fields of hl_isolation and hl_sandbox as tables, for those who read, check, write and describe them
 * (isolate_*.c). */
#ifndef HL_CORE_ISOLATE_FIELDS_H
#define HL_CORE_ISOLATE_FIELDS_H

#include "core/isolate.h"

typedef enum hl__field_kind {
    HL__FIELD_WORD,
    HL__FIELD_NUMBER,
    HL__FIELD_NUMBER64,
    HL__FIELD_BOOLEAN,
    HL__FIELD_NAME,
    HL__FIELD_PATH,
    HL__FIELD_PATHS
} hl__field_kind;

typedef struct hl__isolation_field {
    const char *name;
    hl__field_kind kind;
    size_t offset;
    uint64_t most;            /* NUMBER, NUMBER64 */
    uint64_t fallback;        /* WORD, NUMBER, NUMBER64: what 0 stands for */
    const char *const *words; /* WORD: those of the values from 1 on; ended by NULL */
} hl__isolation_field;

#define HL__ISOLATION_FIELDS 18 /* all but the sandbox */
#define HL__BOTH_MODES 2        /* so many from the first on have a meaning in the server's process too */
#define HL__SANDBOX_FIELDS 10

extern const hl__isolation_field hl__isolation_fields[HL__ISOLATION_FIELDS];
extern const hl__isolation_field hl__sandbox_fields[HL__SANDBOX_FIELDS];

/* Puts what they stand for in the place of zeros. */
void hl__isolation_fill(hl_isolation *isolation, hl_sandbox *sandbox);

#endif

/* The status machine (LC-01..LC-22, TM-01..TM-10) as a pure function: a draft and an operation give a changed draft, or
 * an error and an unchanged draft. No store, no chain, no clock, no lock. */
#ifndef HL_CORE_LIFECYCLE_H
#define HL_CORE_LIFECYCLE_H

#include "core/draft.h"

typedef enum hl__verb {
    HL__REGISTER = 1,
    HL__START,
    HL__STOP,
    HL__RESTART,
    HL__ENABLE,
    HL__UNREGISTER,
    HL__ISOLATE,
    HL__HOLD
} hl__verb;

typedef enum hl__scope { HL__ONE = 1, HL__EVENT, HL__ALL } hl__scope;

typedef struct hl__op {
    hl__verb verb;
    hl__scope scope;
    const char *subject;         /* plugin or event name; NULL for HL__ALL */
    const hl__record *candidate; /* register: the record as the code wants it; id, status and times are not read */
    bool start;                  /* register: also start what was never started */
    const char *text; /* isolate: in the form of isolate.h, "" for what registration asks for; hold: the reason */
} hl__op;

/* Applies one operation and settles everything that depends on it, on any event (TM-09). On failure the thread's error
 * is set and the draft is as it was, but for memory running out, when the draft must be thrown away. */
hl_status hl__lifecycle_apply(hl__draft *draft, const hl__op *op);

/* Settles a whole registry, as at boot: held plugins whose dependencies are active are released, active ones whose are
 * not are held (BS-04). */
hl_status hl__lifecycle_settle_all(hl__draft *draft);

/* The verb as a word for errors and the log: "start", "start_event", "start_all". */
const char *hl__op_word(const hl__op *op);

/* Writes the names of dependencies of `record` that are not active, separated by ", "; false when all are (OD-08,
 * OD-09). */
bool hl__unmet_depends(const hl__draft *draft, const hl__record *record, char *names, size_t names_len);

#endif

/* Plans: an event's ordered chain at one generation, immutable, with everything it needs to run. */
#ifndef HL_CORE_PLAN_H
#define HL_CORE_PLAN_H

#include "core/binding.h"
#include "core/compiler.h"
#include "core/draft.h"
#include "core/reclaim.h"

/* A plugin's place in a plan. */
typedef struct hl__plan_row {
    const hl__record *record; /* counted */
    hl__binding *binding;     /* counted; NULL in a plan made for asking */
} hl__plan_row;

/* An active plugin that cannot run here, or is left out of the chain. */
typedef struct hl__plan_missing {
    const hl__record *record; /* counted */
    char *reason;
} hl__plan_missing;

typedef struct hl__plan {
    uint32_t refs;
    struct hl__event *event;
    uint64_t generation;
    hl__plan_row *rows;
    size_t missing_len;
    hl__plan_missing *missing;
    size_t left_out_len;
    hl__plan_missing *left_out;    /* by the watchdog; the chain runs without them */
    bool watchdog;                 /* counted with it, by publish.c */
    struct hl__chain_place *place; /* for chains.c */
    hl__compiler *compiler;        /* set with code, by publish.c */
    hl__code *code;
    hl__chain_fn *code_entry;
    size_t code_bytes;
    hl__retired retired; /* for publish.c */
    /* What the reference loop reads, from the begin of a cache line on: a chain that was just published comes from
     * another processor, line by line. */
    size_t len __attribute__((aligned(64)));
    bool available; /* false: dispatches get HL_ERR_NOT_LOADED (CA-16) */
    hl__step steps[];
} hl__plan;

/* Of the flags of hl__plan_new, beside the event's: every call is watched. */
#define HL__PLAN_WATCHED (1u << 31)

/* How a plan finds a plugin's code; NULL when there is none. */
typedef hl__binding *hl__binding_of(void *user, const char *name);

/* Builds the plan of an event's records. flags: the event's HL_EVENT_SKIP_MISSING, and HL__PLAN_WATCHED. def: the
 * event's contract, or NULL. binding_of NULL: the order alone, with every active plugin and no code, for those who ask
 * and never for publication. One reference; NULL without memory. A pure function of its arguments (G1). */
hl__plan *hl__plan_new(const hl__record *const *records, size_t records_len, const hl__event_def *def, unsigned flags,
                       hl__binding_of *binding_of, void *user);
hl__plan *hl__plan_ref(hl__plan *plan);
void hl__plan_unref(hl__plan *plan); /* NULL is a no-op */

/* Whether calls of the plan are watched. */
bool hl__plan_watches(const hl__plan *plan);

/* Whether both make the same calls in the same order with the same availability (CM-12). */
bool hl__plan_same(const hl__plan *a, const hl__plan *b);

/* What a dispatch answers when the plugin at `index` has given a verdict that is not HL_NEXT: decides between halt,
 * failure and an undefined verdict. `input` is the dispatch's original state. */
hl_reply hl__plan_stop(const hl__plan *plan, uint64_t index, void *input, hl_reply reply);

/* hl__stop_fn: the same for compiled code, whose plan has a place in the table of chains. */
hl__stop_fn hl__chain_stop;

/* hl__chain_fns */
hl_reply hl__reference_call(const hl_event *event, void *state,
                            const void *meta); /* the loop that defines the meaning */
hl_reply hl__rollback_call(const hl_event *event, void *state, const void *meta); /* restores the state on failure */
hl_reply hl__closed_call(const hl_event *event, void *state, const void *meta);

#endif

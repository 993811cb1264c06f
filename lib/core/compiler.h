/* A compiler as core sees it: it takes chains in batches and hands back code. jit/client.c is the one that exists.
 *
 * The control thread owns the compiler: submit, service, idle, fd and wake_at_ns are called on it only; release may be
 * called from any thread. Nothing here may block for longer than a process start. */
#ifndef HL_CORE_COMPILER_H
#define HL_CORE_COMPILER_H

#include <hookline/event.h>

/* One call of a chain. */
typedef struct hl__step {
    hl_call_fn *call;
    void *self;
} hl__step;

#define HL__SHORT_CHAIN 256 /* steps */

/* Where compiled code goes when a plugin's verdict is not HL_NEXT; gives the reply of the whole dispatch. The
 * parameters stand in the order in which compiled code has most of them in registers. `input` is the dispatch's
 * original state, `of` what the unit says. Code of at most HL__SHORT_CHAIN steps fills the lowest byte of `index` only;
 * the others hold anything. */
typedef hl_reply hl__stop_fn(void *input, void *state, int64_t verdict, uint64_t index, const void *of);

/* One chain to compile. Everything is borrowed for the time of submit. */
typedef struct hl__unit {
    uint64_t ticket;    /* the caller's name for it */
    const char *symbol; /* event and generation, such as "request#42"; any bytes: the compiler makes a symbol of it */
    const void *of;     /* handed to `stop` */
    hl__stop_fn *stop;
    const hl__step *steps;
    size_t steps_len; /* at least 1 */
} hl__unit;

typedef struct hl__code hl__code; /* compiled code of one chain, in executable memory */

typedef struct hl__compiled {
    hl__chain_fn *entry;
    size_t code_bytes;
    hl__code *code; /* given back by release */
} hl__compiled;

/* Outcome of one unit: HL_OK with *compiled (owned by the callee from now on), or HL_ERR_COMPILE with a reason for
 * people and compiled NULL. */
typedef void hl__compiled_fn(void *user, uint64_t ticket, hl_status status, const char *reason,
                             const hl__compiled *compiled);

typedef struct hl__compiler hl__compiler;

typedef struct hl__compiler_ops {
    /* Gives up what is in flight, ends the helper, frees everything. Code must have been released before. */
    void (*destroy)(hl__compiler *compiler);
    /* Whether submit would take a batch now. */
    bool (*idle)(hl__compiler *compiler);
    /* Starts compiling a batch. HL_OK: every ticket will come back through service. Else HL_ERR_COMPILE with the reason
     * in hl_last_error, and none will. */
    hl_status (*submit)(hl__compiler *compiler, const hl__unit *units, size_t units_len);
    /* Becomes readable when service has something to do; -1 while there is none. May change after submit and
     * service. */
    int (*fd)(hl__compiler *compiler);
    /* CLOCK_MONOTONIC time at which service must be called though fd is quiet; UINT64_MAX: never. */
    uint64_t (*wake_at_ns)(hl__compiler *compiler);
    /* Reads results, notices time-outs and deaths of the helper, reports finished units. */
    void (*service)(hl__compiler *compiler, hl__compiled_fn *done, void *user);
    /* Frees a chain's code that no dispatch can be inside of. [any-thread] */
    void (*release)(hl__compiler *compiler, hl__code *code);
    /* Helper processes started so far. [any-thread] */
    uint64_t (*helper_starts)(hl__compiler *compiler);
} hl__compiler_ops;

struct hl__compiler {
    const hl__compiler_ops *ops;
};

#endif

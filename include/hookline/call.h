/* Dispatch: running an event's chain. The only header on a server's fast path.
 *
 * A dispatch reads the event's published chain once and runs it from first to last plugin, whatever changes meanwhile
 * (G2). It takes no lock, allocates nothing and makes no system call (G6), except that a thread's very first dispatch
 * registers the thread. Threads need no preparation and no end call. */
#ifndef HOOKLINE_CALL_H
#define HOOKLINE_CALL_H

/* liburcu's read side inlined: its functions are under ten lines, which its authors allow in code of any licence. */
#include <urcu/static/urcu-bp.h>

#include <hookline/event.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where a thread is, for those who ask which chain holds up a removal. Private. `place` counts: its low byte is the
 * depth of nested dispatches, the rest rises with every outermost one. */
#define HL__DEPTH_MAX 8
struct hl__thread {
    uint64_t place;
    const void *inside[HL__DEPTH_MAX];
};
extern HL_API __thread struct hl__thread *hl__thread_self __attribute__((tls_model("initial-exec")));
HL_API struct hl__thread *hl__thread_attach(void);

static inline struct hl__thread *hl__thread_current(void)
{
    struct hl__thread *thread = hl__thread_self;

    return HL_UNLIKELY(!thread) ? hl__thread_attach() : thread;
}

static inline void hl__thread_enter(struct hl__thread *thread, const void *chain)
{
    uint64_t place = thread->place;

    __atomic_store_n(&thread->inside[place & (HL__DEPTH_MAX - 1)], chain, __ATOMIC_RELAXED);
    __atomic_store_n(&thread->place, place + ((place & 0xff) ? 1 : 0x101), __ATOMIC_RELEASE);
}

static inline void hl__thread_leave(struct hl__thread *thread)
{
    __atomic_store_n(&thread->place, thread->place - 1, __ATOMIC_RELEASE);
}

/* Runs the event's chain on `state` (CA-01, CA-05).
 *
 * event  from hl_event_open or hl_event_define, of a runtime that may even be closed by now
 * state  whatever the event's contract says; may be NULL when the plugins accept that
 * meta   side information that plugins read and nobody changes (CA-12); may be NULL
 * reply  state    the last plugin's state; `state` itself when the chain is empty, failed, or could not run
 *        verdict  HL_NEXT: ran to the end. HL_HALT: a plugin ended it. Negative: the failing plugin's status,
 *                 HL_ERR_NOT_LOADED (code of a plugin missing, CA-16) or HL_ERR_CLOSED; hl_last_error names the plugin
 * [dispatch] */
static inline hl_reply hl_call(hl_event *event, void *state, const void *meta)
{
    struct hl__thread *thread = hl__thread_current();
    hl__chain_fn *entry;
    hl_reply reply;

    _urcu_bp_read_lock();
    entry = __atomic_load_n(&event->entry, __ATOMIC_ACQUIRE);
    hl__thread_enter(thread, (const void *)(uintptr_t)entry);
    reply = entry(event, state, meta);
    hl__thread_leave(thread);
    _urcu_bp_read_unlock();
    return reply;
}

#define HL_CALL_RETURN_INPUT (1u << 0) /* run on a copy, give back the input unchanged (CA-08); needs a state_size */
#define HL_CALL_STRICT (1u << 1)       /* hl_call_named: an unknown event is HL_ERR_NOT_FOUND (CA-03) */

typedef struct hl_call_options {
    size_t size; /* sizeof(hl_call_options) */
    unsigned flags;
    const void *meta;         /* as in hl_call */
    const void *private_data; /* handed to the event's merge function after the chain; NULL: none (CA-09) */
    void *cannot_run;         /* result when the event cannot run for missing code; NULL: the input (VD-07) */
    void *on_error;           /* result when a plugin failed; NULL: the input (VD-09) */
} hl_call_options;

#define HL_CALL_OPTIONS_INIT                                                                                           \
    {                                                                                                                  \
        sizeof(hl_call_options), 0, NULL, NULL, NULL, NULL                                                             \
    }

/* hl_call with options. Bad options are answered with a negative verdict and the untouched input: HL_ERR_STRUCT_SIZE,
 * HL_ERR_FLAGS, HL_ERR_INVALID (event NULL), HL_ERR_UNSUPPORTED (HL_CALL_RETURN_INPUT where the event has no contract
 * with a state size). options NULL is hl_call without meta. cost: a copy of the state with HL_CALL_RETURN_INPUT.
 * [dispatch] */
HL_API hl_reply hl_call_with(hl_event *event, void *state, const hl_call_options *options);

/* Dispatch by name, for callers without a handle: one hash lookup, nothing is allocated or remembered for unknown names
 * . An event nobody opened in this process gives back the input with HL_NEXT (CA-02), or HL_ERR_NOT_FOUND with
 * HL_CALL_STRICT. options may be NULL. [dispatch] */
HL_API hl_reply hl_call_named(hl_runtime *runtime, const char *event_name, void *state, const hl_call_options *options);

typedef hl_reply (*hl_entry_fn)(void *state, const void *meta);

/* A plain function that dispatches this event, for anything that wants a function pointer. The same one for each call;
 * valid until the process ends, though it answers HL_ERR_CLOSED after hl_close. NULL with HL_ERR_LIMIT when more than
 * HL_ENTRIES_MAX events of the process have one. cost: a lock. [any-thread] */
HL_API hl_entry_fn hl_event_entry(hl_event *event);
#define HL_ENTRIES_MAX 1024

#ifdef __cplusplus
}
#endif
#endif

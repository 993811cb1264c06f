/* Plain functions that dispatch an event: a bank of them, each tied to one slot, since a function pointer cannot carry
 * an argument. They are compiled with the library, so they need no compiler and are there at once. */
#include "core/error.h"
#include "core/global.h"
#include "core/runtime.h"

static hl_event *slots[HL_ENTRIES_MAX];
static size_t used; /* under the global lock */

static __attribute__((noinline)) hl_reply dispatch_slot(void *state, const void *meta, hl_event **slot)
{
    return hl_call(*slot, state, meta);
}

/* 1,024 functions, numbered in octal, which is how a macro can count. */
#define ENTRY(n)                                                                                                       \
    static hl_reply entry_##n(void *state, const void *meta)                                                           \
    {                                                                                                                  \
        return dispatch_slot(state, meta, &slots[0##n]);                                                               \
    }
#define EACH_8(m, n) m(n##0) m(n##1) m(n##2) m(n##3) m(n##4) m(n##5) m(n##6) m(n##7)
#define EACH_64(m, n)                                                                                                  \
    EACH_8(m, n##0)                                                                                                    \
    EACH_8(m, n##1) EACH_8(m, n##2) EACH_8(m, n##3) EACH_8(m, n##4) EACH_8(m, n##5) EACH_8(m, n##6) EACH_8(m, n##7)
#define EACH_512(m, n)                                                                                                 \
    EACH_64(m, n##0)                                                                                                   \
    EACH_64(m, n##1)                                                                                                   \
    EACH_64(m, n##2) EACH_64(m, n##3) EACH_64(m, n##4) EACH_64(m, n##5) EACH_64(m, n##6) EACH_64(m, n##7)
#define EACH_1024(m) EACH_512(m, 0) EACH_512(m, 1)

EACH_1024(ENTRY)

#define NAME(n) entry_##n,
static const hl_entry_fn entries[HL_ENTRIES_MAX] = {EACH_1024(NAME)};

static hl_entry_fn take(hl_event *handle)
{
    hl_entry_fn entry = NULL;

    hl__global_lock();
    if (used < HL_ENTRIES_MAX) {
        slots[used] = handle;
        entry = entries[used++];
    }
    hl__global_unlock();
    if (!entry)
        hl__fail(HL_ERR_LIMIT, "event_entry", "event",
                 "This process has handed out all %d entries; dispatch this event with hl_call.", HL_ENTRIES_MAX);
    return entry;
}

hl_entry_fn hl_event_entry(hl_event *event)
{
    struct hl__event *inner = NULL;
    hl_entry_fn entry;

    if (hl__event_lock(event, "event_entry", &inner) != HL_OK)
        return NULL;
    if (!inner->plain_entry)
        inner->plain_entry = take(event);
    entry = inner->plain_entry;
    hl__unlock(inner->runtime);
    return entry;
}

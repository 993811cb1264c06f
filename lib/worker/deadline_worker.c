/* The deadline of the call that a worker is at, for the plugin or module that asks. Linked into worker programs, which
 * export the two functions. */
#include <hookline/deadline.h>

#include "worker/deadline_worker.h"
#include "worker/look.h"

static uint64_t deadline; /* atomic: a plugin may ask from a thread of its own */

void hl__serve_deadline(uint64_t deadline_ns)
{
    __atomic_store_n(&deadline, deadline_ns, __ATOMIC_RELAXED);
}

HL_API uint64_t hl_call_deadline_ns(void)
{
    return __atomic_load_n(&deadline, __ATOMIC_RELAXED);
}

HL_API bool hl_call_is_late(void)
{
    uint64_t deadline_ns = hl_call_deadline_ns();

    return deadline_ns && hl__look_now_ns() >= deadline_ns;
}

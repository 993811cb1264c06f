/* Opening and closing of a pool's breaker. Called by pool_call.c. */
#include "worker/breaker.h"

bool hl__breaker_admits(hl__breaker *breaker, uint64_t now_ns, bool *trial)
{
    *trial = false;
    if (!breaker->open)
        return true;
    if (breaker->trying || now_ns < breaker->until_ns)
        return false;
    breaker->trying = true;
    *trial = true;
    return true;
}

/* A call that began before the breaker opened says nothing about how the workers are now, unless it went well. */
void hl__breaker_told(hl__breaker *breaker, const hl_isolation *isolation, bool failed, uint64_t now_ns)
{
    if (!failed) {
        *breaker = (hl__breaker){.row = 0};
        return;
    }
    breaker->trying = false;
    if (isolation->breaker_failures == 0 || ++breaker->row < isolation->breaker_failures)
        return;
    breaker->open = true;
    breaker->until_ns = now_ns + (uint64_t)isolation->breaker_open_ms * 1000000;
}

void hl__breaker_excused(hl__breaker *breaker, bool trial)
{
    if (trial)
        breaker->trying = false;
}

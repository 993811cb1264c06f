/* Restart intensity and backoff. Called by the supervisor. */
#include "worker/restart.h"

#include <stdlib.h>
#include <string.h>

#include "core/grow.h"

static void forget_until(hl__restarts *restarts, uint64_t limit_ns)
{
    size_t old = 0;

    while (old < restarts->len && restarts->at_ns[old] < limit_ns)
        old++;
    restarts->len -= old;
    if (old)
        memmove(restarts->at_ns, restarts->at_ns + old, restarts->len * sizeof(restarts->at_ns[0]));
}

bool hl__restarts_note(hl__restarts *restarts, uint64_t now_ns, uint32_t most, uint64_t period_ns)
{
    forget_until(restarts, now_ns > period_ns ? now_ns - period_ns : 0);
    if (restarts->len >= most)
        return false;
    if (hl__grow(&restarts->at_ns, restarts->len, &restarts->room, sizeof(restarts->at_ns[0])))
        restarts->at_ns[restarts->len++] = now_ns;
    return true;
}

void hl__restarts_clear(hl__restarts *restarts)
{
    free(restarts->at_ns);
    *restarts = (hl__restarts){NULL, 0, 0};
}

uint64_t hl__backoff_ns(const hl_isolation *isolation, uint32_t row, uint64_t random)
{
    uint64_t most_ns = (uint64_t)isolation->backoff_most_ms * 1000000;
    uint64_t pause_ns = (uint64_t)isolation->backoff_ms * 1000000;

    if (row < 2)
        return 0;
    for (uint32_t i = 2; i < row && pause_ns < most_ns; i++)
        pause_ns *= 2;
    if (pause_ns > most_ns)
        pause_ns = most_ns;
    return pause_ns / 2 + random % (pause_ns / 2 + 1);
}

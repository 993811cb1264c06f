/* The circuit breaker of a pool: after so many failures in a row calls fail at once; then one call tries whether the
 * workers are well again. Guarded by the pool's lock. */
#ifndef HL_WORKER_BREAKER_H
#define HL_WORKER_BREAKER_H

#include <hookline/isolation.h>

typedef struct hl__breaker {
    uint32_t row; /* failures in a row */
    bool open;
    bool trying; /* open, and one call is on its way */
    uint64_t until_ns;
} hl__breaker;

/* Whether a call may be made. *trial is set for the one that tries; it must be followed by one of the next two. */
bool hl__breaker_admits(hl__breaker *breaker, uint64_t now_ns, bool *trial);
/* How a call ended. */
void hl__breaker_told(hl__breaker *breaker, const hl_isolation *isolation, bool failed, uint64_t now_ns);
/* A call was not made after all. */
void hl__breaker_excused(hl__breaker *breaker, bool trial);

#endif

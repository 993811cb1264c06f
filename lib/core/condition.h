/* Conditions that are waited for until a moment of CLOCK_MONOTONIC: a clock that is set must neither cut waiting short
 * nor draw it out. */
#ifndef HL_CORE_CONDITION_H
#define HL_CORE_CONDITION_H

#include <pthread.h>
#include <time.h>

static inline void hl__condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

#endif

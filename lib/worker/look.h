/* Looking at memory for a short time before sleeping. Used by both sides of a channel. */
#ifndef HL_WORKER_LOOK_H
#define HL_WORKER_LOOK_H

#include <stdint.h>
#include <time.h>

/* What is looked at between two looks at the clock. */
#define HL__LOOKS 16

/* Tells the processor that it is in a waiting loop, where the compiler knows how. */
static inline void hl__look_pause(void)
{
#if defined(__has_builtin)
#if __has_builtin(__builtin_ia32_pause)
    __builtin_ia32_pause();
#elif __has_builtin(__builtin_arm_yield)
    __builtin_arm_yield();
#endif
#endif
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static inline uint64_t hl__look_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

#endif

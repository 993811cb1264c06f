/* liburcu's read side for those who read what will be retired (reclaim.h) and are in no dispatch. ThreadSanitizer sees
 * nothing of liburcu: in its builds, and only there, readers write down that they have ended, and the reclaimer looks
 * before it releases. */
#ifndef HL_CORE_READING_H
#define HL_CORE_READING_H

#include <urcu/urcu-bp.h>

#include "core/shared.h"

#if defined(__SANITIZE_THREAD__)
#define HL__READINGS_TOLD 1
#elif defined(__has_feature)
#define HL__READINGS_TOLD __has_feature(thread_sanitizer)
#else
#define HL__READINGS_TOLD 0
#endif

#if HL__READINGS_TOLD
HL__SHARED void hl__reading_told(void);
#else
static inline void hl__reading_told(void)
{
}
#endif

static inline void hl__reading_begin(void)
{
    urcu_bp_read_lock();
}

static inline void hl__reading_end(void)
{
    hl__reading_told();
    urcu_bp_read_unlock();
}

#endif

/* Progress of an installation; see course.h. */
#include "install/course.h"

#include "core/error.h"

bool hl__course_bytes(void *user, uint64_t done, uint64_t total)
{
    const hl__course *course = user;

    return !course->progress || course->progress(course->user, course->report->step, done, total);
}

hl_status hl__course_step(const hl__course *course, hl_install_step step)
{
    course->report->step = step;
    if (!course->progress || course->progress(course->user, step, 0, 0))
        return HL_OK;
    return hl__fail(HL_ERR_CANCELLED, course->action, "progress", "The caller ended it; nothing was changed.");
}

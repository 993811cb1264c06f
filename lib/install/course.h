/* How far an installation has come: told to the caller's progress function and kept in the report. */
#ifndef HL_INSTALL_COURSE_H
#define HL_INSTALL_COURSE_H

#include <hookline/install.h>

typedef struct hl__course {
    const char *action;
    hl_install_report *report;
    hl_progress_fn *progress; /* may be NULL */
    void *user;
} hl__course;

/* A step begins. HL_ERR_CANCELLED when the caller wants no more. */
hl_status hl__course_step(const hl__course *course, hl_install_step step);

/* Bytes within the step; false cancels. A progress function for fetching and unpacking, whose user is the course. */
bool hl__course_bytes(void *course, uint64_t done, uint64_t total);

#endif

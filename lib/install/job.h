/* One job of the queue, as its document keeps it under "job/NUMBER", the number in 20 digits so that keys sort like
 * them. */
#ifndef HL_INSTALL_JOB_H
#define HL_INSTALL_JOB_H

#include <hookline/install.h>

#include "core/document.h"

#define HL__JOB_KEY "job/"
#define HL__JOB_HEAD_KEY "job-head" /* the last number that was given out */

typedef struct hl__job {
    uint64_t number;
    hl_job_state state;
    hl_install_spec spec; /* its strings are the job's own */
    int64_t asked_at;
    int64_t attempts; /* that were begun, without those that a closing process broke off */
    char *app;        /* "" as long as it is not known; the same for version and message */
    char *version;
    char *message;
    hl_status status;
} hl__job;

/* Writes the job's document with a commit. Of one that has ended, the address loses user, password and query: nobody
 * needs them any more. */
hl_status hl__job_put(hl__documents *documents, const hl__job *job);
/* HL_ERR_STORE_CORRUPT. *out is freed with hl__job_cleanup, also after a failure. */
hl_status hl__job_decode(const char *text, hl__job *out);
void hl__job_cleanup(hl__job *job);
/* Where the package is, for people: an address as hl__url_shown has it. Owned by the caller, NULL without memory. */
char *hl__job_shown(const hl__job *job);

static inline bool hl__job_has_ended(const hl__job *job)
{
    return job->state == HL_JOB_DONE || job->state == HL_JOB_FAILED;
}

#endif

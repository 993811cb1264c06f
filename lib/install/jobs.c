/* hl_install_async and hl_jobs: putting jobs into the queue and asking about them. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/error.h"
#include "install/job.h"
#include "install/journal.h"
#include "install/queue.h"
#include "install/spec.h"
#include "install/texts.h"

#define ACTION "install"

/* ---- adding ------------------------------------------------------------------------------------------------------ */

/* Another process works in another folder. */
static char *absolute(const char *path)
{
    char *real = realpath(path, NULL), *here, *out = NULL;

    if (real || path[0] == '/')
        return real ? real : strdup(path);
    here = getcwd(NULL, 0);
    if (!here || asprintf(&out, "%s/%s", here, path) < 0)
        out = NULL;
    free(here);
    return out;
}

static hl_status read_head(hl__documents *documents, uint64_t *last)
{
    char *text = NULL;
    hl_status status = hl__documents_get(documents, HL__JOB_HEAD_KEY, &text);
    json_t *value = text ? json_loads(text, 0, NULL) : NULL;

    *last = (uint64_t)json_integer_value(json_object_get(value, "last"));
    json_decref(value);
    free(text);
    return status == HL_ERR_NOT_FOUND ? HL_OK : status;
}

static hl_status put_head(hl__documents *documents, uint64_t last)
{
    char text[64];

    snprintf(text, sizeof(text), "{\"last\":%" PRIu64 "}", last);
    return hl__documents_put(documents, HL__JOB_HEAD_KEY, text);
}

static hl_status add(void *user, hl__documents *documents)
{
    hl__job *job = user;
    hl_status status = read_head(documents, &job->number);

    job->number++;
    if (status == HL_OK)
        status = put_head(documents, job->number);
    return status == HL_OK ? hl__job_put(documents, job) : status;
}

static hl_status check_place(hl_runtime *runtime)
{
    char *path = NULL;
    hl_status status = hl__apps_path(runtime, &path);

    free(path);
    return status;
}

static hl_status enqueue(hl_runtime *runtime, const hl_install_spec *spec, uint64_t *number)
{
    hl__job job = {.state = HL_JOB_WAITING, .spec = *spec, .asked_at = (int64_t)time(NULL)};
    char *location = NULL, *signature = NULL;
    hl_status status = HL_OK;

    if (hl__install_spec_is_local(spec))
        job.spec.location = location = absolute(spec->location);
    if (spec->signature)
        job.spec.signature = signature = absolute(spec->signature);
    if (!job.spec.location || (spec->signature && !signature))
        status = hl__fail_memory(ACTION);
    if (status == HL_OK)
        status = hl__commit_documents(runtime, "queue", NULL, 0, add, &job, 0, NULL);
    if (status == HL_OK && number)
        *number = job.number;
    free(location);
    free(signature);
    return status;
}

/* Refused before there is a job. In a runtime that may not write, the log cannot tell of it. */
static void write_refusal(hl_runtime *runtime)
{
    hl__journal_entry entry = {.action = ACTION,
                               .status = hl_last_error()->status,
                               .message = hl_last_error()->message};

    if (!(runtime->options.flags & HL_OPEN_READ_ONLY))
        hl__journal_refusal(runtime, &entry);
}

hl_status hl_install_async(hl_runtime *runtime, const hl_install_spec *spec, uint64_t *job)
{
    hl_install_spec checked;
    hl__session *session;
    hl_status status = check_place(runtime);

    if (status != HL_OK)
        return hl__fail_as(ACTION);
    status = hl__install_spec_check(ACTION, spec, &checked);
    if (status != HL_OK)
        write_refusal(runtime);
    else
        status = enqueue(runtime, &checked, job);
    if (status != HL_OK)
        return hl__fail_as(ACTION);
    session = hl__session_of(runtime);
    if (session)
        hl__queue_look(session, true);
    return HL_OK;
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static hl_job_info info_of(const hl__job *job, const char *location)
{
    return (hl_job_info){.size = sizeof(hl_job_info),
                         .job = job->number,
                         .state = job->state,
                         .location = location,
                         .app = job->app,
                         .version = job->version,
                         .status = job->status,
                         .message = job->message,
                         .asked_at = job->asked_at};
}

static hl_status show(const char *text, bool (*callback)(const hl_job_info *, void *user), void *user, bool *more)
{
    hl__job job;
    hl_status status = hl__job_decode(text, &job);
    char *shown = status == HL_OK ? hl__job_shown(&job) : NULL;

    if (status == HL_OK && !shown)
        status = hl__fail_memory("jobs");
    if (status == HL_OK) {
        hl_job_info info = info_of(&job, shown);

        *more = callback(&info, user);
    }
    free(shown);
    hl__job_cleanup(&job);
    return status;
}

hl_status hl_jobs(hl_runtime *runtime, bool (*callback)(const hl_job_info *, void *user), void *user)
{
    hl__texts all = {0};
    bool more = true;
    hl_status status;

    if (!callback)
        return hl__fail(HL_ERR_INVALID, "jobs", "callback", "The callback is NULL; give a function.");
    status = hl__document_walk(runtime, HL__JOB_KEY, hl__texts_take, &all);
    for (size_t i = 0; status == HL_OK && more && i < all.len; i++)
        status = show(all.rows[i], callback, user, &more);
    hl__texts_free(&all);
    return status == HL_OK ? HL_OK : hl__fail_as("jobs");
}

/* ---- forgetting -------------------------------------------------------------------------------------------------- */

static hl_status forget_one(void *user, const char *key, const char *text)
{
    hl__job job;
    bool ended = hl__job_decode(text, &job) != HL_OK || hl__job_has_ended(&job);

    hl__job_cleanup(&job);
    return ended ? hl__documents_put(user, key, NULL) : HL_OK;
}

static hl_status forget_ended(void *user, hl__documents *documents)
{
    (void)user;
    return hl__documents_walk(documents, HL__JOB_KEY, forget_one, documents);
}

hl_status hl__jobs_forget_ended(hl_runtime *runtime)
{
    return hl__commit_documents(runtime, "gc", NULL, 0, forget_ended, NULL, 0, NULL);
}

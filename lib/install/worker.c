/* Working through the queue (IN-15, RP-01): one process at a time, by a lock that ends with it; job by job, oldest
 * first. What became of a job is written with it. No failure of a job ends the thread, and one that ends the
 * process does so no more than twice. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/error.h"
#include "core/thread.h"
#include "install/job.h"
#include "install/journal.h"
#include "install/notices.h"
#include "install/queue.h"

#define ACTION "queue"
#define ATTEMPTS_MAX 2

/* ---- the next job ------------------------------------------------------------------------------------------------ */

static hl_status take_first(void *user, const char *key, const char *text)
{
    hl__job *job = user;

    (void)key;
    if (job->number)
        return HL_OK;
    if (hl__job_decode(text, job) == HL_OK && !hl__job_has_ended(job))
        return HL_OK;
    hl__job_cleanup(job);
    return HL_OK;
}

/* One that runs counts: its worker has died, or this process must wait for it. number 0: there is none. */
static hl_status find_next(hl_runtime *runtime, hl__job *out)
{
    memset(out, 0, sizeof(*out));
    return hl__document_walk(runtime, HL__JOB_KEY, take_first, out);
}

static hl_status put(void *user, hl__documents *documents)
{
    return hl__job_put(documents, user);
}

static hl_status write_job(hl_runtime *runtime, hl__job *job)
{
    return hl__commit_documents(runtime, ACTION, NULL, 0, put, job, 0, NULL);
}

typedef struct ending {
    hl__job *job;
    hl__journal_entry entry;
} ending;

static hl_status put_ending(void *user, hl__documents *documents)
{
    ending *what = user;
    hl_status status = put(what->job, documents);

    return status == HL_OK ? hl__journal_add(documents, &what->entry, 1) : status;
}

/* ---- a job ------------------------------------------------------------------------------------------------------- */

static bool is_ending(hl__session *session)
{
    return __atomic_load_n(&session->ending, __ATOMIC_ACQUIRE);
}

static bool go_on(void *user, hl_install_step step, uint64_t done, uint64_t total)
{
    (void)step;
    (void)done;
    (void)total;
    return !is_ending(user);
}

typedef struct question {
    const hl_install_report *report;
    bool active;
} question;

static bool compare(const hl_app_info *info, void *user)
{
    question *asked = user;

    asked->active = asked->active ||
                    (strcmp(info->app, asked->report->app) == 0 && strcmp(info->version, asked->report->version) == 0 &&
                     strcmp(info->sha256, asked->report->sha256) == 0);
    return true;
}

static bool is_installed(hl_runtime *runtime, const hl_install_report *report)
{
    question asked = {report, false};

    return hl_installed(runtime, compare, &asked) == HL_OK && asked.active;
}

/* The process that had the job before may have died between installing and saying so. Asked without a trace in the
 * install log, which a refusal would leave. */
static bool was_done(hl__session *session, const hl__job *job, hl_install_report *report)
{
    hl_install_spec spec = job->spec;

    spec.flags |= HL_INSTALL_VERIFY_ONLY;
    return hl_install(session->runtime, &spec, report) == HL_ERR_VERSION && is_installed(session->runtime, report);
}

static void replace(char **place, const char *text)
{
    char *copy = strdup(text ? text : "");

    if (!copy)
        return;
    free(*place);
    *place = copy;
}

static void note_outcome(hl__job *job, hl_status status, const hl_install_report *report)
{
    replace(&job->app, report->app);
    replace(&job->version, report->version);
    replace(&job->message, status == HL_OK ? "" : hl_last_error()->message);
    job->status = status;
    job->state = status == HL_OK ? HL_JOB_DONE : HL_JOB_FAILED;
}

static void install(hl__session *session, hl__job *job)
{
    hl_install_report report = HL_INSTALL_REPORT_INIT;
    hl_status status = hl_install(session->runtime, &job->spec, &report);

    if (status == HL_ERR_CANCELLED && is_ending(session)) {
        job->state = HL_JOB_WAITING;
        job->attempts--;
    } else {
        note_outcome(job, status, &report);
    }
    hl_install_report_cleanup(&report);
}

static void install_again(hl__session *session, hl__job *job)
{
    hl_install_report report = HL_INSTALL_REPORT_INIT;

    if (was_done(session, job, &report)) {
        hl__notify_app(session->runtime, HL_NOTICE_INSTALLED, report.app, report.version);
        note_outcome(job, HL_OK, &report);
    } else {
        install(session, job);
    }
    hl_install_report_cleanup(&report);
}

/* ---- a job that ends its process --------------------------------------------------------------------------------- */

static hl_status refuse(hl_runtime *runtime, hl__job *job, const hl_install_report *report)
{
    char *shown = hl__job_shown(job);
    ending what = {job,
                   {.action = report->before && report->before[0] ? "upgrade" : "install",
                    .app = report->app ? report->app : job->spec.app,
                    .version = report->version,
                    .before = report->before,
                    .source = shown,
                    .sha256 = report->sha256}};
    hl_status status =
        hl__fail(HL_ERR_PROBE, ACTION, "job",
                 "Each of the %d processes that worked on this job ended before it was done; most likely "
                 "loading the package's code ends a server. It is not tried again. Mend the package, or "
                 "queue it once more if the servers were ended by something else.",
                 ATTEMPTS_MAX);

    note_outcome(job, status, report);
    what.entry.status = job->status;
    what.entry.message = job->message;
    status = hl__commit_documents(runtime, ACTION, NULL, 0, put_ending, &what, 0, NULL);
    free(shown);
    return status;
}

/* Looks once whether it was installed all the same, unless that look has ended a process too. A closing process leaves
 * it to the next. */
static hl_status give_up(hl__session *session, hl__job *job)
{
    hl_install_report report = HL_INSTALL_REPORT_INIT;
    bool done = job->attempts == ATTEMPTS_MAX + 1 && was_done(session, job, &report);
    hl_status status;

    if (done) {
        hl__notify_app(session->runtime, HL_NOTICE_INSTALLED, report.app, report.version);
        note_outcome(job, HL_OK, &report);
        status = write_job(session->runtime, job);
    } else if (is_ending(session)) {
        job->attempts--;
        status = write_job(session->runtime, job);
    } else {
        status = refuse(session->runtime, job, &report);
    }
    hl_install_report_cleanup(&report);
    return status;
}

/* ---- running a job ----------------------------------------------------------------------------------------------- */

/* hl_install has told what was installed. */
static void tell_failure(hl_runtime *runtime, const hl__job *job)
{
    hl_notice notice = {.kind = HL_NOTICE_INSTALL_FAILED, .event = "", .status = job->status, .reason = job->message};
    char *shown;

    if (job->state != HL_JOB_FAILED || hl__lock(runtime, "notify") != HL_OK)
        return;
    hl__notify(runtime, &notice, NULL);
    hl__unlock(runtime);
    shown = hl__job_shown(job);
    hl__log(runtime, HL_LOG_ERROR, "install", "job %llu, %s: %s", (unsigned long long)job->number, shown ? shown : "",
            job->message);
    free(shown);
}

/* What became of it is written. */
static hl_status work_on(hl__session *session, hl__job *job, bool again)
{
    if (again && job->attempts > ATTEMPTS_MAX)
        return give_up(session, job);
    if (again)
        install_again(session, job);
    else
        install(session, job);
    return write_job(session->runtime, job);
}

/* Not marked as running means not run: it is then tried again later. */
static hl_status run_job(hl__session *session, hl__job *job)
{
    bool again = job->state == HL_JOB_RUNNING;
    hl_status status;

    job->state = HL_JOB_RUNNING;
    job->attempts++;
    status = write_job(session->runtime, job);
    if (status != HL_OK)
        return status;
    job->spec.progress = go_on;
    job->spec.user = session;
    status = work_on(session, job, again);
    if (status == HL_OK)
        tell_failure(session->runtime, job);
    return status;
}

/* ---- the thread -------------------------------------------------------------------------------------------------- */

/* -1: another process works through the queue, or there is no place for it. */
static int take_queue(hl_runtime *runtime)
{
    hl__apps_place place;
    int fd = -1;

    if (hl__apps_place_open(runtime, &place) != HL_OK)
        return -1;
    fd = openat(place.folder, HL__APPS_QUEUE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    hl__apps_place_close(&place);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Whether the queue is empty. */
static bool work(hl__session *session)
{
    hl_status status = HL_OK;
    bool empty = false;

    while (status == HL_OK && !empty && !is_ending(session)) {
        hl__job job;

        status = find_next(session->runtime, &job);
        empty = status == HL_OK && !job.number;
        if (status == HL_OK && !empty)
            status = run_job(session, &job);
        hl__job_cleanup(&job);
    }
    if (status != HL_OK)
        hl__log(session->runtime, HL_LOG_ERROR, "install", "the queue rests: %s", hl_last_error()->message);
    return empty;
}

static void *run(void *argument)
{
    hl__session *session = argument;
    int queue = take_queue(session->runtime);
    bool empty = queue >= 0 && work(session);

    if (queue >= 0)
        close(queue);
    pthread_mutex_lock(&session->lock);
    session->queue_again |= !empty;
    session->worker_ended = true;
    pthread_mutex_unlock(&session->lock);
    return NULL;
}

/* ---- starting and ending it -------------------------------------------------------------------------------------- */

/* Under the session's lock; a thread that has ended is joined at once. */
static bool is_working(hl__session *session)
{
    if (session->worker_started && session->worker_ended) {
        pthread_join(session->worker, NULL);
        session->worker_started = false;
    }
    return session->worker_started;
}

static bool has_jobs(hl_runtime *runtime)
{
    hl__job job;
    bool found = find_next(runtime, &job) == HL_OK && job.number;

    hl__job_cleanup(&job);
    return found;
}

static void start(hl__session *session)
{
    session->worker_ended = false;
    session->worker_started = hl__thread_start(&session->worker, NULL, run, session) == 0;
    session->queue_again = !session->worker_started;
}

/* A job that is added while the thread is on its way out is seen at the next look: queue_again keeps that coming. */
static bool is_worth_a_look(hl__session *session, bool moved)
{
    bool wanted, working;

    pthread_mutex_lock(&session->lock);
    wanted = moved || session->queue_again;
    working = is_working(session);
    session->queue_again = working && wanted;
    pthread_mutex_unlock(&session->lock);
    return wanted && !working;
}

void hl__queue_look(hl__session *session, bool moved)
{
    hl_runtime *runtime = session->runtime;

    if ((runtime->options.flags & HL_OPEN_READ_ONLY) || !is_worth_a_look(session, moved) || !has_jobs(runtime))
        return;
    pthread_mutex_lock(&session->lock);
    if (!session->ending && !is_working(session))
        start(session);
    pthread_mutex_unlock(&session->lock);
}

void hl__queue_end(hl__session *session)
{
    bool started;

    pthread_mutex_lock(&session->lock);
    __atomic_store_n(&session->ending, true, __ATOMIC_RELEASE);
    started = session->worker_started;
    session->worker_started = false;
    pthread_mutex_unlock(&session->lock);
    if (started)
        pthread_join(session->worker, NULL);
}

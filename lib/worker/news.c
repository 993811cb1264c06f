/* What the supervisor tells: notices, log lines, and the crashes that are kept for those who ask later. Gathered under
 * its lock, told without any. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "worker/supervisor.h"

/* ---- gathering; the supervisor's lock held ---- */

static const char *put(char **at, const char *text)
{
    size_t len = strlen(text) + 1;
    char *copy = memcpy(*at, text, len);

    *at += len;
    return copy;
}

static hl__news *make(hl_notice_kind kind, const hl__pool *pool, const char *text)
{
    size_t bytes = strlen(pool->name) + strlen(pool->version) + strlen(pool->event) + strlen(text) + 4;
    hl__news *news = calloc(1, sizeof(*news) + bytes);
    char *at = (char *)(news + 1);

    if (!news)
        return NULL;
    news->kind = kind;
    news->plugin = pool->kind == HL__WORKER_PLUGIN;
    news->status = HL_ERR_PLUGIN;
    news->crash = (hl_crash_info){.size = sizeof(hl_crash_info), .in_worker = true, .at = (int64_t)time(NULL)};
    news->crash.plugin = put(&at, pool->name);
    news->crash.version = put(&at, pool->version);
    news->crash.event = put(&at, pool->event);
    news->crash.text = put(&at, text);
    return news;
}

static void add(hl__supervisor *supervisor, hl__news *news)
{
    *supervisor->news_end = news;
    supervisor->news_end = &news->next;
}

void hl__news_crashed(const hl__seat *seat, const hl__life *life, const char *text)
{
    hl__news *news = make(HL_NOTICE_CRASHED, seat->pool, text);

    if (!news)
        return;
    news->crash.pid = life->pid;
    news->crash.signal = life->end.signalled ? life->end.code : 0;
    news->crash.exit_status = life->end.known && !life->end.signalled ? life->end.code : 0;
    if (life->end.signalled && life->fault.signal == life->end.code)
        news->crash.address = life->fault.address;
    if (life->why == HL__WHY_LATE)
        news->status = HL_ERR_TIMEOUT;
    add(seat->pool->supervisor, news);
}

void hl__news_failed(const hl__pool *pool)
{
    hl__news *news = make(HL_NOTICE_WORKER_FAILED, pool, pool->reason);

    if (!news)
        return;
    news->status = pool->failed;
    add(pool->supervisor, news);
}

/* ---- telling; no lock held ---- */

static void keep(hl__supervisor *supervisor, hl__news *news)
{
    size_t at = supervisor->crashes_next;

    pthread_mutex_lock(&supervisor->lock);
    free(supervisor->crashes[at]);
    supervisor->crashes[at] = news;
    supervisor->crashes_next = (at + 1) % HL__CRASHES_KEPT;
    supervisor->crashes_len += supervisor->crashes_len < HL__CRASHES_KEPT;
    pthread_mutex_unlock(&supervisor->lock);
}

static void notify(hl_runtime *runtime, const hl__news *news, const hl__record *record)
{
    hl_notice notice = {.kind = news->kind,
                        .event = news->crash.event,
                        .status = news->status,
                        .reason = news->crash.text,
                        .generation = news->crash.generation};

    hl__notify(runtime, &notice, record);
    hl__log(runtime, HL_LOG_ERROR, "worker", "%s: %s", news->crash.plugin, news->crash.text);
}

/* The generation is that of the event's chain now; a chain that was published since the crash began would be a newer
 * one. */
static void find_generation(hl_runtime *runtime, hl__news *news)
{
    const struct hl__event *event = hl__event_find(runtime, news->crash.event);

    if (event)
        news->crash.generation = event->generation;
}

static void tell(hl__supervisor *supervisor, hl__news *news)
{
    hl_runtime *runtime = supervisor->runtime;
    bool locked = hl__lock(runtime, "worker") == HL_OK;
    const hl__record *record = NULL;

    if (locked) {
        find_generation(runtime, news);
        record = news->plugin ? hl__registry_find(runtime->registry, news->crash.plugin) : NULL;
    }
    if (news->kind == HL_NOTICE_CRASHED)
        keep(supervisor, news);
    notify(runtime, news, record);
    if (locked)
        hl__unlock(runtime);
    if (news->kind != HL_NOTICE_CRASHED)
        free(news);
}

void hl__news_deliver(hl__supervisor *supervisor, hl__news *news)
{
    while (news) {
        hl__news *next = news->next;

        news->next = NULL;
        tell(supervisor, news);
        news = next;
    }
}

/* ---- asking ---- */

static hl__news *copy(const hl__news *from)
{
    size_t bytes = (size_t)(strchr(from->crash.text, '\0') + 1 - (const char *)from);
    hl__news *to = malloc(bytes);

    if (!to)
        return NULL;
    memcpy(to, from, bytes);
    to->crash.plugin = (const char *)to + (from->crash.plugin - (const char *)from);
    to->crash.version = (const char *)to + (from->crash.version - (const char *)from);
    to->crash.event = (const char *)to + (from->crash.event - (const char *)from);
    to->crash.text = (const char *)to + (from->crash.text - (const char *)from);
    return to;
}

/* Copies, newest first. */
static size_t copy_crashes(hl__supervisor *supervisor, hl__news *out[HL__CRASHES_KEPT])
{
    size_t len = 0;

    pthread_mutex_lock(&supervisor->lock);
    for (size_t i = 1; i <= supervisor->crashes_len; i++) {
        size_t at = (supervisor->crashes_next + HL__CRASHES_KEPT - i) % HL__CRASHES_KEPT;

        out[len] = copy(supervisor->crashes[at]);
        len += out[len] != NULL;
    }
    pthread_mutex_unlock(&supervisor->lock);
    return len;
}

void hl__crashes_walk(hl_runtime *runtime, bool (*callback)(const hl_crash_info *, void *user), void *user)
{
    hl__supervisor *supervisor = hl__supervisor_known(runtime);
    hl__news *copies[HL__CRASHES_KEPT];
    size_t len = supervisor ? copy_crashes(supervisor, copies) : 0;
    bool more = true;

    for (size_t i = 0; i < len; i++) {
        more = more && callback(&copies[i]->crash, user);
        free(copies[i]);
    }
}

void hl__crashes_free(hl__supervisor *supervisor)
{
    for (size_t i = 0; i < HL__CRASHES_KEPT; i++)
        free(supervisor->crashes[i]);
}

/* Health (HL-01..HL-07): each plugin's health function on a thread of its own, side by side, time-boxed; then the report. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/error.h"
#include "core/grow.h"
#include "core/runtime.h"
#include "core/thread.h"
#include "core/validate.h"

#include <hookline/health.h>

#define TIMEOUT_DEFAULT_MS 1000
#define REASON_LEN 256
#define AT_ONCE 64 /* probes running at the same time for one report */

/* ---- one probe: shared by the asker and the probing thread, freed by the last ---- */

typedef struct probe {
    uint32_t refs;
    hl__binding *binding; /* counted: a hanging probe keeps its plugin's code */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
    int returned;
    char reason[REASON_LEN];
    uint64_t started_ns, elapsed_ns;
} probe;

static void probe_unref(probe *gone)
{
    if (__atomic_sub_fetch(&gone->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    pthread_cond_destroy(&gone->changed);
    pthread_mutex_destroy(&gone->lock);
    hl__binding_unref(gone->binding);
    free(gone);
}

static void *run_probe(void *argument)
{
    probe *mine = argument;
    char reason[REASON_LEN] = "";
    int returned = (int)mine->binding->health(mine->binding->self, reason, sizeof(reason));

    __atomic_store_n(&mine->binding->probing, false, __ATOMIC_RELEASE);
    pthread_mutex_lock(&mine->lock);
    memcpy(mine->reason, reason, sizeof(reason));
    mine->reason[sizeof(reason) - 1] = '\0';
    mine->returned = returned;
    mine->elapsed_ns = hl__now_ns() - mine->started_ns;
    mine->done = true;
    pthread_cond_signal(&mine->changed);
    pthread_mutex_unlock(&mine->lock);
    probe_unref(mine);
    return NULL;
}

static void init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

/* NULL when no thread could be had; the report then says so. */
static probe *probe_start(hl__binding *binding)
{
    probe *made = calloc(1, sizeof(*made));
    pthread_attr_t detached;
    pthread_t thread;
    int failed;

    if (!made)
        return NULL;
    made->refs = 2;
    made->binding = hl__binding_ref(binding);
    pthread_mutex_init(&made->lock, NULL);
    init_condition(&made->changed);
    made->started_ns = hl__now_ns();
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    failed = hl__thread_start(&thread, &detached, run_probe, made);
    pthread_attr_destroy(&detached);
    if (!failed)
        return made;
    __atomic_store_n(&binding->probing, false, __ATOMIC_RELEASE);
    probe_unref(made);
    probe_unref(made);
    return NULL;
}

/* ---- a report's rows ---- */

typedef struct row {
    hl_plugin_health health;
    hl_plugin_info info;  /* owns the strings */
    hl__binding *binding; /* counted; NULL: no code */
    probe *probe;
    char reason[REASON_LEN];
} row;

typedef struct report {
    char *event;
    bool opened, available;
    hl_engine engine;
    row *rows;
    size_t len;
} report;

static void free_report(report *gone)
{
    for (size_t i = 0; i < gone->len; i++) {
        hl_plugin_info_cleanup(&gone->rows[i].info);
        hl__binding_unref(gone->rows[i].binding);
    }
    free(gone->rows);
    free(gone->event);
}

static bool in_chain(const struct hl__event *event, const char *name)
{
    for (size_t i = 0; event && i < event->plan->len; i++) {
        if (strcmp(event->plan->rows[i].record->name, name) == 0)
            return event->plan->available;
    }
    return false;
}

static hl_status fill_row(hl_runtime *runtime, const struct hl__event *event, const hl__record *record, row *out)
{
    hl__binding *binding = hl__bound_find(runtime, record->name);
    hl_status status = hl__info_copy(runtime, record, &out->info);

    if (status != HL_OK)
        return status;
    out->binding = binding && binding->call ? hl__binding_ref(binding) : NULL;
    out->health = (hl_plugin_health){.size = sizeof(out->health),
                                     .name = out->info.name,
                                     .event = out->info.event,
                                     .status = record->status,
                                     .in_chain = in_chain(event, record->name),
                                     .loaded = out->info.loaded,
                                     .reason = out->info.reason,
                                     .expected = record->status != HL_STOPPED && record->status != HL_REGISTERED};
    return HL_OK;
}

static int compare_rows(const void *a, const void *b)
{
    const hl_plugin_health *left = &((const row *)a)->health, *right = &((const row *)b)->health;

    if (left->in_chain != right->in_chain)
        return left->in_chain ? -1 : 1;
    return strcmp(left->name, right->name);
}

/* Chain order for those in the chain, which are first after sorting by name. */
static void order_rows(const struct hl__event *event, report *out)
{
    qsort(out->rows, out->len, sizeof(*out->rows), compare_rows);
    for (size_t i = 0; event && event->plan->available && i < event->plan->len; i++) {
        for (size_t at = i; at < out->len; at++) {
            if (strcmp(out->rows[at].health.name, event->plan->rows[i].record->name) == 0) {
                row moved = out->rows[at];

                memmove(&out->rows[i + 1], &out->rows[i], (at - i) * sizeof(row));
                out->rows[i] = moved;
                break;
            }
        }
    }
}

/* Rows for one event, or for one plugin when `only` names it; lock held. */
static hl_status fill_report(hl_runtime *runtime, const char *name, const char *only, report *out)
{
    const struct hl__event *event = hl__event_find(runtime, name);
    size_t len;
    const hl__record *const *records = hl__registry_event(runtime->registry, name, &len);
    hl_status status = HL_OK;

    out->event = strdup(name);
    out->rows = calloc(len ? len : 1, sizeof(*out->rows));
    if (!out->event || !out->rows)
        return hl__fail_memory("health");
    out->opened = event != NULL;
    out->available = event && event->plan->available;
    out->engine = event ? event->engine : HL_ENGINE_REFERENCE;
    for (size_t i = 0; status == HL_OK && i < len; i++) {
        if (!only || strcmp(records[i]->name, only) == 0)
            status = fill_row(runtime, event, records[i], &out->rows[out->len++]);
    }
    if (!only)
        order_rows(event, out);
    return status;
}

/* ---- probing a report ---- */

static void begin_row(row *of)
{
    if (!of->binding) {
        of->health.probe = HL_PROBE_NO_CODE;
    } else if (!of->binding->health) {
        of->health.probe = HL_PROBE_NONE;
    } else if (__atomic_exchange_n(&of->binding->probing, true, __ATOMIC_ACQ_REL)) {
        of->health.probe = HL_PROBE_HANGING;
        of->health.reason = "an earlier health probe has not come back yet";
    } else {
        of->probe = probe_start(of->binding);
        if (!of->probe) {
            of->health.probe = HL_PROBE_FAILED;
            of->health.reason = "no thread could be started for its health function";
        }
    }
}

static hl_probe_result result_of(int returned)
{
    switch (returned) {
    case HL_HEALTH_OK:
        return HL_PROBE_OK;
    case HL_HEALTH_DEGRADED:
        return HL_PROBE_DEGRADED;
    case HL_HEALTH_FAILED:
        return HL_PROBE_FAILED;
    default:
        return HL_PROBE_BAD_RETURN;
    }
}

static void end_row(row *of, const struct timespec *until)
{
    probe *waited = of->probe;
    int late = 0;

    if (!waited)
        return;
    pthread_mutex_lock(&waited->lock);
    while (!waited->done && late == 0)
        late = pthread_cond_timedwait(&waited->changed, &waited->lock, until);
    of->health.probe = waited->done ? result_of(waited->returned) : HL_PROBE_TIMEOUT;
    of->health.probe_ns = waited->done ? waited->elapsed_ns : hl__now_ns() - waited->started_ns;
    if (waited->done)
        memcpy(of->reason, waited->reason, sizeof(of->reason));
    else
        snprintf(of->reason, sizeof(of->reason), "its health function did not answer in time");
    pthread_mutex_unlock(&waited->lock);
    if (of->reason[0])
        of->health.reason = of->reason;
    probe_unref(waited);
    of->probe = NULL;
}

static struct timespec deadline(uint32_t timeout_ms)
{
    uint64_t at = hl__now_ns() + (uint64_t)(timeout_ms ? timeout_ms : TIMEOUT_DEFAULT_MS) * 1000000;

    return (struct timespec){.tv_sec = (time_t)(at / 1000000000), .tv_nsec = (long)(at % 1000000000)};
}

static void judge(row *of)
{
    hl_plugin_health *health = &of->health;

    health->healthy =
        health->in_chain && health->loaded && (health->probe == HL_PROBE_OK || health->probe == HL_PROBE_NONE);
}

static void probe_report(report *of, uint32_t timeout_ms)
{
    for (size_t first = 0; first < of->len; first += AT_ONCE) {
        size_t end = first + AT_ONCE < of->len ? first + AT_ONCE : of->len;
        struct timespec until = deadline(timeout_ms);

        for (size_t i = first; i < end; i++)
            begin_row(&of->rows[i]);
        for (size_t i = first; i < end; i++)
            end_row(&of->rows[i], &until);
    }
    for (size_t i = 0; i < of->len; i++)
        judge(&of->rows[i]);
}

/* ---- asking ---- */

static hl_status check_ask(hl_runtime *runtime, const void *callback)
{
    if (!callback)
        return hl__fail(HL_ERR_INVALID, "health", "callback", "The callback is NULL.");
    return hl__check_may_wait(runtime, "health");
}

hl_status hl_health_plugin(hl_runtime *runtime, const char *name, uint32_t timeout_ms,
                           bool (*callback)(const hl_plugin_health *, void *user), void *user)
{
    hl_status status = check_ask(runtime, (const void *)(uintptr_t)callback);
    const hl__record *record;
    report found = {0};

    if (status == HL_OK)
        status = hl__check_name("health", "name", name);
    if (status == HL_OK)
        status = hl__lock(runtime, "health");
    if (status != HL_OK)
        return status;
    record = hl__registry_find(runtime->registry, name);
    status = record ? fill_report(runtime, record->event, name, &found)
                    : hl__fail(HL_ERR_NOT_FOUND, "health", "name", "There is no plugin \"%s\".", name);
    hl__unlock(runtime);
    if (status == HL_OK) {
        probe_report(&found, timeout_ms);
        callback(&found.rows[0].health, user);
    }
    free_report(&found);
    return status;
}

static bool is_healthy(const report *of)
{
    if (!of->available || of->len == 0)
        return false;
    for (size_t i = 0; i < of->len; i++) {
        if (of->rows[i].health.expected && !of->rows[i].health.healthy)
            return false;
    }
    return true;
}

static hl_status give_report(const report *of, bool (*callback)(const hl_event_health *, void *user), void *user,
                             bool *more)
{
    hl_plugin_health *plugins = calloc(of->len ? of->len : 1, sizeof(*plugins));
    hl_event_health health = {.size = sizeof(health),
                              .name = of->event,
                              .opened = of->opened,
                              .engine = of->engine,
                              .available = of->available,
                              .plugins_len = of->len,
                              .plugins = plugins,
                              .empty = of->len == 0,
                              .healthy = is_healthy(of)};

    if (!plugins)
        return hl__fail_memory("health");
    for (size_t i = 0; i < of->len; i++)
        plugins[i] = of->rows[i].health;
    *more = callback(&health, user);
    free(plugins);
    return HL_OK;
}

static hl_status report_event(hl_runtime *runtime, const char *event, uint32_t timeout_ms,
                              bool (*callback)(const hl_event_health *, void *user), void *user, bool *more)
{
    hl_status status = hl__lock(runtime, "health");
    report found = {0};

    if (status != HL_OK)
        return status;
    status = hl__event_known(runtime, event)
                 ? fill_report(runtime, event, NULL, &found)
                 : hl__fail(HL_ERR_NOT_FOUND, "health", "event", "There is no event \"%s\".", event);
    hl__unlock(runtime);
    if (status == HL_OK) {
        probe_report(&found, timeout_ms);
        status = give_report(&found, callback, user, more);
    }
    free_report(&found);
    return status;
}

hl_status hl_health_event(hl_runtime *runtime, const char *event, uint32_t timeout_ms,
                          bool (*callback)(const hl_event_health *, void *user), void *user)
{
    hl_status status = check_ask(runtime, (const void *)(uintptr_t)callback);
    bool more;

    if (status == HL_OK)
        status = hl__check_name("health", "event", event);
    return status == HL_OK ? report_event(runtime, event, timeout_ms, callback, user, &more) : status;
}

/* ---- every event ---- */

typedef struct names {
    char **list;
    size_t len, room;
    bool failed;
} names;

static bool add_name(const hl_event_info *info, void *user)
{
    names *to = user;

    if (!hl__grow(&to->list, to->len, &to->room, sizeof(*to->list))) {
        to->failed = true;
        return false;
    }
    to->list[to->len] = strdup(info->name);
    to->failed = to->list[to->len++] == NULL;
    return !to->failed;
}

/* An event that is gone by the time its turn comes is left out. */
hl_status hl_health(hl_runtime *runtime, uint32_t timeout_ms, bool (*callback)(const hl_event_health *, void *user),
                    void *user)
{
    hl_status status = check_ask(runtime, (const void *)(uintptr_t)callback);
    names all = {0};
    bool more = true;

    if (status == HL_OK)
        status = hl_events(runtime, add_name, &all);
    if (status == HL_OK && all.failed)
        status = hl__fail_memory("health");
    for (size_t i = 0; status == HL_OK && more && i < all.len; i++) {
        status = report_event(runtime, all.list[i], timeout_ms, callback, user, &more);
        if (status == HL_ERR_NOT_FOUND)
            status = HL_OK;
    }
    for (size_t i = 0; i < all.len; i++)
        free(all.list[i]);
    free(all.list);
    return status;
}

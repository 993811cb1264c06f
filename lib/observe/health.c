/* Health (HL-01..HL-07): each plugin's health function on a thread of its own, side by side, time-boxed; then the
 * report. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/error.h"
#include "core/grow.h"
#include "core/runtime.h"
#include "core/validate.h"
#include "observe/health_probe.h"

#include <hookline/health.h>

#define TIMEOUT_DEFAULT_MS 1000
#define AT_ONCE 256 /* probes that one report waits for at the same time */

/* ---- a report's rows ---- */

typedef struct row {
    hl_plugin_health health;
    hl_plugin_info info;  /* owns the strings */
    hl__binding *binding; /* counted; NULL: no code */
    hl__probe *probe;
    uint64_t turn_ns; /* since when it waits for another asker's probe to come back; 0: it does not */
    char reason[HL__PROBE_REASON];
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

/* ---- probing ---- */

static void start_probe(row *of)
{
    of->probe = hl__probe_start(of->binding);
    if (of->probe)
        return;
    of->health.probe = HL_PROBE_FAILED;
    of->health.reason = "no thread could be started for its health function";
}

static void tell_hanging(row *of)
{
    of->health.probe = HL_PROBE_HANGING;
    of->health.reason = "an earlier health probe has not come back yet";
}

static bool is_free(hl__binding *binding)
{
    return !__atomic_exchange_n(&binding->probing, true, __ATOMIC_ACQ_REL);
}

static bool is_hanging(hl__binding *binding)
{
    return __atomic_load_n(&binding->hanging, __ATOMIC_ACQUIRE);
}

static void begin_row(row *of)
{
    if (!of->binding) {
        of->health.probe = HL_PROBE_NO_CODE;
    } else if (!of->binding->health) {
        of->health.probe = HL_PROBE_NONE;
    } else if (is_free(of->binding)) {
        start_probe(of);
    } else if (is_hanging(of->binding)) {
        tell_hanging(of);
    } else {
        of->turn_ns = hl__now_ns();
    }
}

/* Two may ask at the same time: the second one's probe begins when the first one's has come back. Returns what is left
 * of the time. */
static uint32_t take_turn(row *of, uint32_t timeout_ms)
{
    static const struct timespec pause = {0, 1000000};
    uint64_t until_ns = of->turn_ns + (uint64_t)timeout_ms * 1000000;

    while (!is_free(of->binding)) {
        if (is_hanging(of->binding) || hl__now_ns() >= until_ns) {
            tell_hanging(of);
            return 0;
        }
        nanosleep(&pause, NULL);
    }
    start_probe(of);
    return hl__now_ns() < until_ns ? (uint32_t)((until_ns - hl__now_ns()) / 1000000) : 0;
}

static void end_row(row *of, uint32_t timeout_ms)
{
    hl_plugin_health *health = &of->health;

    if (of->turn_ns)
        timeout_ms = take_turn(of, timeout_ms);
    if (of->probe) {
        health->probe = hl__probe_end(of->probe, timeout_ms, of->reason, &health->probe_ns);
        of->probe = NULL;
    }
    if (of->reason[0])
        health->reason = of->reason;
    health->healthy =
        health->in_chain && health->loaded && (health->probe == HL_PROBE_OK || health->probe == HL_PROBE_NONE);
}

/* The rows of all reports side by side: what one event's plugins take is not waited for again with the next event. */
static hl_status probe_reports(report *reports, size_t reports_len, uint32_t timeout_ms)
{
    uint32_t ms = timeout_ms ? timeout_ms : TIMEOUT_DEFAULT_MS;
    size_t len = 0, begun = 0;
    row **rows;

    for (size_t i = 0; i < reports_len; i++)
        len += reports[i].len;
    rows = malloc((len ? len : 1) * sizeof(row *));
    if (!rows)
        return hl__fail_memory("health");
    len = 0;
    for (size_t i = 0; i < reports_len; i++) {
        for (size_t k = 0; k < reports[i].len; k++)
            rows[len++] = &reports[i].rows[k];
    }
    for (size_t ended = 0; ended < len; ended++) {
        while (begun < len && begun < ended + AT_ONCE)
            begin_row(rows[begun++]);
        end_row(rows[ended], ms);
    }
    free(rows);
    return HL_OK;
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
    if (status == HL_OK)
        status = probe_reports(&found, 1, timeout_ms);
    if (status == HL_OK)
        callback(&found.rows[0].health, user);
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

static hl_status read_event(hl_runtime *runtime, const char *event, report *out)
{
    hl_status status = hl__lock(runtime, "health");

    if (status != HL_OK)
        return status;
    status = hl__event_known(runtime, event)
                 ? fill_report(runtime, event, NULL, out)
                 : hl__fail(HL_ERR_NOT_FOUND, "health", "event", "There is no event \"%s\".", event);
    hl__unlock(runtime);
    return status;
}

hl_status hl_health_event(hl_runtime *runtime, const char *event, uint32_t timeout_ms,
                          bool (*callback)(const hl_event_health *, void *user), void *user)
{
    hl_status status = check_ask(runtime, (const void *)(uintptr_t)callback);
    report found = {0};
    bool more;

    if (status == HL_OK)
        status = hl__check_name("health", "event", event);
    if (status == HL_OK)
        status = read_event(runtime, event, &found);
    if (status == HL_OK)
        status = probe_reports(&found, 1, timeout_ms);
    if (status == HL_OK)
        status = give_report(&found, callback, user, &more);
    free_report(&found);
    return status;
}

/* ---- every event ---- */

typedef struct all_reports {
    hl_runtime *runtime;
    report *list;
    size_t len, room;
    hl_status status;
} all_reports;

/* An event that is gone by the time its turn comes is left out. */
static bool add_event(const hl_event_info *info, void *user)
{
    all_reports *to = user;
    report read = {0};

    to->status = read_event(to->runtime, info->name, &read);
    if (to->status == HL_OK && !hl__grow(&to->list, to->len, &to->room, sizeof(*to->list)))
        to->status = hl__fail_memory("health");
    if (to->status == HL_OK) {
        to->list[to->len++] = read;
        return true;
    }
    free_report(&read);
    if (to->status == HL_ERR_NOT_FOUND)
        to->status = HL_OK;
    return to->status == HL_OK;
}

hl_status hl_health(hl_runtime *runtime, uint32_t timeout_ms, bool (*callback)(const hl_event_health *, void *user),
                    void *user)
{
    hl_status status = check_ask(runtime, (const void *)(uintptr_t)callback);
    all_reports all = {.runtime = runtime};
    bool more = true;

    if (status == HL_OK)
        status = hl_events(runtime, add_event, &all);
    if (status == HL_OK)
        status = all.status;
    if (status == HL_OK)
        status = probe_reports(all.list, all.len, timeout_ms);
    for (size_t i = 0; status == HL_OK && more && i < all.len; i++)
        status = give_report(&all.list[i], callback, user, &more);
    for (size_t i = 0; i < all.len; i++)
        free_report(&all.list[i]);
    free(all.list);
    return status;
}

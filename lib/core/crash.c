/* Taking over what dead processes left, and drawing the conclusions: see crash.h.
 *
 * A crash is counted for one hold only. So an operator who starts a held plugin again gives it as many crashes as
 * before. */
#include "core/crash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/document.h"
#include "core/error.h"
#include "core/grow.h"
#include "core/runtime.h"
#include "core/verbs.h"

#define ACTION "crashes"
#define NS_PER_S INT64_C(1000000000)

static void log_failure(hl_runtime *runtime)
{
    hl__log(runtime, HL_LOG_WARNING, "event", "%s", hl_last_error()->message);
}

/* ---- files become documents ---- */

typedef struct found_row {
    char *key;
    char *text;
} found_row;

typedef struct found_files {
    hl_runtime *runtime;
    char **names;
    size_t names_len, names_room;
    found_row *rows;
    size_t rows_len, rows_room;
} found_files;

/* Keys in the order of time. */
static char *key_of(const hl__fault_row *row, size_t at)
{
    char *key;

    return asprintf(&key, HL__CRASH_PREFIX "%020lld-%d-%zu", (long long)row->at_ns, row->pid, at) < 0 ? NULL : key;
}

static bool add_row(found_files *to, const hl__fault_row *row, size_t at)
{
    found_row found = {key_of(row, at), hl__crash_write(row)};

    if (found.key && found.text && hl__grow(&to->rows, to->rows_len, &to->rows_room, sizeof(*to->rows))) {
        to->rows[to->rows_len++] = found;
        return true;
    }
    free(found.key);
    free(found.text);
    return false;
}

static bool add_name(found_files *to, const char *name)
{
    char *copy = strdup(name);

    if (copy && hl__grow(&to->names, to->names_len, &to->names_room, sizeof(*to->names))) {
        to->names[to->names_len++] = copy;
        return true;
    }
    free(copy);
    return false;
}

/* The file stays until its crashes are in the store. */
static bool take_file(void *user, const char *name, const hl__fault_file *file)
{
    found_files *to = user;

    if (!add_name(to, name))
        return false;
    for (size_t i = 0; i < HL__FAULT_ROWS; i++) {
        if (file->rows[i].state == HL__FAULT_WHOLE && !add_row(to, &file->rows[i], i))
            hl__log(to->runtime, HL_LOG_WARNING, "event", "A fault record in %s could not be read.", name);
    }
    return false;
}

static bool is_taken(void *user, const char *name, const hl__fault_file *file)
{
    const found_files *from = user;

    (void)file;
    for (size_t i = 0; i < from->names_len; i++) {
        if (strcmp(from->names[i], name) == 0)
            return true;
    }
    return false;
}

static void free_found(found_files *found)
{
    for (size_t i = 0; i < found->names_len; i++)
        free(found->names[i]);
    for (size_t i = 0; i < found->rows_len; i++) {
        free(found->rows[i].key);
        free(found->rows[i].text);
    }
    free(found->names);
    free(found->rows);
}

typedef struct pruning {
    hl__documents *documents;
    size_t too_many;
} pruning;

static hl_status count_document(void *count, const char *key, const char *text)
{
    (void)key;
    (void)text;
    ++*(size_t *)count;
    return HL_OK;
}

static hl_status prune_document(void *user, const char *key, const char *text)
{
    pruning *left = user;

    (void)text;
    if (!left->too_many)
        return HL_OK;
    left->too_many--;
    return hl__documents_put(left->documents, key, NULL);
}

static hl_status prune(hl__documents *documents, size_t added)
{
    pruning left = {documents, 0};
    size_t len = 0;
    hl_status status = hl__documents_walk(documents, HL__CRASH_PREFIX, count_document, &len);

    if (status != HL_OK || len + added <= HL__CRASHES_KEPT)
        return status;
    left.too_many = len + added - HL__CRASHES_KEPT;
    return hl__documents_walk(documents, HL__CRASH_PREFIX, prune_document, &left);
}

/* What another process has taken over meanwhile may be counted already. */
static hl_status put_rows(void *user, hl__documents *documents)
{
    const found_files *from = user;
    hl_status status = prune(documents, from->rows_len);

    for (size_t i = 0; status == HL_OK && i < from->rows_len; i++) {
        char *known;

        status = hl__documents_get(documents, from->rows[i].key, &known);
        if (status == HL_ERR_NOT_FOUND)
            status = hl__documents_put(documents, from->rows[i].key, from->rows[i].text);
        else if (status == HL_OK)
            free(known);
    }
    return status;
}

static void log_rows(hl_runtime *runtime, const found_files *found)
{
    for (size_t i = 0; i < found->rows_len; i++) {
        hl__crash crash;
        void *document;

        if (!hl__crash_read(found->rows[i].text, &crash, &document))
            continue;
        hl__log(runtime, HL_LOG_ERROR, "event", "process %d crashed: %s", crash.info.pid, crash.text);
        hl__crash_free(document);
    }
}

static void take_files(hl_runtime *runtime, const char *directory)
{
    found_files found = {.runtime = runtime};

    hl__fault_files_walk(directory, take_file, &found);
    if (found.rows_len == 0 || hl__commit_documents(runtime, ACTION, NULL, 0, put_rows, &found, 0, NULL) == HL_OK) {
        log_rows(runtime, &found);
        hl__fault_files_walk(directory, is_taken, &found);
    } else {
        log_failure(runtime);
    }
    free_found(&found);
}

/* ---- reading the documents ---- */

typedef struct crash_row {
    char *key;
    char *text;
    void *document;
    hl__crash crash;
} crash_row;

typedef struct crash_rows {
    crash_row *rows; /* oldest first */
    size_t len, room;
} crash_rows;

static hl_status add_crash(void *user, const char *key, const char *text)
{
    crash_rows *to = user;
    crash_row row = {NULL, NULL, NULL, {{0}, {NULL}, 0, 0, false, ""}};

    if (!hl__crash_read(text, &row.crash, &row.document))
        return HL_OK;
    row.key = strdup(key);
    row.text = strdup(text);
    if (row.key && row.text && hl__grow(&to->rows, to->len, &to->room, sizeof(*to->rows))) {
        to->rows[to->len++] = row;
        return HL_OK;
    }
    free(row.key);
    free(row.text);
    hl__crash_free(row.document);
    return hl__fail_memory(ACTION);
}

static void free_crashes(crash_rows *list)
{
    for (size_t i = 0; i < list->len; i++) {
        free(list->rows[i].key);
        free(list->rows[i].text);
        hl__crash_free(list->rows[i].document);
    }
    free(list->rows);
}

/* ---- holding ---- */

static bool counts_with(const hl__crash *newest, const hl__crash *other)
{
    return !other->counted && strcmp(other->info.plugin, newest->info.plugin) == 0 &&
           strcmp(other->info.version, newest->info.version) == 0 &&
           newest->at_ns - other->at_ns < HL__CRASHES_PERIOD_S * NS_PER_S;
}

static size_t count_up_to(const crash_rows *list, size_t newest)
{
    size_t count = 0;

    for (size_t i = 0; i <= newest; i++)
        count += counts_with(&list->rows[newest].crash, &list->rows[i].crash);
    return count;
}

typedef struct counting {
    const crash_rows *list;
    size_t newest;
} counting;

static hl_status put_counted(void *user, hl__documents *documents)
{
    const counting *of = user;
    hl_status status = HL_OK;

    for (size_t i = 0; status == HL_OK && i <= of->newest; i++) {
        char *counted;

        if (!counts_with(&of->list->rows[of->newest].crash, &of->list->rows[i].crash))
            continue;
        counted = hl__crash_counted(of->list->rows[i].text);
        status = counted ? hl__documents_put(documents, of->list->rows[i].key, counted) : hl__fail_memory(ACTION);
        free(counted);
    }
    return status;
}

static void mark_counted(crash_rows *list, size_t newest)
{
    hl__crash of = list->rows[newest].crash;

    for (size_t i = 0; i <= newest; i++)
        list->rows[i].crash.counted |= counts_with(&of, &list->rows[i].crash);
}

/* A newer version has not crashed yet; what an operator has stopped needs no hold. */
static bool is_running_version(hl_runtime *runtime, const hl_crash_info *crash)
{
    const hl__record *record;
    bool running = false;

    if (hl__lock(runtime, ACTION) != HL_OK)
        return false;
    record = hl__registry_find(runtime->registry, crash->plugin);
    running = record && hl__status_active(record->status) && strcmp(record->version, crash->version) == 0;
    hl__unlock(runtime);
    return running;
}

/* One commit: a crash that is counted and did not hold, or the other way round, would be lost or count twice. */
static void hold(hl_runtime *runtime, crash_rows *list, size_t newest, size_t count)
{
    const hl__crash *crash = &list->rows[newest].crash;
    counting counted = {list, newest};
    char *reason;

    if (asprintf(&reason, "held after %zu crashes within %d minutes (the last: %s): hookline restart %s", count,
                 HL__CRASHES_PERIOD_S / 60, crash->text, crash->info.plugin) < 0)
        return;
    if (hl__hold(runtime, crash->info.plugin, reason, put_counted, &counted) == HL_OK)
        hl__log(runtime, HL_LOG_ERROR, "event", "plugin \"%s\" is %s", crash->info.plugin, reason);
    else
        log_failure(runtime);
    mark_counted(list, newest);
    free(reason);
}

static void hold_all(hl_runtime *runtime, crash_rows *list)
{
    for (size_t i = 0; i < list->len; i++) {
        const hl__crash *crash = &list->rows[i].crash;
        size_t count = crash->info.plugin[0] && !crash->counted ? count_up_to(list, i) : 0;

        if (count >= HL__CRASHES_HOLD && is_running_version(runtime, &crash->info))
            hold(runtime, list, i, count);
    }
}

/* ---- watching where no plugin was named ---- */

struct hl__crash_watches {
    char **events;
    size_t len, room;
};

/* The newest crash of the event decides. */
static bool is_newest_of_event(const crash_rows *list, size_t at)
{
    for (size_t i = at + 1; i < list->len; i++) {
        if (strcmp(list->rows[i].crash.info.event, list->rows[at].crash.info.event) == 0)
            return false;
    }
    return true;
}

static bool wants_watch(const crash_rows *list, size_t at, int64_t now)
{
    const hl_crash_info *crash = &list->rows[at].crash.info;

    return crash->event[0] && !crash->plugin[0] && now - crash->at < HL__CRASH_WATCH_S && is_newest_of_event(list, at);
}

static void watch_all(hl_runtime *runtime, const crash_rows *list)
{
    struct hl__crash_watches *watches = calloc(1, sizeof(*watches));
    int64_t now = (int64_t)time(NULL);

    for (size_t i = 0; watches && i < list->len; i++) {
        if (!wants_watch(list, i, now) ||
            !hl__grow(&watches->events, watches->len, &watches->room, sizeof(*watches->events)))
            continue;
        watches->events[watches->len] = strdup(list->rows[i].crash.info.event);
        watches->len += watches->events[watches->len] != NULL;
    }
    runtime->crash_watches = watches;
}

bool hl__crash_watches(const hl_runtime *runtime, const char *event)
{
    const struct hl__crash_watches *watches = runtime->crash_watches;

    for (size_t i = 0; watches && i < watches->len; i++) {
        if (strcmp(watches->events[i], event) == 0)
            return true;
    }
    return false;
}

void hl__crash_watches_free(hl_runtime *runtime)
{
    struct hl__crash_watches *watches = runtime->crash_watches;

    for (size_t i = 0; watches && i < watches->len; i++)
        free(watches->events[i]);
    if (watches)
        free(watches->events);
    free(watches);
    runtime->crash_watches = NULL;
}

/* ---- the whole ---- */

void hl__crash_collect(hl_runtime *runtime)
{
    const char *directory = runtime->parts.store->ops->directory(runtime->parts.store);
    crash_rows list = {0};

    if (!directory || (runtime->options.flags & (HL_OPEN_RECORDS_ONLY | HL_OPEN_READ_ONLY)))
        return;
    take_files(runtime, directory);
    if (hl__document_walk(runtime, HL__CRASH_PREFIX, add_crash, &list) == HL_OK) {
        hold_all(runtime, &list);
        watch_all(runtime, &list);
    } else {
        log_failure(runtime);
    }
    free_crashes(&list);
}

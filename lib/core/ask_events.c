/* Answers about events: copies made under the lock, handed out without it. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/grow.h"
#include "core/runtime.h"

typedef struct event_row {
    char *name;
    hl__event_def *def;
    hl_event_info info;
} event_row;

typedef struct event_rows {
    hl_runtime *runtime;
    event_row *rows;
    size_t len, room;
    bool failed;
} event_rows;

static void fill_event(hl_runtime *runtime, event_row *row)
{
    const struct hl__event *event = hl__event_find(runtime, row->name);
    const hl__event_def *def = event && event->def ? event->def : hl__registry_def(runtime->registry, row->name);
    size_t len;
    const hl__record *const *records = hl__registry_event(runtime->registry, row->name, &len);

    row->def = def ? hl__event_def_ref(def) : NULL;
    row->info = (hl_event_info){.size = sizeof(row->info), .name = row->name, .plugins_len = len};
    for (size_t i = 0; i < len; i++)
        row->info.active_len += hl__status_active(records[i]->status);
    if (def) {
        row->info.contract = row->def->contract;
        row->info.contract_hash = def->contract_hash;
        row->info.flags = def->flags;
    }
    if (event) {
        row->info.opened = true;
        row->info.engine = event->engine;
        row->info.generation = event->generation;
        row->info.flags = event->flags;
    }
}

static void add_event(void *user, const char *name)
{
    event_rows *to = user;

    if (!hl__grow(&to->rows, to->len, &to->room, sizeof(*to->rows))) {
        to->failed = true;
        return;
    }
    to->rows[to->len].name = strdup(name);
    if (!to->rows[to->len].name)
        to->failed = true;
    else
        fill_event(to->runtime, &to->rows[to->len++]);
}

static int compare_events(const void *a, const void *b)
{
    return strcmp(((const event_row *)a)->name, ((const event_row *)b)->name);
}

/* Handles on events that neither have records nor a definition count too. */
static void add_opened(hl_runtime *runtime, event_rows *to)
{
    struct hl__event *event, *next;
    size_t len;

    HASH_ITER (hh, runtime->events, event, next) {
        hl__registry_event(runtime->registry, event->name, &len);
        if (len == 0 && !hl__registry_def(runtime->registry, event->name))
            add_event(to, event->name);
    }
}

static void free_events(event_rows *list)
{
    for (size_t i = 0; i < list->len; i++) {
        free(list->rows[i].name);
        hl__event_def_unref(list->rows[i].def);
    }
    free(list->rows);
}

hl_status hl_events(hl_runtime *runtime, bool (*callback)(const hl_event_info *, void *user), void *user)
{
    event_rows found = {.runtime = runtime};
    hl_status status;

    if (!callback)
        return hl__fail(HL_ERR_INVALID, "events", "callback", "The callback is NULL.");
    status = hl__lock_fresh(runtime, "events");
    if (status != HL_OK)
        return status;
    hl__registry_events(runtime->registry, add_event, &found);
    add_opened(runtime, &found);
    hl__unlock(runtime);
    if (found.failed)
        status = hl__fail_memory("events");
    else if (found.len)
        qsort(found.rows, found.len, sizeof(*found.rows), compare_events);
    for (size_t i = 0; status == HL_OK && i < found.len; i++) {
        found.rows[i].info.name = found.rows[i].name;
        if (!callback(&found.rows[i].info, user))
            break;
    }
    free_events(&found);
    return status;
}

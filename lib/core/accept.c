/* Making a committed draft the truth of this process: registry, code, chains and notices follow it. Used for our own
 * commits and for those of other processes alike. */
#include <string.h>

#include "core/error.h"
#include "core/isolate.h"
#include "core/runtime.h"
#include "core/watch.h"

/* ---- touched events ---- */

void hl__touch(hl_runtime *runtime, const char *name)
{
    struct hl__event *event = hl__event_find(runtime, name);

    if (!event || event->touched)
        return;
    event->touched = true;
    event->touched_next = runtime->touched;
    runtime->touched = event;
}

/* A change becomes visible with the code that it needs: until hl__load_missing has loaded it or started its workers,
 * and touched the event again, the old chain goes on. Published at once, the event could not run meanwhile. */
static bool waits_for_code(hl_runtime *runtime, struct hl__event *event, uint64_t *asked_ns, bool *remote)
{
    if (runtime->parts.loader && !(runtime->options.flags & HL_OPEN_RECORDS_ONLY) && event->plan &&
        hl__awaits_code(runtime, event)) {
        if (*asked_ns) {
            event->awaited_ns = *asked_ns;
            event->awaited_remote = *remote;
        }
        return true;
    }
    if (event->awaited_ns) {
        *asked_ns = event->awaited_ns;
        *remote = event->awaited_remote;
    }
    event->awaited_ns = 0;
    return false;
}

static void replan(hl_runtime *runtime, struct hl__event *event, uint64_t asked_ns, bool remote)
{
    if (waits_for_code(runtime, event, &asked_ns, &remote))
        return;
    if (hl__replan(runtime, event, asked_ns, remote) != HL_OK)
        hl__log(runtime, HL_LOG_ERROR, "event", "event \"%s\": %s", event->name, hl_last_error()->message);
}

/* A plan that cannot be built for lack of memory leaves the old chain; the next change builds it again. */
void hl__replan_touched(hl_runtime *runtime, uint64_t asked_ns, bool remote)
{
    for (struct hl__event *event = runtime->touched; event; event = event->touched_next)
        replan(runtime, event, asked_ns, remote);
}

void hl__touched_clear(hl_runtime *runtime)
{
    while (runtime->touched) {
        runtime->touched->touched = false;
        runtime->touched = runtime->touched->touched_next;
    }
}

/* ---- notices of one row ---- */

static void notify_row(hl_runtime *runtime, const hl__draft_row *row, hl_notice_kind kind, hl_plugin_status before,
                       bool remote)
{
    const hl__record *record = row->after ? row->after : row->before;
    hl_notice notice = {.kind = kind, .event = record->event, .before = before, .remote = remote};

    hl__notify(runtime, &notice, record);
}

static void notify_status(hl_runtime *runtime, const hl__draft_row *row, hl_plugin_status before, bool remote)
{
    hl__binding *binding = hl__bound_find(runtime, row->name);

    notify_row(runtime, row, HL_NOTICE_STATUS, before, remote);
    if (binding && binding->on_status)
        hl__notify_status(runtime, binding, before, row->after->status);
}

/* A new plugin that is started at once was registered first, for those who follow statuses. */
static void notify(hl_runtime *runtime, const hl__draft_row *row, bool remote)
{
    if (!row->after) {
        if (row->before)
            notify_row(runtime, row, HL_NOTICE_UNREGISTERED, row->before->status, remote);
        return;
    }
    if (!row->before || row->registered)
        notify_row(runtime, row, HL_NOTICE_REGISTERED, (hl_plugin_status)0, remote);
    if (row->before && strcmp(row->before->isolation, row->after->isolation) != 0)
        notify_row(runtime, row, HL_NOTICE_ISOLATED, (hl_plugin_status)0, remote);
    if (row->before && row->before->status != row->after->status)
        notify_status(runtime, row, row->before->status, remote);
    else if (!row->before && row->after->status != HL_REGISTERED)
        notify_status(runtime, row, HL_REGISTERED, remote);
}

/* ---- one row ---- */

static void accept_row(hl_runtime *runtime, const hl__draft_row *row)
{
    if (!hl__registry_set(runtime->registry, row->name, row->after))
        runtime->stale = true;
    if (row->before)
        hl__touch(runtime, row->before->event);
    if (row->after) {
        hl__rebind(runtime, row->after);
        hl__touch(runtime, row->after->event);
    }
}

/* ---- beginning anew ---- */

/* Whoever has a running plugin's record written anew wants it to be tried again: restart, enable, register and
 * hl_isolate do. The watchdog's verdict is taken back, and workers that had failed are started again, also those that
 * could not be started. */
static void begin_anew(hl_runtime *runtime, const hl__record *record)
{
    const hl__binding *binding = hl__bound_find(runtime, record->name);

    if (!binding || !hl__status_active(record->status))
        return;
    hl__watch_forgive(runtime, record->name);
    hl__touch(runtime, record->event);
    if (!runtime->parts.isolator || !hl__isolation_in_worker(record->isolation))
        return;
    runtime->parts.isolator->forgive(runtime, record->name);
    if (!binding->call)
        hl__unbind(runtime, record->name);
}

void hl__accept(hl_runtime *runtime, const hl__draft *draft, uint64_t asked_ns, bool remote)
{
    for (const hl__draft_row *row = draft->rows; row; row = row->next) {
        if (hl__draft_row_changed(row))
            accept_row(runtime, row);
        if (row->after && (row->registered || hl__draft_row_changed(row)))
            begin_anew(runtime, row->after);
    }
    for (const hl__draft_row *row = draft->rows; row; row = row->next) {
        if (row->registered || hl__draft_row_changed(row))
            notify(runtime, row, remote);
        if (!row->after)
            hl__unbind(runtime, row->name);
    }
    hl__replan_touched(runtime, asked_ns, remote);
}

/* hl_inside and hl_watch: which dispatches are running now. What threads have written down is read beside them, and
 * counts only if they were in the same outermost dispatch before and after. */
#include "core/inside.h"

#include <stdlib.h>
#include <string.h>

#include "core/chains.h"
#include "core/error.h"
#include "core/grow.h"
#include "core/isolate.h"
#include "core/runtime.h"
#include "core/validate.h"
#include "core/watch.h"

/* ---- how long: seen again and again ---- */

static void sample_row(hl__thread_row *row, uint64_t now_ns)
{
    uint64_t place = __atomic_load_n(&row->public.place, __ATOMIC_ACQUIRE);

    if (!(place & 0xff) || place >> 8 == row->seen)
        return;
    row->seen = place >> 8;
    row->seen_ns = now_ns;
}

void hl__inside_sample(void)
{
    uint64_t now_ns = hl__now_ns();

    for (hl__thread_row *row = hl__thread_rows(); row; row = row->next)
        sample_row(row, now_ns);
}

/* ---- collecting; under the lock of chains.h ---- */

typedef struct rows {
    hl_runtime *runtime;
    hl_inside_info *list; /* its texts are copies */
    size_t len, room;
    uint64_t now_ns;
    bool failed;
} rows;

static const char *plugin_of(const hl__plan *plan, const hl__watched *watched)
{
    if (watched)
        return __atomic_load_n(&watched->watch, __ATOMIC_ACQUIRE)->binding->name;
    return plan->len == 1 ? plan->rows[0].record->name : "";
}

static uint64_t since_ns(const hl__thread_row *row, const rows *to, const hl__watched *watched, uint64_t level)
{
    if (watched)
        return hl__watch_passed(watched) * HL__TICK_NS;
    return level == 1 ? to->now_ns - row->seen_ns : 0;
}

static void add(rows *to, const hl__thread_row *row, const hl__plan *plan, uint64_t level)
{
    const hl__watched *watched = hl__thread_watched(row, level);
    hl_inside_info *info;

    if (!hl__grow(&to->list, to->len, &to->room, sizeof(*to->list))) {
        to->failed = true;
        return;
    }
    info = &to->list[to->len++];
    *info = (hl_inside_info){.size = sizeof(*info),
                             .tid = __atomic_load_n(&row->tid, __ATOMIC_RELAXED),
                             .event = strdup(plan->event->name),
                             .generation = plan->generation,
                             .plugin = strdup(plugin_of(plan, watched)),
                             .since_ns = since_ns(row, to, watched, level)};
    to->failed |= !info->event || !info->plugin;
}

static void drop_from(rows *to, size_t len)
{
    while (to->len > len) {
        to->len--;
        free((char *)(uintptr_t)to->list[to->len].event);
        free((char *)(uintptr_t)to->list[to->len].plugin);
    }
}

/* Deeper than the record goes, the outer dispatches are not known any more. */
static void collect_row(rows *to, const hl__thread_row *row)
{
    uint64_t place = __atomic_load_n(&row->public.place, __ATOMIC_ACQUIRE), depth = place & 0xff;
    size_t before = to->len;

    for (uint64_t level = depth > HL__DEPTH_MAX ? depth - HL__DEPTH_MAX + 1 : 1; level <= depth; level++) {
        const void *chain = __atomic_load_n(&row->public.inside[(level - 1) & (HL__DEPTH_MAX - 1)], __ATOMIC_RELAXED);
        const hl__plan *plan = hl__chains_find(chain);

        if (plan && plan->event->runtime == to->runtime)
            add(to, row, plan, level);
    }
    if (__atomic_load_n(&row->public.place, __ATOMIC_ACQUIRE) >> 8 != place >> 8)
        drop_from(to, before);
}

static void collect(rows *to)
{
    hl__chains_lock();
    hl__inside_sample();
    to->now_ns = hl__now_ns();
    for (const hl__thread_row *row = hl__thread_rows(); row && !to->failed; row = row->next)
        collect_row(to, row);
    hl__chains_unlock();
}

/* ---- calls that wait for a worker: the pools know them ---- */

static hl_inside_info *find_dispatch(const rows *in, const hl_inside_info *call)
{
    hl_inside_info *found = NULL;

    for (size_t i = 0; i < in->len; i++) {
        if (in->list[i].tid == call->tid && strcmp(in->list[i].event, call->event) == 0)
            found = &in->list[i];
    }
    return found;
}

/* The innermost dispatch of the event in this thread is the one that waits. A call that began since is left out: the
 * next question finds it. */
static bool add_worker(const hl_inside_info *call, void *user)
{
    rows *to = user;
    hl_inside_info *dispatch = find_dispatch(to, call);
    char *plugin = dispatch ? strdup(call->plugin) : NULL;

    to->failed |= dispatch && !plugin;
    if (!plugin)
        return !to->failed;
    free((char *)(uintptr_t)dispatch->plugin);
    dispatch->plugin = plugin;
    dispatch->since_ns = call->since_ns;
    dispatch->worker = call->worker;
    return true;
}

/* Under the lock, which keeps those who know from being closed. */
static hl_status add_workers(hl_runtime *runtime, rows *to)
{
    hl_status status = hl__lock(runtime, "inside");

    if (status != HL_OK)
        return status;
    if (!to->failed && runtime->parts.isolator)
        runtime->parts.isolator->inside(runtime, add_worker, to);
    hl__unlock(runtime);
    return status;
}

/* ---- for everybody ---- */

hl_status hl_inside(hl_runtime *runtime, bool (*callback)(const hl_inside_info *, void *user), void *user)
{
    rows found = {.runtime = runtime};
    hl_status status = HL_OK;

    if (!callback)
        return hl__fail(HL_ERR_INVALID, "inside", "callback", "The callback is NULL.");
    status = hl__lock(runtime, "inside");
    if (status != HL_OK)
        return status;
    hl__unlock(runtime);
    collect(&found);
    status = add_workers(runtime, &found);
    if (found.failed)
        status = hl__fail_memory("inside");
    for (size_t i = 0; status == HL_OK && i < found.len && callback(&found.list[i], user); i++)
        ;
    drop_from(&found, 0);
    free(found.list);
    return status;
}

static hl_status watch_locked(hl_runtime *runtime, const char *name, bool on)
{
    struct hl__event *event = hl__event_find(runtime, name);

    if (!event)
        return hl__fail(HL_ERR_NOT_FOUND, "watch", "event", "Event \"%s\" is not open in this process.", name);
    event->watched = on;
    return hl__replan(runtime, event, 0, false);
}

hl_status hl_watch(hl_runtime *runtime, const char *event, bool on)
{
    hl_status status = hl__check_name("watch", "event", event);

    if (status == HL_OK)
        status = hl__lock(runtime, "watch");
    if (status != HL_OK)
        return status;
    status = watch_locked(runtime, event, on);
    hl__unlock(runtime);
    return status;
}

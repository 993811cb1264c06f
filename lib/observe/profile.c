/* A chain run once with a clock round each plugin (HL-08), honouring halt and failure. */
#include <stdlib.h>
#include <string.h>

#include <hookline/health.h>

#include "core/error.h"
#include "core/runtime.h"
#include "core/thread.h"

/* Called inside the dispatch that is being profiled: what is published now is kept until it ends. */
static hl_status find_plan(hl_event *event, const hl__plan **out)
{
    struct hl__event *inner = NULL;
    hl_status status = hl__event_lock(event, "profile", &inner);

    if (status != HL_OK)
        return status;
    if (inner->plan->available)
        *out = inner->plan;
    else
        status =
            hl__fail(HL_ERR_NOT_LOADED, "profile", "event", "Event \"%s\" cannot run: plugin \"%s\" has no code (%s).",
                     inner->name, inner->plan->missing[0].record->name, inner->plan->missing[0].reason);
    hl__unlock(inner->runtime);
    return status;
}

/* A run, and what is told about it once it is over. */
typedef struct profiled {
    hl_profile_row *rows;
    const hl__record **records; /* counted: the rows' names are theirs */
    size_t len;
    hl_reply reply;
} profiled;

static bool make_room(profiled *to, size_t len)
{
    to->rows = calloc(len ? len : 1, sizeof(*to->rows));
    to->records = calloc(len ? len : 1, sizeof(*to->records));
    return to->rows && to->records;
}

static void cleanup(profiled *of)
{
    for (size_t i = 0; i < of->len; i++)
        hl__record_unref(of->records[i]);
    free(of->records);
    free(of->rows);
}

static hl_reply run_timed(const hl__plan *plan, void *state, const void *meta, profiled *to)
{
    hl_reply reply = hl_next(state);

    for (size_t i = 0; i < plan->len; i++) {
        const hl__record *record = hl__record_ref(plan->rows[i].record);
        uint64_t start = hl__now_ns();

        reply = plan->steps[i].call(plan->steps[i].self, reply.state, meta);
        to->records[i] = record;
        to->rows[i] = (hl_profile_row){sizeof(to->rows[i]), record->name, hl__now_ns() - start, reply.verdict};
        to->len = i + 1;
        if (reply.verdict != HL_NEXT)
            return hl__plan_stop(plan, i, state, reply);
    }
    return reply;
}

static uint64_t state_size(const hl__plan *plan)
{
    const hl__event_def *def = __atomic_load_n(&plan->event->def, __ATOMIC_ACQUIRE);

    return def && def->contract ? def->contract->state_size : 0;
}

static hl_status run_plan(const hl__plan *plan, void *state, const void *meta, profiled *to)
{
    uint64_t size = state ? state_size(plan) : 0;
    char *copy = size ? aligned_alloc(64, (size + 63) / 64 * 64) : NULL;

    if (!make_room(to, plan->len) || (size && !copy)) {
        free(copy);
        return hl__fail_memory("profile");
    }
    if (copy)
        memcpy(copy, state, size);
    to->reply = run_timed(plan, copy ? copy : state, meta, to);
    if (copy && to->reply.state == copy)
        to->reply.state = state;
    free(copy);
    return HL_OK;
}

/* A dispatch like any other (G4): what it runs is not released meanwhile, and its plugins may not wait for it. */
static hl_status run_inside(hl_event *event, void *state, const void *meta, profiled *to)
{
    struct hl__thread *thread = hl__thread_current();
    const hl__plan *plan = NULL;
    hl_status status;

    urcu_bp_read_lock();
    hl__thread_enter(thread, NULL);
    status = find_plan(event, &plan);
    if (status == HL_OK) {
        hl__thread_retag(plan);
        status = run_plan(plan, state, meta, to);
    }
    hl__thread_leave(thread);
    urcu_bp_read_unlock();
    return status;
}

hl_status hl_profile(hl_event *event, void *state, const void *meta,
                     bool (*callback)(const hl_profile_row *, void *user), void *user, hl_reply *reply)
{
    profiled run = {0};
    hl_status status;

    if (!callback)
        return hl__fail(HL_ERR_INVALID, "profile", "callback", "The callback is NULL.");
    status = run_inside(event, state, meta, &run);
    if (status == HL_OK && reply)
        *reply = run.reply;
    for (size_t i = 0; status == HL_OK && i < run.len && callback(&run.rows[i], user); i++)
        ;
    cleanup(&run);
    return status;
}

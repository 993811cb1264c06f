/* A chain run once with a clock round each plugin (HL-08), honouring halt and failure. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/runtime.h"

#include <hookline/health.h>

/* The plan is held by a reference, not by a read side: a profiled plugin may take its time. */
static hl_status take_plan(hl_event *event, hl__plan **out)
{
    struct hl__event *inner = NULL;
    hl_status status = hl__event_lock(event, "profile", &inner);

    if (status != HL_OK)
        return status;
    if (inner->plan->available)
        *out = hl__plan_ref(inner->plan);
    else
        status = hl__fail(HL_ERR_NOT_LOADED, "profile", "event", "Event \"%s\" cannot run: plugin \"%s\" has no code (%s).",
                          inner->name, inner->plan->missing[0].record->name, inner->plan->missing[0].reason);
    hl__unlock(inner->runtime);
    return status;
}

static void *copy_state(const hl__plan *plan, const void *state)
{
    const hl__event_def *def = plan->event->def;
    uint64_t size = def && def->contract ? def->contract->state_size : 0;
    void *copy = state && size ? aligned_alloc(64, (size + 63) / 64 * 64) : NULL;

    return copy ? memcpy(copy, state, size) : NULL;
}

static hl_reply run_timed(const hl__plan *plan, void *state, const void *meta, hl_profile_row *rows, size_t *rows_len)
{
    hl_reply reply = hl_next(state);

    for (size_t i = 0; i < plan->len; i++) {
        uint64_t start = hl__now_ns();

        reply = plan->steps[i].call(plan->steps[i].self, reply.state, meta);
        rows[i] = (hl_profile_row){sizeof(rows[i]), plan->rows[i].record->name, hl__now_ns() - start, reply.verdict};
        *rows_len = i + 1;
        if (reply.verdict != HL_NEXT)
            return hl__plan_stop(plan, i, state, reply.state, reply.verdict);
    }
    return reply;
}

hl_status hl_profile(hl_event *event, void *state, const void *meta,
                     bool (*callback)(const hl_profile_row *, void *user), void *user, hl_reply *reply)
{
    hl__plan *plan = NULL;
    hl_status status = HL_OK;
    hl_profile_row *rows;
    size_t len = 0;
    hl_reply answer;
    void *copy;

    if (!callback)
        status = hl__fail(HL_ERR_INVALID, "profile", "callback", "The callback is NULL.");
    if (status == HL_OK)
        status = take_plan(event, &plan);
    if (status != HL_OK)
        return status;
    rows = calloc(plan->len ? plan->len : 1, sizeof(*rows));
    if (!rows) {
        hl__plan_unref(plan);
        return hl__fail_memory("profile");
    }
    copy = copy_state(plan, state);
    answer = run_timed(plan, copy ? copy : state, meta, rows, &len);
    if (copy)
        answer.state = state;
    if (reply)
        *reply = answer;
    for (size_t i = 0; i < len && callback(&rows[i], user); i++)
        ;
    free(copy);
    free(rows);
    hl__plan_unref(plan);
    return HL_OK;
}

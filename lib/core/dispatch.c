/* Running chains: the reference engine, which is the specification of every other, and what surrounds a chain:
 * rollback, private data, returning the input, dispatch by name. */
#include <stdio.h>
#include <string.h>

#include "core/chains.h"
#include "core/error.h"
#include "core/isolate.h"
#include "core/runtime.h"
#include "core/thread.h"
#include "core/validate.h"

/* ---- the reference engine ---- */

static hl_reply reply_of(void *state, int64_t verdict)
{
    return (hl_reply){state, verdict};
}

/* Out of line, so that the loop stays small. */
static __attribute__((noinline)) hl_reply unavailable(const hl__plan *plan, void *state)
{
    const hl__plan_missing *first = &plan->missing[0];

    hl__fail(HL_ERR_NOT_LOADED, "call", plan->event->name, "Event \"%s\" cannot run: plugin \"%s\" has no code (%s)%s.",
             plan->event->name, first->record->name, first->reason, plan->missing_len > 1 ? ", and others" : "");
    return reply_of(state, HL_ERR_NOT_LOADED);
}

/* Calls that are laid out one after the other; a longer chain goes round them again. The pragma takes no macro. */
enum { SITES = 16 };

/* A plain loop over the steps in which each place has a call of its own: a processor expects the target of an indirect
 * call by the call's address, and with a single one for all plugins it has to guess from what ran before. That is most
 * of what such a loop costs: 8 plugins take 15 ns by calls of their own, 22 ns by one (docs/decisions/0013). */
hl_reply hl__reference_call(const hl_event *event, void *state, const void *meta)
{
    const struct hl__event *inner = __atomic_load_n(&event->inner, __ATOMIC_RELAXED);
    const hl__plan *plan = __atomic_load_n(&inner->plan, __ATOMIC_ACQUIRE);
    const hl__step *steps = plan->steps;
    hl_reply reply = reply_of(state, HL_NEXT);

    hl__thread_retag(plan);
    if (HL_UNLIKELY(!plan->available))
        return unavailable(plan, state);
    for (size_t left = plan->len;; left -= SITES, steps += SITES) {
#pragma GCC unroll SITES
        for (size_t i = 0; i < SITES; i++) {
            if (i == left)
                return reply;
            reply = steps[i].call(steps[i].self, reply.state, meta);
            if (HL_UNLIKELY(reply.verdict != HL_NEXT))
                return hl__plan_stop(plan, (uint64_t)(&steps[i] - plan->steps), state, reply);
        }
    }
}

/* What the plugin's stub has said of its worker, with a space in front; else "". */
static const char *told_by_worker(const char *plugin, int64_t verdict, char *out, size_t out_len)
{
    const hl_error *last = hl_last_error();
    bool told =
        last->status == verdict && strcmp(last->action, HL__WORKER_ACTION) == 0 && strcmp(last->field, plugin) == 0;

    snprintf(out, out_len, "%s%s", told ? " " : "", told ? last->message : "");
    return out;
}

/* A plugin that names no status of ours breaks the rules of replying (CA-13). */
static hl_status failure_of(const hl__plan *plan, uint64_t index, int64_t verdict)
{
    const char *plugin = plan->rows[index].record->name;
    const char *event = plan->event->name;
    char why[512];

    if (verdict < 0 && verdict >= INT32_MIN)
        return hl__fail((hl_status)verdict, "call", plugin,
                        "Plugin \"%s\" failed event \"%s\" with %s; the caller has its input back.%s", plugin, event,
                        hl_status_name((hl_status)verdict), told_by_worker(plugin, verdict, why, sizeof(why)));
    return hl__fail(
        HL_ERR_PLUGIN, "call", plugin,
        "Plugin \"%s\" of event \"%s\" replied with verdict %lld, which is none; reply with hl_next, hl_halt "
        "or hl_fail.",
        plugin, event, (long long)verdict);
}

hl_reply hl__plan_stop(const hl__plan *plan, uint64_t index, void *input, hl_reply reply)
{
    if (reply.verdict == HL_HALT)
        return reply;
    __atomic_add_fetch(&plan->event->failures, 1, __ATOMIC_RELAXED);
    return reply_of(input, failure_of(plan, index, reply.verdict));
}

hl_reply hl__chain_stop(void *input, void *state, int64_t verdict, uint64_t index, const void *of)
{
    const hl__chain_place *place = of;
    hl_reply reply = reply_of(state, verdict);
    const hl__plan *plan;

    if (verdict == HL_HALT)
        return reply; /* without a look at the plan, which no dispatch has read so far */
    plan = __atomic_load_n(&place->plan, __ATOMIC_RELAXED);
    return hl__plan_stop(plan, plan->len <= HL__SHORT_CHAIN ? (uint8_t)index : index, input, reply);
}

/* ---- around a chain ---- */

static uint64_t state_size(const struct hl__event *inner)
{
    const hl__event_def *def = __atomic_load_n(&inner->def, __ATOMIC_ACQUIRE);

    return def && def->contract ? def->contract->state_size : 0;
}

hl_reply hl__rollback_call(const hl_event *event, void *state, const void *meta)
{
    const struct hl__event *inner = __atomic_load_n(&event->inner, __ATOMIC_RELAXED);
    hl__chain_fn *chain = __atomic_load_n(&inner->chain, __ATOMIC_ACQUIRE);
    uint64_t size = state_size(inner);
    char saved[size ? size : 1];
    hl_reply reply;

    hl__thread_retag((const void *)(uintptr_t)chain);
    if (!state)
        return chain(event, state, meta);
    memcpy(saved, state, size);
    reply = chain(event, state, meta);
    if (reply.verdict < 0)
        memcpy(state, saved, size);
    return reply;
}

hl_reply hl__closed_call(const hl_event *event, void *state, const void *meta)
{
    (void)event;
    (void)meta;
    hl__fail(HL_ERR_CLOSED, "call", "event", "The event's runtime is closed.");
    return reply_of(state, HL_ERR_CLOSED);
}

static hl_reply call_on_copy(hl_event *event, const struct hl__event *inner, void *state, const void *meta)
{
    uint64_t size = state_size(inner);
    hl_reply reply;

    if (size == 0 || size > HL_STATE_COPY_MAX) {
        hl__fail(HL_ERR_UNSUPPORTED, "call", "flags",
                 "HL_CALL_RETURN_INPUT needs an event whose contract has a state size of at most %d bytes.",
                 HL_STATE_COPY_MAX);
        return reply_of(state, HL_ERR_UNSUPPORTED);
    }
    char copy[size] __attribute__((aligned(64)));
    if (state)
        memcpy(copy, state, size);
    reply = hl_call(event, state ? copy : NULL, meta);
    reply.state = state;
    return reply;
}

static void *failed_state(const hl_call_options *options, const hl_reply *reply)
{
    bool could_not_run = reply->verdict == HL_ERR_NOT_LOADED || reply->verdict == HL_ERR_CLOSED;
    void *instead = could_not_run ? options->cannot_run : options->on_error;

    return instead ? instead : reply->state;
}

/* Counts as being inside a plugin: a merge function that waited for dispatches to end would wait for this one. */
static void *merge_private(hl_merge_fn *merge, void *result, const void *private_data)
{
    struct hl__thread *thread = hl__thread_current();

    hl__thread_enter(thread, NULL);
    result = merge(result, private_data);
    hl__thread_leave(thread);
    return result;
}

static hl_reply call_checked(hl_event *event, void *state, const hl_call_options *options)
{
    struct hl__event *inner = __atomic_load_n(&event->inner, __ATOMIC_ACQUIRE);
    hl_merge_fn *merge;
    hl_reply reply;

    if (inner && (options->flags & HL_CALL_RETURN_INPUT))
        return call_on_copy(event, inner, state, options->meta);
    merge = inner ? __atomic_load_n(&inner->merge, __ATOMIC_ACQUIRE) : NULL;
    reply = hl_call(event, state, options->meta);
    if (reply.verdict < 0)
        reply.state = failed_state(options, &reply);
    else if (options->private_data && merge)
        reply.state = merge_private(merge, reply.state, options->private_data);
    return reply;
}

static hl_status check_options(const hl_call_options *options, hl_call_options *out)
{
    hl_status status = HL_OK;

    if (options)
        status =
            hl__copy_struct("call", "options", out, sizeof(*out), options, offsetof(hl_call_options, private_data));
    if (status == HL_OK)
        status = hl__check_flags("call", out->flags, HL_CALL_RETURN_INPUT | HL_CALL_STRICT);
    return status;
}

hl_reply hl_call_with(hl_event *event, void *state, const hl_call_options *options)
{
    hl_call_options checked = HL_CALL_OPTIONS_INIT;
    hl_status status = check_options(options, &checked);
    hl_reply reply;

    if (status == HL_OK && !event)
        status = hl__fail(HL_ERR_INVALID, "call", "event", "The event is NULL; open it with hl_event_open.");
    if (status != HL_OK)
        return reply_of(state, status);
    urcu_bp_read_lock();
    reply = call_checked(event, state, &checked);
    urcu_bp_read_unlock();
    return reply;
}

/* ---- by name ---- */

static int has_name(struct cds_lfht_node *node, const void *name)
{
    return strcmp(caa_container_of(node, struct hl__event, node)->name, name) == 0;
}

unsigned long hl__event_hash(const char *name)
{
    unsigned long hash = 5381;

    for (; *name; name++)
        hash = hash * 33 ^ (unsigned char)*name;
    return hash;
}

static hl_event *find_handle(hl_runtime *runtime, const char *name)
{
    struct cds_lfht_iter found;
    struct cds_lfht_node *node;

    if (__atomic_load_n(&runtime->closed, __ATOMIC_ACQUIRE))
        return NULL;
    cds_lfht_lookup(runtime->by_name, hl__event_hash(name), has_name, name, &found);
    node = cds_lfht_iter_get_node(&found);
    return node ? caa_container_of(node, struct hl__event, node)->handle : NULL;
}

static hl_reply answer_unknown(hl_runtime *runtime, const char *name, void *state, const hl_call_options *options)
{
    if (__atomic_load_n(&runtime->closed, __ATOMIC_ACQUIRE))
        return hl__closed_call(NULL, state, NULL);
    if (!(options->flags & HL_CALL_STRICT))
        return reply_of(state, HL_NEXT);
    hl__fail(HL_ERR_NOT_FOUND, "call", "event", "Event \"%s\" is not open in this process; open it first.", name);
    return reply_of(state, HL_ERR_NOT_FOUND);
}

hl_reply hl_call_named(hl_runtime *runtime, const char *event_name, void *state, const hl_call_options *options)
{
    hl_call_options checked = HL_CALL_OPTIONS_INIT;
    hl_status status = check_options(options, &checked);
    hl_event *event;
    hl_reply reply;

    if (status == HL_OK && (!runtime || !event_name))
        status = hl__fail(HL_ERR_INVALID, "call", runtime ? "event" : "runtime", "The %s is NULL.",
                          runtime ? "event's name" : "runtime");
    if (status != HL_OK)
        return reply_of(state, status);
    urcu_bp_read_lock();
    event = find_handle(runtime, event_name);
    reply = event ? call_checked(event, state, &checked) : answer_unknown(runtime, event_name, state, &checked);
    urcu_bp_read_unlock();
    return reply;
}

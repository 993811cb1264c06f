/* Publishing chains: one atomic pointer an event, and the retirement of what it pointed to (G2, G3, G4). */
#include <stdlib.h>

#include "core/chains.h"
#include "core/error.h"
#include "core/runtime.h"
#include "core/watch.h"

static hl__binding *binding_of(void *runtime, const char *name)
{
    return hl__bound_find(runtime, name);
}

/* The chain first, then the entry: a dispatch that sees the new entry also sees what it leads to. What stays is not
 * written again: handles are packed, and a write would take its cache line from the neighbours' dispatches. */
void hl__publish_chain(struct hl__event *event, hl__chain_fn *chain)
{
    hl__chain_fn *entry = event->flags & HL_EVENT_ROLLBACK ? hl__rollback_call : chain;

    if (event->chain != chain)
        __atomic_store_n(&event->chain, chain, __ATOMIC_RELEASE);
    if (event->handle->entry != entry)
        __atomic_store_n(&event->handle->entry, entry, __ATOMIC_RELEASE);
}

/* ---- retiring ---- */

static void release_plan(hl__retired *retired)
{
    hl__plan *plan = (hl__plan *)((char *)retired - offsetof(hl__plan, retired));

    hl__chains_remove(plan);
    if (plan->code)
        plan->compiler->ops->release(plan->compiler, plan->code);
    __atomic_add_fetch(&retired->runtime->reclaimed, 1, __ATOMIC_RELAXED);
    hl__plan_unref(plan);
}

static void retire_plan(hl_runtime *runtime, struct hl__event *event, hl__plan *plan)
{
    plan->retired.release = release_plan;
    plan->retired.runtime = runtime;
    plan->retired.event = event->name;
    plan->retired.chain = plan;
    plan->retired.code = (const void *)(uintptr_t)plan->code_entry;
    plan->retired.generation = plan->generation;
    plan->retired.engine = plan->code ? HL_ENGINE_COMPILED : HL_ENGINE_REFERENCE;
    runtime->counters.retired++;
    runtime->counters.code_bytes -= plan->code_bytes;
    hl__retire(&plan->retired);
}

/* The plan stays where it is: dispatches that have begun still read it. */
void hl__unpublish(hl_runtime *runtime, struct hl__event *event)
{
    __atomic_store_n(&event->handle->entry, hl__closed_call, __ATOMIC_RELEASE);
    retire_plan(runtime, event, event->plan);
}

/* ---- a new plan ---- */

static void notify_swap(hl_runtime *runtime, struct hl__event *event, uint64_t asked_ns, bool remote)
{
    hl_notice notice = {.kind = HL_NOTICE_SWAPPED,
                        .event = event->name,
                        .generation = event->generation,
                        .elapsed_ns = asked_ns ? hl__now_ns() - asked_ns : 0,
                        .remote = remote};

    hl__notify(runtime, &notice, NULL);
}

/* Without its thread calls are made all the same; only nobody looks after them. */
static void have_watched(hl_runtime *runtime, hl__plan *plan)
{
    plan->watchdog = hl__plan_watches(plan) && hl__watchdog_acquire() == HL_OK;
    if (hl__plan_watches(plan) && !plan->watchdog)
        hl__log(runtime, HL_LOG_ERROR, "event", "%s", hl_last_error()->message);
}

static void publish_plan(hl_runtime *runtime, struct hl__event *event, hl__plan *plan)
{
    hl__plan *old = event->plan;

    plan->event = event;
    plan->generation = ++event->generation;
    have_watched(runtime, plan);
    hl__chains_add(plan);
    __atomic_store_n(&event->plan, plan, __ATOMIC_RELEASE);
    __atomic_store_n(&event->engine, HL_ENGINE_REFERENCE, __ATOMIC_RELEASE);
    hl__publish_chain(event, hl__reference_call);
    event->published_ns = hl__now_ns();
    runtime->counters.swaps++;
    if (old)
        retire_plan(runtime, event, old);
}

hl_status hl__replan(hl_runtime *runtime, struct hl__event *event, uint64_t asked_ns, bool remote)
{
    size_t len;
    const hl__record *const *records = hl__registry_event(runtime->registry, event->name, &len);
    unsigned flags = event->flags | (event->watched ? HL__PLAN_WATCHED : 0);
    hl__plan *plan = hl__plan_new(records, len, event->def, flags, binding_of, runtime);

    if (!plan)
        return hl__fail_memory("plan");
    if (event->plan && hl__plan_same(event->plan, plan)) {
        hl__plan_unref(plan);
        return HL_OK;
    }
    publish_plan(runtime, event, plan);
    notify_swap(runtime, event, asked_ns, remote);
    hl__compile_want(runtime, event);
    return HL_OK;
}

/* ---- compiled code takes over ---- */

void hl__publish_compiled(hl_runtime *runtime, struct hl__event *event, const hl__compiled *compiled)
{
    hl__plan *plan = event->plan;
    hl_notice notice = {.kind = HL_NOTICE_COMPILED,
                        .event = event->name,
                        .generation = event->generation,
                        .elapsed_ns = hl__now_ns() - event->published_ns};

    plan->compiler = runtime->parts.compiler;
    plan->code = compiled->code;
    plan->code_entry = compiled->entry;
    plan->code_bytes = compiled->code_bytes;
    hl__chains_add_code(plan, (const void *)(uintptr_t)compiled->entry);
    hl__publish_chain(event, compiled->entry);
    __atomic_store_n(&event->engine, HL_ENGINE_COMPILED, __ATOMIC_RELEASE);
    runtime->counters.compiled++;
    runtime->counters.code_bytes += compiled->code_bytes;
    hl__notify(runtime, &notice, NULL);
}

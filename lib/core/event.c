/* Events of this process: handles, definitions, and their end. */
#include <stdlib.h>
#include <string.h>

#include "core/contract.h"
#include "core/crash.h"
#include "core/error.h"
#include "core/global.h"
#include "core/runtime.h"
#include "core/validate.h"

/* ---- handles ---- */

/* Handles are packed, since a server with many events reads one at each dispatch, and never freed: a late dispatch gets
 * HL_ERR_CLOSED instead of a crash. */
#define SLAB_HANDLES 255

typedef struct slab {
    struct slab *older;
    size_t used;
    hl_event handles[SLAB_HANDLES];
} slab;

static slab *slabs; /* under the global lock */

static hl_event *new_handle(void)
{
    hl_event *handle = NULL;

    hl__global_lock();
    if (!slabs || slabs->used == SLAB_HANDLES) {
        slab *newest = aligned_alloc(64, (sizeof(*newest) + 63) / 64 * 64);

        if (newest) {
            newest->older = slabs;
            newest->used = 0;
            slabs = newest;
        }
    }
    if (slabs && slabs->used < SLAB_HANDLES)
        handle = &slabs->handles[slabs->used++];
    hl__global_unlock();
    if (handle)
        *handle = (hl_event){hl__closed_call, NULL};
    return handle;
}

/* ---- making and finding ---- */

struct hl__event *hl__event_find(hl_runtime *runtime, const char *name)
{
    struct hl__event *found;

    HASH_FIND(hh, runtime->events, name, strlen(name), found);
    return found;
}

const hl__event_def *hl__event_def_of(hl_runtime *runtime, const char *name)
{
    const struct hl__event *event = hl__event_find(runtime, name);

    return event ? event->def : hl__registry_def(runtime->registry, name);
}

bool hl__event_known(hl_runtime *runtime, const char *name)
{
    size_t len;

    hl__registry_event(runtime->registry, name, &len);
    return len || hl__registry_def(runtime->registry, name) || hl__event_find(runtime, name);
}

static void free_event(struct hl__event *event)
{
    hl__event_def_unref(event->def);
    hl__event_def_unref(event->def_before);
    free(event->compile_reason);
    free(event->name);
    free(event);
}

static struct hl__event *new_event(hl_runtime *runtime, const char *name)
{
    const hl__event_def *def = hl__registry_def(runtime->registry, name);
    struct hl__event *event = calloc(1, sizeof(*event));

    if (!event)
        return NULL;
    event->runtime = runtime;
    event->engine = HL_ENGINE_REFERENCE;
    event->name = strdup(name);
    event->handle = event->name ? new_handle() : NULL;
    if (!event->handle) {
        free_event(event);
        return NULL;
    }
    event->def = def ? hl__event_def_ref(def) : NULL;
    event->flags = def ? def->flags & HL_EVENT_SKIP_MISSING : 0;
    event->watched = hl__crash_watches(runtime, name);
    event->chain = hl__reference_call;
    event->handle->inner = event;
    return event;
}

static hl_status enlist(hl_runtime *runtime, struct hl__event *event)
{
    hl_status status = hl__replan(runtime, event, 0, false);

    if (status != HL_OK) {
        free_event(event);
        return status;
    }
    HASH_ADD_KEYPTR(hh, runtime->events, event->name, strlen(event->name), event);
    cds_lfht_node_init(&event->node);
    urcu_bp_read_lock();
    cds_lfht_add(runtime->by_name, hl__event_hash(event->name), &event->node);
    urcu_bp_read_unlock();
    return HL_OK;
}

hl_status hl__event_need(hl_runtime *runtime, const char *name, struct hl__event **out)
{
    struct hl__event *event = hl__event_find(runtime, name);
    hl_status status = HL_OK;

    if (!event) {
        event = new_event(runtime, name);
        status = event ? enlist(runtime, event) : hl__fail_memory("event_open");
    }
    if (status == HL_OK)
        *out = event;
    return status;
}

hl_status hl_event_open(hl_runtime *runtime, const char *name, hl_event **out)
{
    struct hl__event *event = NULL;
    hl_status status;

    if (!out)
        return hl__fail(HL_ERR_INVALID, "event_open", "out", "The place for the handle is NULL.");
    status = hl__check_name("event_open", "event", name);
    if (status == HL_OK)
        status = hl__lock(runtime, "event_open");
    if (status != HL_OK)
        return status;
    status = hl__event_need(runtime, name, &event);
    hl__unlock(runtime);
    if (status != HL_OK)
        return status;
    hl__load_missing(runtime, event);
    *out = event->handle;
    return HL_OK;
}

/* ---- definitions ---- */

static hl_status check_event_spec(const hl_event_spec *spec, hl_event_spec *out)
{
    hl_status status = hl__copy_struct("event_define", "spec", out, sizeof(*out), spec, offsetof(hl_event_spec, merge));
    uint64_t state_size;

    if (status == HL_OK)
        status = hl__check_name("event_define", "name", out->name);
    if (status == HL_OK)
        status = hl__check_flags("event_define", out->flags, HL_EVENT_SKIP_MISSING | HL_EVENT_ROLLBACK);
    if (status == HL_OK && out->contract)
        status = hl__check_contract("event_define", out->contract);
    if (status != HL_OK || !(out->flags & HL_EVENT_ROLLBACK))
        return status;
    state_size = out->contract ? out->contract->state_size : 0;
    if (state_size == 0 || state_size > HL_STATE_COPY_MAX)
        return hl__fail(HL_ERR_INVALID, "event_define", "flags",
                        "HL_EVENT_ROLLBACK needs a contract with a state size of 1 to %d bytes.", HL_STATE_COPY_MAX);
    return HL_OK;
}

static hl_status check_same(const struct hl__event *event, const hl_event_spec *spec)
{
    const hl_contract *known = event->def->contract;

    if (hl__contract_compare(known, spec->contract, event->name, "this definition") != HL_OK)
        return hl__fail_as("event_define");
    if (!known != !spec->contract)
        return hl__fail(HL_ERR_CONTRACT, "event_define", "contract",
                        "Event \"%s\" was defined with%s a contract in this process; define it the same way.",
                        event->name, known ? "" : "out");
    if (event->flags != spec->flags || event->merge != spec->merge)
        return hl__fail(HL_ERR_INVALID, "event_define", event->flags != spec->flags ? "flags" : "merge",
                        "Event \"%s\" was defined with another policy in this process; define it the same way.",
                        event->name);
    return HL_OK;
}

/* Dispatches may be reading the old definition: it is kept until the runtime closes. */
static void take_definition(struct hl__event *event, const hl_event_spec *spec, hl__event_def *def)
{
    event->def_before = event->def;
    __atomic_store_n(&event->def, def, __ATOMIC_RELEASE);
    event->flags = spec->flags;
    __atomic_store_n(&event->merge, spec->merge, __ATOMIC_RELEASE);
    event->defined = true;
}

static hl_status define(hl_runtime *runtime, struct hl__event *event, const hl_event_spec *spec)
{
    hl__event_def *def;
    hl_status status = HL_OK;

    if (event->defined)
        return check_same(event, spec);
    def = hl__event_def_new(event->name, spec->flags, spec->contract);
    if (!def)
        return hl__fail_memory("event_define");
    if (!(runtime->options.flags & HL_OPEN_READ_ONLY))
        status = hl__commit_def(runtime, def);
    if (status != HL_OK) {
        hl__event_def_unref(def);
        return status;
    }
    take_definition(event, spec, def);
    hl__publish_chain(event, event->chain);
    return hl__replan(runtime, event, 0, false);
}

hl_status hl_event_define(hl_runtime *runtime, const hl_event_spec *spec, hl_event **out)
{
    hl_event_spec checked = HL_EVENT_INIT(NULL);
    struct hl__event *event = NULL;
    hl_status status = check_event_spec(spec, &checked);

    if (status == HL_OK && !out)
        status = hl__fail(HL_ERR_INVALID, "event_define", "out", "The place for the handle is NULL.");
    if (status == HL_OK)
        status = hl__lock(runtime, "event_define");
    if (status != HL_OK)
        return status;
    status = hl__event_need(runtime, checked.name, &event);
    if (status == HL_OK)
        status = define(runtime, event, &checked);
    hl__unlock(runtime);
    if (status != HL_OK)
        return status;
    hl__load_missing(runtime, event);
    *out = event->handle;
    return HL_OK;
}

/* ---- asking ---- */

hl_engine hl_event_engine(const hl_event *event)
{
    struct hl__event *inner;
    hl_engine engine = HL_ENGINE_REFERENCE;

    urcu_bp_read_lock();
    inner = event ? __atomic_load_n(&event->inner, __ATOMIC_ACQUIRE) : NULL;
    if (inner)
        engine = __atomic_load_n(&inner->engine, __ATOMIC_ACQUIRE);
    urcu_bp_read_unlock();
    return engine;
}

const char *hl_event_name(const hl_event *event)
{
    struct hl__event *inner = event ? __atomic_load_n(&event->inner, __ATOMIC_ACQUIRE) : NULL;

    return inner ? inner->name : "";
}

/* ---- the end ---- */

void hl__events_close(hl_runtime *runtime)
{
    struct hl__event *event, *next;

    HASH_ITER (hh, runtime->events, event, next) {
        hl__unpublish(runtime, event);
        urcu_bp_read_lock();
        cds_lfht_del(runtime->by_name, &event->node);
        urcu_bp_read_unlock();
    }
}

/* Two waits: hl__events_close made dispatches stay away, this makes every other reader of a handle do so. */
void hl__events_destroy(hl_runtime *runtime)
{
    struct hl__event *event, *next;

    HASH_ITER (hh, runtime->events, event, next) {
        __atomic_store_n(&event->handle->inner, NULL, __ATOMIC_RELEASE);
    }
    urcu_bp_synchronize_rcu();
    HASH_ITER (hh, runtime->events, event, next) {
        HASH_DELETE(hh, runtime->events, event);
        free_event(event);
    }
}

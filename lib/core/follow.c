/* Following the store: what other processes committed becomes a draft and is accepted like a change of our own. */
#include <stdlib.h>

#include "core/error.h"
#include "core/runtime.h"

/* What is being read. */
typedef struct reading {
    hl_runtime *runtime;
    hl__draft *draft;
} reading;

static hl_status take_record(void *user, hl__record *record)
{
    reading *to = user;

    return hl__draft_put(to->draft, record->name, record) ? HL_OK : hl__fail_memory("follow");
}

static hl_status take_gone(void *user, const char *name)
{
    reading *to = user;

    return hl__draft_put(to->draft, name, NULL) ? HL_OK : hl__fail_memory("follow");
}

static hl_status take_def(void *user, hl__event_def *def)
{
    reading *to = user;
    bool ok = hl__registry_set_def(to->runtime->registry, def);

    hl__event_def_unref(def);
    return ok ? HL_OK : hl__fail_memory("follow");
}

static hl__store_visitor visitor_of(reading *to)
{
    return (hl__store_visitor){take_record, take_gone, take_def, to};
}

/* ---- everything ---- */

/* What we know and the store no longer has. */
static hl_status mark_gone(hl_runtime *runtime, hl__draft *draft)
{
    size_t len = hl__registry_len(runtime->registry);
    const hl__record **known = malloc((len ? len : 1) * sizeof(*known));
    hl_status status = HL_OK;

    if (!known)
        return hl__fail_memory("follow");
    hl__registry_all(runtime->registry, known);
    for (size_t i = 0; status == HL_OK && i < len; i++) {
        if (hl__draft_find(draft, known[i]->name) == known[i])
            status = take_gone(&(reading){runtime, draft}, known[i]->name);
    }
    free(known);
    return status;
}

static hl_status read_all(hl_runtime *runtime, hl__draft *draft, uint64_t *revision)
{
    reading to = {runtime, draft};
    hl__store_visitor visitor = visitor_of(&to);
    hl_status status = runtime->parts.store->ops->load(runtime->parts.store, &visitor, revision);

    return status == HL_OK ? mark_gone(runtime, draft) : status;
}

static hl_status read_changes(hl_runtime *runtime, hl__draft *draft, uint64_t *revision)
{
    reading to = {runtime, draft};
    hl__store_visitor visitor = visitor_of(&to);
    hl_status status = runtime->stale ? HL_ERR_NOT_FOUND
                                      : runtime->parts.store->ops->changes(runtime->parts.store, runtime->revision,
                                                                           &visitor, revision);

    return status == HL_ERR_NOT_FOUND ? read_all(runtime, draft, revision) : status;
}

static hl_status catch_up(hl_runtime *runtime)
{
    uint64_t asked_ns = hl__now_ns();
    uint64_t revision = runtime->revision;
    hl__draft draft;
    hl_status status;

    hl__draft_init(&draft, runtime->registry);
    status = read_changes(runtime, &draft, &revision);
    if (status == HL_OK) {
        runtime->stale = false;
        runtime->revision = revision;
        hl__accept(runtime, &draft, asked_ns, true);
        hl__touched_clear(runtime);
    }
    hl__draft_cleanup(&draft);
    return status;
}

hl_status hl__follow(hl_runtime *runtime)
{
    uint64_t revision;
    hl_status status = runtime->parts.store->ops->revision(runtime->parts.store, &revision);

    if (status != HL_OK || (revision == runtime->revision && !runtime->stale))
        return status;
    status = catch_up(runtime);
    if (status == HL_OK)
        runtime->counters.remote_changes++;
    return status;
}

hl_status hl__load_all(hl_runtime *runtime)
{
    runtime->stale = true;
    return catch_up(runtime);
}

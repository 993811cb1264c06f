/* Making a plugin's binding to workers: its library is read as a file, its workers are started, and its call is a stub.
 * Given to core as an isolator by lib/open.c. */
#include <stdlib.h>
#include <string.h>

#include "core/contract.h"
#include "core/error.h"
#include "library/library_file.h"
#include "worker/isolated.h"
#include "worker/isolated_inside.h"
#include "worker/plugin_call.h"
#include "worker/supervisor.h"

#define ACTION "isolate"
#define READY_NS UINT64_C(30000000000)
#define END_GRACE_MS 200
#define ENCODED_MAX ((size_t)16 << 20) /* bytes of a state in its codec's form */

/* What a binding is made of, on its way. */
typedef struct making {
    hl_runtime *runtime;
    const hl__record *record;
    const hl__event_def *def; /* of the event; NULL: none is known */
    hl_isolation *isolation;
    hl__library_file *file;
    char *beside; /* of hl__library_besides */
    size_t beside_len;
    const hl_plugin_spec *spec; /* of the file */
    hl__isolated *isolated;
    hl__library *mapped; /* HL_RUN_INLINE */
} making;

/* ---- the library, as a file ---- */

static hl_status read_library(making *made)
{
    const hl__record *record = made->record;

    if (strncmp(record->library_stamp, HL__CONTENT_STAMP, strlen(HL__CONTENT_STAMP)) == 0)
        return hl__library_read_content(record->library, record->library_stamp, &made->file);
    return hl__library_read(record->library, &made->file);
}

static hl_status find_spec(making *made)
{
    const hl_library_info *info = hl__library_info(made->file);

    for (size_t i = 0; i < info->specs_len; i++) {
        if (strcmp(info->specs[i].name, made->record->name) == 0)
            made->spec = &info->specs[i];
    }
    if (made->spec)
        return HL_OK;
    return hl__fail(HL_ERR_LIBRARY, ACTION, made->record->name, "The library %s no longer has a plugin \"%s\".",
                    info->path, made->record->name);
}

/* ---- how the state is carried ---- */

/* What this process said of the event counts: only that has a codec that can be called here. Else what the file
 * says. */
static hl_status take_contract(making *made)
{
    const hl_contract *contract = made->def ? made->def->contract : NULL;
    hl__isolated *isolated = made->isolated;
    hl_status status = HL_OK;

    if (contract && made->spec->contract)
        status = hl__contract_compare(contract, made->spec->contract, made->record->event, made->record->name);
    if (status != HL_OK)
        return status;
    isolated->def = contract ? hl__event_def_ref((hl__event_def *)made->def)
                             : hl__event_def_new(made->record->event, 0, made->spec->contract);
    if (!isolated->def)
        return hl__fail_memory(ACTION);
    contract = isolated->def->contract;
    if (!contract || (!contract->codec && contract->state_size == 0))
        return hl__fail(HL_ERR_CONTRACT, ACTION, made->record->event,
                        "Event \"%s\" allows no plugins in workers: give its contract a state size or a codec.",
                        made->record->event);
    isolated->codec = contract->codec;
    isolated->state_size = (size_t)contract->state_size;
    isolated->meta_size = (size_t)contract->meta_size;
    return HL_OK;
}

static size_t area_bytes(const hl__isolated *isolated)
{
    size_t state = isolated->codec ? ENCODED_MAX : isolated->state_size;

    return hl__plugin_meta_at(state) + hl__plugin_meta_at(isolated->meta_size);
}

/* ---- workers ---- */

static hl_status start(making *made)
{
    const hl__record *record = made->record;
    hl__pool_spec spec = {.runtime = made->runtime,
                          .kind = HL__WORKER_PLUGIN,
                          .name = record->name,
                          .event = record->event,
                          .version = record->version,
                          .entry = record->name,
                          .priority = record->priority,
                          .library_fd = made->file->fd,
                          .beside = made->beside,
                          .beside_len = made->beside_len,
                          .area_bytes = area_bytes(made->isolated),
                          .isolation = made->isolation};
    hl_status status = hl__pool_new(&spec, &made->isolated->pool);

    return status == HL_OK ? hl__pool_ready(made->isolated->pool, hl__now_ns() + READY_NS) : status;
}

static void release(void *self)
{
    hl__isolated *isolated = self;

    if (isolated->pool)
        hl__pool_end(isolated->pool, END_GRACE_MS);
    hl__pool_free(isolated->pool);
    hl__event_def_unref(isolated->def);
    free(isolated->name);
    free(isolated);
}

/* Pool and breaker are what can be told of it; its own health function is not asked. */
static hl_health_state health(void *self, char *reason, size_t reason_len)
{
    return hl__pool_health(((hl__isolated *)self)->pool, reason, reason_len);
}

/* ---- running inline ---- */

static hl_status map_inline(making *made)
{
    const hl__loader_ops *loader = made->runtime->parts.loader;
    const hl_plugin_entry *entry;
    hl_status status;

    if (made->isolation->when_full != HL_RUN_INLINE)
        return HL_OK;
    status = loader->load(made->record->library, made->record->library_stamp, &made->mapped);
    if (status != HL_OK)
        return status;
    entry = loader->entry(made->mapped);
    for (size_t i = 0; i < entry->specs_len; i++) {
        if (strcmp(entry->specs[i].name, made->record->name) == 0) {
            made->isolated->inline_call = entry->specs[i].call;
            made->isolated->inline_self = entry->specs[i].self;
        }
    }
    return HL_OK;
}

/* ---- the binding ---- */

static hl_call_fn *stub(hl_on_failure policy)
{
    if (policy == HL_SKIP_PLUGIN)
        return hl__isolated_skip;
    return policy == HL_HALT_CHAIN ? hl__isolated_halt : hl__isolated_fail;
}

static hl_status make_binding(making *made, hl__binding **out)
{
    const hl__record *record = made->record;
    hl_plugin_spec spec = HL_PLUGIN_INIT(record->name, record->event, stub(made->isolation->on_failure));
    hl__binding *binding;

    spec.self = made->isolated;
    spec.release = release;
    spec.health = health;
    spec.contract = made->isolated->def->contract;
    binding = hl__binding_new(&spec, made->runtime->parts.loader, made->mapped, record->library, record->library_stamp);
    if (!binding)
        return hl__fail_memory(ACTION);
    binding->owns_self = true;
    made->isolated = NULL; /* the binding's */
    *out = binding;
    return HL_OK;
}

static hl_status alloc(making *made)
{
    made->isolated = calloc(1, sizeof(*made->isolated));
    if (made->isolated)
        made->isolated->name = strdup(made->record->name);
    return made->isolated && made->isolated->name ? HL_OK : hl__fail_memory(ACTION);
}

static hl_status make(making *made, hl__binding **out)
{
    hl_status status = hl__isolation_read(made->record->isolation, &made->isolation);

    if (status == HL_OK)
        status = alloc(made);
    if (status == HL_OK)
        status = read_library(made);
    if (status == HL_OK)
        status = find_spec(made);
    if (status == HL_OK)
        status = hl__library_besides(made->file, &made->beside, &made->beside_len);
    if (status == HL_OK)
        status = take_contract(made);
    if (status == HL_OK)
        status = map_inline(made);
    if (status == HL_OK)
        status = start(made);
    return status == HL_OK ? make_binding(made, out) : status;
}

static hl_status bind(hl_runtime *runtime, const hl__record *record, const hl__event_def *def, hl__binding **out)
{
    making made = {.runtime = runtime, .record = record, .def = def};
    hl_status status = make(&made, out);
    hl__error_copy error;

    hl__error_save(&error);
    if (made.isolated)
        release(made.isolated);
    if (made.mapped)
        runtime->parts.loader->unref(made.mapped);
    hl__library_file_free(made.file);
    free(made.beside);
    free(made.isolation);
    if (status != HL_OK)
        hl__error_restore(&error);
    return status;
}

const hl__isolator hl__workers = {.bind = bind,
                                  .forgive = hl__supervisor_forgive,
                                  .closed = hl__supervisor_closed,
                                  .inside = hl__inside_walk,
                                  .crashes = hl__crashes_walk};

/* Which code each plugin name has in this process, and loading the libraries that events need. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/extension.h"
#include "core/isolate.h"
#include "core/runtime.h"

static hl__bound *find_bound(hl_runtime *runtime, const char *name)
{
    hl__bound *found;

    HASH_FIND(hh, runtime->bindings, name, strlen(name), found);
    return found;
}

hl__binding *hl__bound_find(hl_runtime *runtime, const char *name)
{
    hl__bound *found = find_bound(runtime, name);

    return found ? found->binding : NULL;
}

/* ---- retiring: release(self) must not run under the lock, nor while a dispatch is inside ---- */

static void release_binding(hl__retired *retired)
{
    hl__binding_unref((hl__binding *)((char *)retired - offsetof(hl__binding, retired)));
}

static void retire(hl_runtime *runtime, hl__binding *binding)
{
    binding->retired.release = release_binding;
    binding->retired.runtime = runtime;
    hl__retire(&binding->retired);
}

static void notify_unmapped(void *runtime, const char *library_path)
{
    hl__notify(runtime, &(hl_notice){.kind = HL_NOTICE_UNLOADED, .event = "", .reason = library_path}, NULL);
}

hl_status hl__bind(hl_runtime *runtime, hl__binding *binding, bool *changed)
{
    hl__bound *bound = find_bound(runtime, binding->name);

    *changed = true;
    if (bound && hl__binding_same(bound->binding, binding) && bound->binding->call) {
        hl__binding_discard(binding);
        *changed = false;
        return HL_OK;
    }
    if (bound) {
        HASH_DELETE(hh, runtime->bindings, bound);
        if (hl__binding_same_code(bound->binding, binding))
            bound->binding->release = NULL; /* the new one calls it */
        retire(runtime, bound->binding);
    } else {
        bound = calloc(1, sizeof(*bound));
    }
    if (bound) {
        binding->unmapped = notify_unmapped;
        binding->unmapped_user = runtime;
        bound->binding = binding;
        HASH_ADD_KEYPTR(hh, runtime->bindings, binding->name, strlen(binding->name), bound);
        if (bound->hh.tbl)
            return HL_OK;
    }
    free(bound);
    hl__binding_discard(binding);
    return hl__fail_memory("bind");
}

/* Code that stays where it is needs no loading when its record's isolation changes. */
void hl__rebind(hl_runtime *runtime, const hl__record *record)
{
    hl__binding *binding = hl__bound_find(runtime, record->name);
    hl__binding *copy;
    bool changed;

    if (!binding || !binding->call || strcmp(binding->isolation, record->isolation) == 0 || binding->owns_self ||
        hl__isolation_in_worker(record->isolation) || strcmp(binding->library_path, record->library) != 0 ||
        strcmp(binding->library_stamp, record->library_stamp) != 0)
        return;
    copy = hl__binding_copy(binding);
    if (!copy || !hl__binding_isolate(copy, record->isolation)) {
        hl__binding_discard(copy);
        return;
    }
    if (hl__bind(runtime, copy, &changed) == HL_OK)
        hl__touch(runtime, record->event);
}

void hl__unbind(hl_runtime *runtime, const char *name)
{
    hl__bound *bound = find_bound(runtime, name);

    if (!bound)
        return;
    HASH_DELETE(hh, runtime->bindings, bound);
    retire(runtime, bound->binding);
    free(bound);
}

void hl__unbind_all(hl_runtime *runtime)
{
    hl__bound *bound, *next;

    HASH_ITER (hh, runtime->bindings, bound, next) {
        HASH_DELETE(hh, runtime->bindings, bound);
        retire(runtime, bound->binding);
        free(bound);
    }
}

/* ---- loading ---- */

/* A library that records ask for, or one record that asks for workers. */
typedef struct wanted {
    char *path;
    char *stamp;
    bool again;               /* also for records for which it failed */
    const hl__record *record; /* counted; NULL: the library is to be mapped */
} wanted;

static void free_wanted(wanted *what)
{
    free(what->path);
    free(what->stamp);
    hl__record_unref(what->record);
}

/* What was bound, or tried in vain, for a worker depends on how the event's state is carried there. */
static bool is_missing(hl_runtime *runtime, const hl__record *record)
{
    hl__binding *binding = hl__bound_find(runtime, record->name);

    if (!record->library[0])
        return false;
    return !binding || !hl__binding_is_for(binding, record) ||
           (hl__isolation_in_worker(record->isolation) &&
            !hl__event_def_carries_alike(binding->def, hl__event_def_of(runtime, record->event)));
}

bool hl__has_code(hl_runtime *runtime, const hl__record *record)
{
    const hl__binding *binding = hl__bound_find(runtime, record->name);

    return binding && binding->call && !is_missing(runtime, record);
}

static const hl__record *first_missing(hl_runtime *runtime, const char *event)
{
    size_t len;
    const hl__record *const *records = hl__registry_event(runtime->registry, event, &len);

    for (size_t i = 0; i < len; i++) {
        if (hl__status_active(records[i]->status) && is_missing(runtime, records[i]))
            return records[i];
    }
    return NULL;
}

bool hl__awaits_code(hl_runtime *runtime, const struct hl__event *event)
{
    return first_missing(runtime, event->name) != NULL;
}

/* A plugin whose code is here, but whose record asks for other code by now: the event may have no handle, yet what was
 * replaced must not stay mapped. */
static const hl__record *first_replaced(hl_runtime *runtime)
{
    hl__bound *bound, *next;

    HASH_ITER (hh, runtime->bindings, bound, next) {
        const hl__record *record = hl__registry_find(runtime->registry, bound->binding->name);

        if (record && bound->binding->call && bound->binding->library_path[0] && is_missing(runtime, record))
            return record;
    }
    return NULL;
}

static bool want(const hl__record *record, wanted *out)
{
    if (!record)
        return false;
    out->path = strdup(record->library);
    out->stamp = strdup(record->library_stamp);
    if (hl__isolation_in_worker(record->isolation))
        out->record = hl__record_ref(record);
    return true;
}

static bool find_wanted(hl_runtime *runtime, struct hl__event *event, wanted *out)
{
    struct hl__event *at, *next;

    if (event)
        return want(first_missing(runtime, event->name), out);
    HASH_ITER (hh, runtime->events, at, next) {
        if (want(first_missing(runtime, at->name), out))
            return true;
    }
    return want(first_replaced(runtime), out);
}

void hl__notify_loaded(hl_runtime *runtime, const char *library_path)
{
    hl__notify(runtime, &(hl_notice){.kind = HL_NOTICE_LOADED, .event = "", .reason = library_path}, NULL);
}

static void notify_load(hl_runtime *runtime, const wanted *what, hl_status status)
{
    hl_notice failure = {.kind = HL_NOTICE_LOAD_FAILED,
                         .event = "",
                         .status = status,
                         .reason = hl_last_error()->message};

    if (status == HL_OK) {
        hl__notify_loaded(runtime, what->path);
        return;
    }
    hl__notify(runtime, &failure, NULL);
    hl__log(runtime, HL_LOG_ERROR, "library", "%s: %s", what->path, hl_last_error()->message);
}

static const hl_plugin_spec *spec_of(const hl_plugin_entry *entry, const char *name)
{
    for (size_t i = 0; entry && i < entry->specs_len; i++) {
        if (strcmp(entry->specs[i].name, name) == 0)
            return &entry->specs[i];
    }
    return NULL;
}

/* Binds one record to the library, or to the reason why it has no code, so that it is not tried again and again. */
static void bind_record(hl_runtime *runtime, const hl__record *record, hl__library *library, const char *reason)
{
    const hl__loader_ops *loader = runtime->parts.loader;
    const hl_plugin_spec *spec = library ? spec_of(loader->entry(library), record->name) : NULL;
    hl__binding *binding;
    bool changed;

    if (spec)
        binding = hl__binding_new(spec, loader, library, record->library, record->library_stamp);
    else
        binding = hl__binding_broken(record->name, record->library, record->library_stamp,
                                     library ? "its library no longer has a plugin of this name" : reason);
    if (binding && !hl__binding_isolate(binding, record->isolation)) {
        hl__binding_discard(binding);
        return;
    }
    if (binding && hl__bind(runtime, binding, &changed) == HL_OK)
        hl__touch(runtime, record->event);
}

/* What was tried in vain is tried again only when somebody asks for this very library. */
static bool asks_for(hl_runtime *runtime, const hl__record *record, const wanted *what)
{
    if (strcmp(record->library, what->path) != 0 || strcmp(record->library_stamp, what->stamp) != 0 ||
        hl__isolation_in_worker(record->isolation))
        return false;
    return is_missing(runtime, record) || (what->again && !hl__bound_find(runtime, record->name)->call);
}

static void bind_records(hl_runtime *runtime, const wanted *what, hl__library *library, const char *reason)
{
    size_t len = hl__registry_len(runtime->registry);
    const hl__record **all = malloc((len ? len : 1) * sizeof(*all));

    if (!all)
        return;
    hl__registry_all(runtime->registry, all);
    for (size_t i = 0; i < len; i++) {
        if (asks_for(runtime, all[i], what))
            bind_record(runtime, all[i], library, reason);
    }
    free(all);
    hl__replan_touched(runtime, 0, false);
    hl__touched_clear(runtime);
}

static hl_status check_may_load(hl_runtime *runtime, const char *path, const char *stamp)
{
    const hl__extension *extension = hl__extension_get();

    if (extension && strncmp(stamp, HL__CONTENT_STAMP, strlen(HL__CONTENT_STAMP)) == 0)
        return extension->may_load(runtime, path);
    return HL_OK;
}

static hl_status load_allowed(hl_runtime *runtime, const wanted *what, hl__library **out)
{
    hl_status status =
        what->path && what->stamp ? check_may_load(runtime, what->path, what->stamp) : hl__fail_memory("load");

    return status == HL_OK ? runtime->parts.loader->load(what->path, what->stamp, out) : status;
}

/* Loads one library without the lock, then binds with it. */
static hl_status load_one(hl_runtime *runtime, const wanted *what)
{
    hl__library *library = NULL;
    hl__error_copy error;
    hl_status status = load_allowed(runtime, what, &library);

    hl__error_save(&error);
    if (hl__lock(runtime, "load") == HL_OK) {
        hl__error_restore(&error);
        notify_load(runtime, what, status);
        if (what->path && what->stamp)
            bind_records(runtime, what, library, error.message);
        hl__unlock(runtime);
    }
    if (library)
        runtime->parts.loader->unref(library);
    hl__error_restore(&error);
    return status;
}

/* ---- workers ---- */

static hl_status bind_in_worker(hl_runtime *runtime, const hl__record *record, const hl__event_def *def,
                                hl__binding **out)
{
    const hl__isolator *isolator = runtime->parts.isolator;
    hl_status status;

    if (!isolator)
        return hl__fail(HL_ERR_UNSUPPORTED, "load", "isolation.mode", "This build of Hookline runs no workers.");
    status = hl__check_carried_here(def, "load", record->event);
    if (status == HL_OK)
        status = check_may_load(runtime, record->library, record->library_stamp);
    if (status == HL_OK)
        status = isolator->bind(runtime, record, def, out);
    if (status != HL_OK)
        return status;
    (*out)->owns_self = true;
    (*out)->def = hl__event_def_ref(def);
    if (hl__binding_isolate(*out, record->isolation))
        return HL_OK;
    hl__binding_discard(*out);
    *out = NULL;
    return hl__fail_memory("load");
}

static hl_status bind_here(hl_runtime *runtime, const hl__record *record, hl__binding **out)
{
    const hl__loader_ops *loader = runtime->parts.loader;
    hl__library *library = NULL;
    const hl_plugin_spec *spec;
    hl_status status = check_may_load(runtime, record->library, record->library_stamp);

    if (status == HL_OK)
        status = loader->load(record->library, record->library_stamp, &library);
    if (status != HL_OK)
        return status;
    spec = spec_of(loader->entry(library), record->name);
    if (!spec)
        status = hl__fail(HL_ERR_LIBRARY, "load", "library", "%s no longer has a plugin \"%s\".", record->library,
                          record->name);
    else
        *out = hl__binding_new(spec, loader, library, record->library, record->library_stamp);
    loader->unref(library);
    if (status == HL_OK && (!*out || !hl__binding_isolate(*out, record->isolation))) {
        hl__binding_discard(*out);
        *out = NULL;
        return hl__fail_memory("load");
    }
    return status;
}

static hl__event_def *take_def(hl_runtime *runtime, const char *event)
{
    const hl__event_def *def;
    hl__event_def *taken;

    if (hl__lock(runtime, "load") != HL_OK)
        return NULL;
    def = hl__event_def_of(runtime, event);
    taken = def ? hl__event_def_ref(def) : NULL;
    hl__unlock(runtime);
    return taken;
}

hl_status hl__code_of(hl_runtime *runtime, const hl__record *record, hl__binding **out)
{
    hl__event_def *def;
    hl_status status;

    if (!hl__isolation_in_worker(record->isolation))
        return bind_here(runtime, record, out);
    def = take_def(runtime, record->event);
    status = bind_in_worker(runtime, record, def, out);
    hl__event_def_unref(def);
    return status;
}

static hl__binding *broken_in_worker(hl_runtime *runtime, const hl__record *record, const hl__event_def *def,
                                     hl_status status)
{
    hl_notice notice = {.kind = HL_NOTICE_LOAD_FAILED,
                        .event = record->event,
                        .status = status,
                        .reason = hl_last_error()->message};
    hl__binding *binding =
        hl__binding_broken(record->name, record->library, record->library_stamp, hl_last_error()->message);

    hl__notify(runtime, &notice, record);
    hl__log(runtime, HL_LOG_ERROR, "library", "plugin \"%s\": %s", record->name, hl_last_error()->message);
    if (!binding || !hl__binding_isolate(binding, record->isolation)) {
        hl__binding_discard(binding);
        return NULL;
    }
    binding->def = def ? hl__event_def_ref(def) : NULL;
    return binding;
}

/* The record may ask for something else by now; then *binding is left to the caller. */
static void accept_in_worker(hl_runtime *runtime, const hl__record *record, hl__binding **binding)
{
    const hl__record *now = hl__registry_find(runtime->registry, record->name);
    bool changed;

    if (!now || !hl__binding_is_for(*binding, now))
        return;
    if (hl__bind(runtime, *binding, &changed) == HL_OK)
        hl__touch(runtime, now->event);
    *binding = NULL;
    hl__replan_touched(runtime, 0, false);
    hl__touched_clear(runtime);
}

/* Starts the workers of one record without the lock, then binds it to them, or to the reason why there are none. */
static hl_status isolate_one(hl_runtime *runtime, const hl__record *record)
{
    hl__event_def *def = take_def(runtime, record->event);
    hl__binding *binding = NULL;
    hl__error_copy error;
    hl_status status = bind_in_worker(runtime, record, def, &binding);

    hl__error_save(&error);
    if (hl__lock(runtime, "load") == HL_OK) {
        hl__error_restore(&error);
        if (status != HL_OK)
            binding = broken_in_worker(runtime, record, def, status);
        if (binding)
            accept_in_worker(runtime, record, &binding);
        hl__unlock(runtime);
    }
    hl__binding_discard(binding);
    hl__event_def_unref(def);
    hl__error_restore(&error);
    return status;
}

void hl__load_missing(hl_runtime *runtime, struct hl__event *event)
{
    bool more = runtime->parts.loader != NULL && !(runtime->options.flags & HL_OPEN_RECORDS_ONLY);

    while (more) {
        wanted what = {NULL, NULL, false, NULL};

        if (hl__lock(runtime, "load") != HL_OK)
            return;
        more = find_wanted(runtime, event, &what);
        hl__unlock(runtime);
        if (more) {
            (void)!(what.record ? isolate_one(runtime, what.record)
                                : load_one(runtime, &what)); /* plugins have the reason */
            more = what.path && what.stamp;
        }
        free_wanted(&what);
    }
}

/* Whether all that ask for this very library ask for workers: then it is not mapped. */
static bool is_for_workers_only(hl_runtime *runtime, const wanted *what)
{
    size_t len = hl__registry_len(runtime->registry), asking = 0, isolated = 0;
    const hl__record **all = malloc((len ? len : 1) * sizeof(*all));

    if (!all)
        return false;
    hl__registry_all(runtime->registry, all);
    for (size_t i = 0; i < len; i++) {
        bool asks = strcmp(all[i]->library, what->path) == 0 && strcmp(all[i]->library_stamp, what->stamp) == 0;

        asking += asks;
        isolated += asks && hl__isolation_in_worker(all[i]->isolation);
    }
    free(all);
    return asking && asking == isolated;
}

/* Those that run in workers get them when their event is opened, as at any other time. */
hl_status hl__load_library(hl_runtime *runtime, const char *path, const char *stamp)
{
    wanted what = {strdup(path), strdup(stamp), true, NULL};
    hl_status status = what.path && what.stamp ? hl__lock(runtime, "load") : hl__fail_memory("load");
    bool in_workers = false;

    if (status == HL_OK) {
        in_workers = is_for_workers_only(runtime, &what);
        hl__unlock(runtime);
        if (runtime->options.flags & HL_OPEN_RECORDS_ONLY)
            status = hl__fail(HL_ERR_UNSUPPORTED, "load", "runtime", "A records-only runtime loads no code.");
        else if (in_workers)
            status = check_may_load(runtime, path, stamp);
        else
            status = load_one(runtime, &what);
    }
    free_wanted(&what);
    return status;
}

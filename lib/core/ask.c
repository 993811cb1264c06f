/* Answers about plugins: copies made under the lock, handed out without it. */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/depends.h"
#include "core/error.h"
#include "core/grow.h"
#include "core/runtime.h"
#include "core/validate.h"

/* ---- one plugin ---- */

static const char *find_reason(const hl__plan_missing *rows, size_t len, const char *name)
{
    for (size_t i = 0; i < len; i++) {
        if (strcmp(rows[i].record->name, name) == 0)
            return rows[i].reason;
    }
    return NULL;
}

static const char *code_reason(hl_runtime *runtime, const hl__record *record)
{
    const struct hl__event *event = hl__event_find(runtime, record->event);
    const hl__binding *binding = hl__bound_find(runtime, record->name);
    const char *reason = event ? find_reason(event->plan->missing, event->plan->missing_len, record->name) : NULL;

    if (event && !reason)
        reason = find_reason(event->plan->left_out, event->plan->left_out_len, record->name);
    if (reason)
        return reason;
    if (binding && !binding->call && binding->reason)
        return binding->reason;
    return "";
}

void hl__reason(hl_runtime *runtime, const hl__record *record, char *out, size_t out_len)
{
    char unmet[512];
    hl__draft view;

    out[0] = '\0';
    switch (record->status) {
    case HL_REGISTERED:
        snprintf(out, out_len, "it was never started");
        break;
    case HL_STOPPED:
        snprintf(out, out_len, "an operator stopped it");
        break;
    case HL_HELD:
        if (record->hold[0]) {
            snprintf(out, out_len, "%s", record->hold);
            break;
        }
        hl__draft_init(&view, runtime->registry);
        hl__unmet_depends(&view, record, unmet, sizeof(unmet));
        snprintf(out, out_len, "it is held until %s is active", unmet);
        break;
    default:
        if (!(runtime->options.flags & HL_OPEN_RECORDS_ONLY))
            snprintf(out, out_len, "%s", code_reason(runtime, record));
    }
}

static const char *put(char **at, const char *text)
{
    size_t len = strlen(text) + 1;
    const char *copy = memcpy(*at, text, len);

    *at += len;
    return copy;
}

static size_t info_bytes(const hl__record *record, const char *reason)
{
    size_t bytes = (record->depends_len + 1) * sizeof(char *);

    for (size_t i = 0; i < record->depends_len; i++)
        bytes += strlen(record->depends[i]) + 1;
    return bytes + sizeof(record->id) + strlen(record->name) + strlen(record->event) + strlen(record->extension) +
           strlen(record->extra) + strlen(record->library) + strlen(record->version) + strlen(reason) +
           strlen(record->isolation) + strlen(record->hold) + 10;
}

static bool is_loaded(hl_runtime *runtime, const hl__record *record)
{
    const hl__binding *binding = hl__bound_find(runtime, record->name);

    return binding && binding->call && strcmp(binding->library_path, record->library) == 0;
}

hl_status hl__info_copy(hl_runtime *runtime, const hl__record *record, hl_plugin_info *out)
{
    char reason[768];
    const char **depends;
    char *at;

    hl__reason(runtime, record, reason, sizeof(reason));
    depends = malloc(info_bytes(record, reason));
    if (!depends)
        return hl__fail_memory("plugin_get");
    at = (char *)(depends + record->depends_len + 1);
    for (size_t i = 0; i < record->depends_len; i++)
        depends[i] = put(&at, record->depends[i]);
    depends[record->depends_len] = NULL;
    *out = (hl_plugin_info){.size = sizeof(*out),
                            .id = put(&at, record->id),
                            .name = put(&at, record->name),
                            .event = put(&at, record->event),
                            .extension = put(&at, record->extension),
                            .extra = put(&at, record->extra),
                            .depends = depends,
                            .depends_len = record->depends_len,
                            .priority = record->priority,
                            .status = record->status,
                            .library = put(&at, record->library),
                            .version = put(&at, record->version),
                            .contract_hash = record->contract_hash,
                            .inserted_at = record->inserted_at,
                            .updated_at = record->updated_at,
                            .revision = record->revision,
                            .loaded = is_loaded(runtime, record),
                            .reason = put(&at, reason),
                            .isolation = put(&at, record->isolation),
                            .hold = put(&at, record->hold)};
    return HL_OK;
}

void hl_plugin_info_cleanup(hl_plugin_info *info)
{
    if (!info)
        return;
    free((void *)(uintptr_t)info->depends);
    memset(info, 0, sizeof(*info));
}

/* A store that cannot be read leaves the last known state. */
hl_status hl__lock_fresh(hl_runtime *runtime, const char *action)
{
    hl_status status = hl__lock(runtime, action);

    if (status == HL_OK && hl__follow(runtime) != HL_OK)
        hl__log(runtime, HL_LOG_WARNING, "store", "%s", hl_last_error()->message);
    return status;
}

hl_status hl_plugin_get(hl_runtime *runtime, const char *name, hl_plugin_info *info)
{
    const hl__record *record;
    hl_status status;

    if (!name || !info)
        return hl__fail(HL_ERR_INVALID, "plugin_get", name ? "info" : "name", "The %s is NULL.",
                        name ? "place for the record" : "name");
    memset(info, 0, sizeof(*info));
    status = hl__lock_fresh(runtime, "plugin_get");
    if (status != HL_OK)
        return status;
    record = hl__registry_find(runtime->registry, name);
    status = record ? hl__info_copy(runtime, record, info)
                    : hl__fail(HL_ERR_NOT_FOUND, "plugin_get", "name", "There is no plugin \"%s\".", name);
    hl__unlock(runtime);
    return status;
}

/* ---- walks ---- */

typedef struct infos {
    hl_plugin_info *rows;
    size_t len, room;
} infos;

static hl_status add_info(hl_runtime *runtime, infos *to, const hl__record *record)
{
    if (!hl__grow(&to->rows, to->len, &to->room, sizeof(*to->rows)))
        return hl__fail_memory("plugins");
    memset(&to->rows[to->len], 0, sizeof(to->rows[0]));
    return hl__info_copy(runtime, record, &to->rows[to->len++]);
}

static void free_infos(infos *list)
{
    for (size_t i = 0; i < list->len; i++)
        hl_plugin_info_cleanup(&list->rows[i]);
    free(list->rows);
}

static void walk(infos *list, bool (*callback)(const hl_plugin_info *, void *), void *user)
{
    for (size_t i = 0; i < list->len; i++) {
        if (!callback(&list->rows[i], user))
            return;
    }
}

static bool lists(const hl__record *record, const char *name)
{
    for (size_t i = 0; i < record->depends_len; i++) {
        if (strcmp(hl__depends_name(record->depends[i]), name) == 0)
            return true;
    }
    return false;
}

static bool passes(const hl_plugin_filter *filter, const hl__record *record)
{
    return (!filter->event || strcmp(filter->event, record->event) == 0) &&
           (!filter->extension || strcmp(filter->extension, record->extension) == 0) &&
           (!filter->name_pattern || fnmatch(filter->name_pattern, record->name, 0) == 0) &&
           (!filter->dependents_of || lists(record, filter->dependents_of)) &&
           (!filter->status || filter->status == record->status);
}

static int compare_records(const void *a, const void *b)
{
    const hl__record *left = *(const hl__record *const *)a, *right = *(const hl__record *const *)b;
    int order = strcmp(left->event, right->event);

    if (order == 0)
        order = left->priority - right->priority;
    return order ? order : strcmp(left->name, right->name);
}

static hl_status collect(hl_runtime *runtime, const hl_plugin_filter *filter, infos *to)
{
    size_t len = hl__registry_len(runtime->registry), kept = 0;
    const hl__record **all = malloc((len ? len : 1) * sizeof(*all));
    hl_status status = HL_OK;

    if (!all)
        return hl__fail_memory("plugins");
    hl__registry_all(runtime->registry, all);
    for (size_t i = 0; i < len; i++) {
        if (passes(filter, all[i]))
            all[kept++] = all[i];
    }
    qsort(all, kept, sizeof(*all), compare_records);
    for (size_t i = 0; status == HL_OK && i < kept; i++)
        status = add_info(runtime, to, all[i]);
    free(all);
    return status;
}

hl_status hl_plugins(hl_runtime *runtime, const hl_plugin_filter *filter,
                     bool (*callback)(const hl_plugin_info *, void *user), void *user)
{
    hl_plugin_filter checked = HL_PLUGIN_FILTER_INIT;
    infos found = {0};
    hl_status status = HL_OK;

    if (!callback)
        return hl__fail(HL_ERR_INVALID, "plugins", "callback", "The callback is NULL.");
    if (filter)
        status = hl__copy_struct("plugins", "filter", &checked, sizeof(checked), filter, sizeof(size_t));
    if (status == HL_OK)
        status = hl__lock_fresh(runtime, "plugins");
    if (status != HL_OK)
        return status;
    status = collect(runtime, &checked, &found);
    hl__unlock(runtime);
    if (status == HL_OK)
        walk(&found, callback, user);
    free_infos(&found);
    return status;
}

static hl_status event_runtime(hl_event *event, const char *action, hl_runtime **out)
{
    hl_runtime *runtime = NULL;
    struct hl__event *inner;

    if (!event)
        return hl__fail(HL_ERR_INVALID, action, "event", "The event is NULL.");
    urcu_bp_read_lock();
    inner = __atomic_load_n(&event->inner, __ATOMIC_ACQUIRE);
    if (inner)
        runtime = inner->runtime;
    urcu_bp_read_unlock();
    if (!runtime)
        return hl__fail(HL_ERR_CLOSED, action, "event", "The event's runtime is closed.");
    *out = runtime;
    return HL_OK;
}

hl_status hl__event_lock(hl_event *event, const char *action, struct hl__event **out)
{
    hl_runtime *runtime = NULL;
    hl_status status = event_runtime(event, action, &runtime);

    if (status == HL_OK)
        status = hl__lock(runtime, action);
    if (status == HL_OK)
        *out = event->inner;
    return status;
}

hl_status hl_chain(hl_event *event, bool (*callback)(const hl_plugin_info *, void *user), void *user)
{
    struct hl__event *inner = NULL;
    infos found = {0};
    hl_status status;

    if (!callback)
        return hl__fail(HL_ERR_INVALID, "chain", "callback", "The callback is NULL.");
    status = hl__event_lock(event, "chain", &inner);
    if (status != HL_OK)
        return status;
    for (size_t i = 0; status == HL_OK && i < inner->plan->len; i++) {
        const hl__record *planned = inner->plan->rows[i].record;
        const hl__record *newest = hl__registry_find(inner->runtime->registry, planned->name);

        status = add_info(inner->runtime, &found, newest ? newest : planned);
    }
    hl__unlock(inner->runtime);
    if (status == HL_OK)
        walk(&found, callback, user);
    free_infos(&found);
    return status;
}

/* The commit that makes versions active and lets apps go: the records of their plugins, the apps' documents and the
 * entries of the install log become durable and visible at once, or not at all. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/isolate.h"
#include "core/verbs.h"
#include "install/activation.h"
#include "install/journal.h"
#include "install/removal.h"
#include "observe/prepared.h"

#define TRIES 8

/* ---- documents --------------------------------------------------------------------------------------------------- */

/* What is put for the apps: first those that become active, then those that go. */
typedef struct documents {
    const hl__apps_change *change;
    char **texts; /* one for each that becomes active */
    hl__journal_entry *entries;
    size_t entries_len;
} documents;

static hl_status put_documents(void *user, hl__documents *to)
{
    const documents *from = user;
    const hl__apps_change *change = from->change;
    hl_status status = HL_OK;

    for (size_t i = 0; status == HL_OK && i < change->active_len; i++)
        status = hl__app_put(to, change->active[i]->app, from->texts[i]);
    for (size_t i = 0; status == HL_OK && i < change->removed_len; i++)
        status = hl__app_put(to, change->removed[i]->name, NULL);
    return status == HL_OK ? hl__journal_add(to, from->entries, from->entries_len) : status;
}

static hl_status encode_app(const hl__activation *a, char **text)
{
    hl__app_version before;
    hl__app app = {.name = (char *)a->app, .active = *a->version};

    if (a->old) {
        before = a->old->active;
        app.before = &before;
    }
    return hl__app_encode(&app, text);
}

static hl__journal_entry entry_of(const hl__activation *a)
{
    return (hl__journal_entry){.action = a->what,
                               .app = a->app,
                               .version = a->version->version,
                               .before = a->old ? a->old->active.version : "",
                               .source = a->version->source,
                               .sha256 = a->version->sha256,
                               .key = a->version->key,
                               .status = HL_OK};
}

static hl__journal_entry entry_of_removal(const hl__app *app)
{
    return (hl__journal_entry){.action = "uninstall",
                               .app = app->name,
                               .version = app->active.version,
                               .before = app->active.version,
                               .source = app->active.source,
                               .sha256 = app->active.sha256,
                               .key = app->active.key};
}

static hl_status make_documents(const hl__apps_change *change, documents *out)
{
    hl_status status = HL_OK;

    *out = (documents){.change = change};
    out->texts = calloc(change->active_len + 1, sizeof(*out->texts));
    out->entries = calloc(change->active_len + change->removed_len + 1, sizeof(*out->entries));
    if (!out->texts || !out->entries)
        return hl__fail_memory(change->action);
    for (size_t i = 0; status == HL_OK && i < change->active_len; i++) {
        out->entries[out->entries_len++] = entry_of(change->active[i]);
        status = encode_app(change->active[i], &out->texts[i]);
    }
    for (size_t i = 0; i < change->removed_len; i++)
        out->entries[out->entries_len++] = entry_of_removal(change->removed[i]);
    return status;
}

static void free_documents(documents *all)
{
    for (size_t i = 0; all->texts && i < all->change->active_len; i++)
        free(all->texts[i]);
    free(all->texts);
    free(all->entries);
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

typedef struct changes {
    hl__request *rows;
    size_t len;
} changes;

/* What the store knows already keeps its status (G9), also one that was never started. */
static bool is_to_start(const hl__activation *a, const char *name)
{
    return !(a->flags & HL_INSTALL_NO_START) && !hl__app_owns_plugin(a->runtime, a->app, name);
}

/* The workers of a plugin that will run in some, as its record will be. */
static hl_status bind_in_worker(const hl__activation *a, const hl_plugin_spec *spec, hl__source source,
                                const char *isolation, hl__binding **out)
{
    hl__record *record;
    hl_status status;

    source.isolation = isolation;
    record = hl__candidate_new(spec, &source);
    if (!record)
        return hl__fail_memory(a->course->action);
    status = hl__code_in_worker(a->runtime, record, out);
    hl__record_unref(record);
    return status;
}

static hl_status bind(const hl__activation *a, const hl__candidate *from, const hl_plugin_spec *spec,
                      const hl__source *source, hl__binding **out)
{
    char *isolation = hl__activation_isolation(a, from->library, spec->name);
    hl_status status;

    if (!isolation)
        return hl__fail_memory(a->course->action);
    if (hl__isolation_in_worker(isolation))
        status = bind_in_worker(a, spec, *source, isolation, out);
    else
        status = hl__prepared_binding(a->runtime, from->path, from->stamp, spec->name, out);
    free(isolation);
    return status;
}

/* Records come from the file that was read; bindings from the library as mapped, which has the same specs, or from
 * workers; a records-only runtime has none. */
static hl_status add_registration(const hl__activation *a, const hl__candidate *from, size_t i, changes *to)
{
    hl_plugin_spec spec = hl__library_info(from->file)->specs[i];
    hl__source source = {from->path, from->stamp, a->version->version, a->app,
                         hl__app_isolation(from->library, spec.name)};
    hl__request *request = &to->rows[to->len++];

    spec.extension = a->app;
    *request = (hl__request){.op = {.verb = HL__REGISTER, .scope = HL__ONE, .start = is_to_start(a, spec.name)}};
    request->op.candidate = hl__candidate_new(&spec, &source);
    if (!request->op.candidate)
        return hl__fail_memory(a->course->action);
    return bind(a, from, &spec, &source, &request->binding);
}

static hl_status add_registrations(const hl__activation *a, changes *to)
{
    hl_status status = HL_OK;

    for (size_t i = 0; status == HL_OK && i < a->len; i++) {
        size_t len = hl__library_info(a->rows[i].file)->specs_len;

        for (size_t j = 0; status == HL_OK && j < len; j++)
            status = add_registration(a, &a->rows[i], j, to);
    }
    return status;
}

static void add_removal(const hl__apps_change *change, const char *app, const char *plugin, changes *to)
{
    if (hl__app_owns_plugin(change->runtime, app, plugin))
        to->rows[to->len++] = hl__request_removal(plugin);
}

/* Plugins that `next` has not; all where that is NULL. */
static void add_removals(const hl__apps_change *change, const hl__app *old, const hl__app_version *next, changes *to)
{
    for (size_t i = 0; old && i < old->active.libraries_len; i++) {
        const hl__app_library *library = &old->active.libraries[i];

        for (size_t j = 0; j < library->plugins_len; j++) {
            if (!next || !hl__app_has_plugin(next, library->plugins[j]))
                add_removal(change, old->name, library->plugins[j], to);
        }
    }
}

static size_t count_requests(const hl__apps_change *change)
{
    size_t len = 0;

    for (size_t i = 0; i < change->active_len; i++) {
        len += hl__app_plugins_len(change->active[i]->version);
        len += change->active[i]->old ? hl__app_plugins_len(&change->active[i]->old->active) : 0;
    }
    for (size_t i = 0; i < change->removed_len; i++)
        len += hl__app_plugins_len(&change->removed[i]->active);
    return len;
}

/* What goes makes way first, so that its names are free. */
static hl_status make_changes(const hl__apps_change *change, changes *out)
{
    hl_status status = HL_OK;

    out->rows = calloc(count_requests(change) + 1, sizeof(*out->rows));
    if (!out->rows)
        return hl__fail_memory(change->action);
    for (size_t i = 0; i < change->removed_len; i++)
        add_removals(change, change->removed[i], NULL, out);
    for (size_t i = 0; status == HL_OK && i < change->active_len; i++) {
        status = add_registrations(change->active[i], out);
        add_removals(change, change->active[i]->old, change->active[i]->version, out);
    }
    return status;
}

static void free_changes(changes *all, bool bindings_taken)
{
    for (size_t i = 0; i < all->len; i++) {
        hl__record_unref(all->rows[i].op.candidate);
        if (!bindings_taken)
            hl__binding_discard(all->rows[i].binding);
    }
    free(all->rows);
    *all = (changes){0};
}

/* ---- the commit -------------------------------------------------------------------------------------------------- */

static hl_status commit_once(const hl__apps_change *change, documents *about, bool *again)
{
    unsigned flags = change->flags & (HL_WAIT_COMPILED | HL_WAIT_IDLE);
    changes all = {0};
    hl_status status = make_changes(change, &all);
    bool made = status == HL_OK;
    size_t failed = all.len;

    if (made)
        status = hl__commit_documents(change->runtime, change->action, all.rows, all.len, put_documents, about, flags,
                                      &failed);
    *again = status == HL_ERR_NOT_FOUND && failed < all.len && all.rows[failed].op.verb == HL__UNREGISTER;
    free_changes(&all, made);
    return status;
}

/* A plugin that somebody unregisters at this very moment is left out in the next try. */
hl_status hl__apps_commit(const hl__apps_change *change)
{
    documents about;
    hl_status status = make_documents(change, &about);
    bool again = status == HL_OK;

    for (int tries = 0; again && tries < TRIES; tries++)
        status = commit_once(change, &about, &again);
    free_documents(&about);
    return status;
}

hl_status hl__activation_commit(hl__activation *a)
{
    hl_status status = hl__course_step(a->course, HL_STEP_ACTIVATE);

    if (status != HL_OK)
        return status;
    return hl__apps_commit(
        &(hl__apps_change){.runtime = a->runtime, .action = a->what, .active = &a, .active_len = 1, .flags = a->flags});
}

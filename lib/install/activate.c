/* The commit that makes a version active: the records of its plugins, the app's document and the entry of the install log
 * become durable and visible at once, or not at all. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/verbs.h"
#include "install/activation.h"
#include "install/journal.h"
#include "install/removal.h"
#include "observe/prepared.h"

#define TRIES 8

/* ---- documents ------------------------------------------------------------------------------------------------------ */

typedef struct documents {
    const char *app;
    const char *text;
    hl__journal_entry entry;
} documents;

static hl_status put_documents(void *user, hl__documents *to)
{
    documents *from = user;
    hl_status status = hl__app_put(to, from->app, from->text);

    return status == HL_OK ? hl__journal_add(to, &from->entry) : status;
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

/* ---- requests ------------------------------------------------------------------------------------------------------- */

typedef struct changes {
    hl__request *rows;
    size_t len, room;
} changes;

/* What the store knows already keeps its status (G9), also one that was never started. */
static bool is_to_start(const hl__activation *a, const char *name)
{
    return !(a->flags & HL_INSTALL_NO_START) && !hl__app_owns_plugin(a->runtime, a->app, name);
}

/* Records come from the file that was read; bindings from the library as mapped, which has the same specs; a records-only
 * runtime has none. */
static hl_status add_registration(const hl__activation *a, const hl__candidate *from, size_t i, changes *to)
{
    hl__source source = {from->path, from->stamp, a->version->version, a->app, NULL};
    hl_plugin_spec spec = hl__library_info(from->file)->specs[i];
    hl__request *request = &to->rows[to->len++];

    spec.extension = a->app;
    *request = (hl__request){.op = {.verb = HL__REGISTER, .scope = HL__ONE, .start = is_to_start(a, spec.name)}};
    request->op.candidate = hl__candidate_new(&spec, &source);
    if (!request->op.candidate)
        return hl__fail_memory(a->course->action);
    return hl__prepared_binding(a->runtime, from->path, from->stamp, spec.name, &request->binding);
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

static bool has_plugin(const hl__app_version *version, const char *name)
{
    for (size_t i = 0; i < version->libraries_len; i++) {
        for (size_t j = 0; j < version->libraries[i].plugins_len; j++) {
            if (strcmp(version->libraries[i].plugins[j], name) == 0)
                return true;
        }
    }
    return false;
}

/* Plugins that only the old version has are removed. */
static void add_removals(const hl__activation *a, changes *to)
{
    const hl__app_version *old = a->old ? &a->old->active : NULL;

    for (size_t i = 0; old && i < old->libraries_len; i++) {
        const hl__app_library *library = &old->libraries[i];

        for (size_t j = 0; j < library->plugins_len; j++) {
            if (!has_plugin(a->version, library->plugins[j]) &&
                hl__app_owns_plugin(a->runtime, a->app, library->plugins[j]))
                to->rows[to->len++] = hl__request_removal(library->plugins[j]);
        }
    }
}

static size_t count_plugins(const hl__app_version *version)
{
    size_t len = 0;

    for (size_t i = 0; i < version->libraries_len; i++)
        len += version->libraries[i].plugins_len;
    return len;
}

static hl_status make_changes(const hl__activation *a, changes *out)
{
    hl_status status;

    out->room = count_plugins(a->version) + (a->old ? count_plugins(&a->old->active) : 0);
    out->rows = calloc(out->room + 1, sizeof(*out->rows));
    if (!out->rows)
        return hl__fail_memory(a->course->action);
    status = add_registrations(a, out);
    if (status == HL_OK)
        add_removals(a, out);
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

/* ---- the commit ----------------------------------------------------------------------------------------------------- */

static hl_status commit_once(const hl__activation *a, documents *about, size_t *failed, bool *again)
{
    unsigned flags = a->flags & (HL_WAIT_COMPILED | HL_WAIT_IDLE);
    changes all = {0};
    hl_status status = make_changes(a, &all);
    bool made = status == HL_OK;

    *failed = all.len;
    if (made)
        status = hl__commit_documents(a->runtime, a->what, all.rows, all.len, put_documents, about, flags, failed);
    *again = status == HL_ERR_NOT_FOUND && *failed < all.len && all.rows[*failed].op.verb == HL__UNREGISTER;
    free_changes(&all, made);
    return status;
}

/* A plugin of the old version that somebody unregisters at this very moment is left out in the next try. */
hl_status hl__activation_commit(hl__activation *a)
{
    hl_status status = hl__course_step(a->course, HL_STEP_ACTIVATE);
    documents about = {.app = a->app};
    char *text = NULL;
    bool again = true;
    size_t failed;

    if (status == HL_OK)
        status = encode_app(a, &text);
    if (status != HL_OK)
        return status;
    about.text = text;
    about.entry = entry_of(a);
    for (int tries = 0; again && tries < TRIES; tries++)
        status = commit_once(a, &about, &failed, &again);
    free(text);
    return status;
}

/* hl_register_library: a library's plugins as one transaction, after the file was read, tried, and mapped. */
#include <stdlib.h>

#include "core/error.h"
#include "core/isolate.h"
#include "core/validate.h"
#include "core/verbs.h"
#include "library/library.h"

#define DEFAULT_ISOLATION "{\"mode\":\"in_worker\"}"

/* ---- checks that need no code to run ---- */

/* A spec read from a file has no functions; the checks of names, priorities and dependencies are the same. */
static hl_reply stand_in(void *self, void *state, const void *meta)
{
    (void)self;
    (void)meta;
    return hl_next(state);
}

static hl_status check_spec(hl_runtime *runtime, const hl_plugin_spec *read)
{
    hl_plugin_spec spec = *read, checked;
    hl_status status;

    spec.call = stand_in;
    status = hl__check_spec("register", &spec, &checked);
    return status == HL_OK ? hl__check_contract_of(runtime, "register", &checked) : status;
}

static hl_status check_specs(hl_runtime *runtime, const hl_library_info *info)
{
    hl_status status = HL_OK;

    if (info->specs_len == 0)
        return hl__fail(HL_ERR_INVALID, "register", "specs", "The library %s has no plugins; give it at least one.",
                        info->path);
    for (size_t i = 0; status == HL_OK && i < info->specs_len; i++)
        status = check_spec(runtime, &info->specs[i]);
    return status;
}

/* ---- the transaction ---- */

typedef struct registration {
    const hl__library_file *file;
    const hl_library_info *info;
    hl__source source;
    hl__library *library; /* NULL when it need not be mapped */
    bool here;            /* a plugin runs in this process */
    hl__request *requests;
} registration;

static hl_status make_candidates(registration *made, unsigned flags)
{
    made->requests = calloc(made->info->specs_len, sizeof(*made->requests));
    if (!made->requests)
        return hl__fail_memory("register");
    for (size_t i = 0; i < made->info->specs_len; i++) {
        hl__request *request = &made->requests[i];

        request->op = (hl__op){.verb = HL__REGISTER, .scope = HL__ONE, .start = flags & HL_START};
        request->op.candidate = hl__candidate_new(&made->info->specs[i], &made->source);
        if (!request->op.candidate)
            return hl__fail_memory("register");
    }
    return HL_OK;
}

static void free_requests(registration *made)
{
    for (size_t i = 0; made->requests && i < made->info->specs_len; i++) {
        hl__record_unref(made->requests[i].op.candidate);
        hl__binding_discard(made->requests[i].binding);
    }
    free(made->requests);
}

static hl_status commit(hl_runtime *runtime, registration *made, unsigned flags)
{
    hl_status status = hl__commit(runtime, "register", made->requests, made->info->specs_len, flags, NULL);

    for (size_t i = 0; i < made->info->specs_len; i++)
        made->requests[i].binding = NULL; /* the commit took them */
    if (status == HL_OK && made->library && hl__lock(runtime, "register") == HL_OK) {
        hl__notify_loaded(runtime, made->source.path);
        hl__unlock(runtime);
    }
    return status;
}

/* ---- where its plugins run ---- */

/* Whether the plugin will run in a worker; what it is given there is known to fit then. */
static hl_status look_at(hl_runtime *runtime, const hl__record *candidate, bool *in_worker)
{
    hl_status status = hl__lock(runtime, "register");
    const hl__record *old;

    if (status != HL_OK)
        return status;
    old = hl__registry_find(runtime->registry, candidate->name);
    *in_worker = hl__isolation_in_worker(hl__isolation_kept(old, candidate->isolation));
    if (*in_worker)
        status = hl__check_carried(hl__event_def_of(runtime, candidate->event), "register", candidate->event);
    hl__unlock(runtime);
    return status;
}

static hl_status look_at_all(hl_runtime *runtime, registration *made)
{
    hl_status status = HL_OK;

    for (size_t i = 0; status == HL_OK && i < made->info->specs_len; i++) {
        bool in_worker = false;

        status = look_at(runtime, made->requests[i].op.candidate, &in_worker);
        made->here = made->here || !in_worker;
    }
    return status;
}

/* The record as it will be; counted. `bound`: this process has its code already, in workers. */
static hl_status foresee(hl_runtime *runtime, const hl__record *candidate, hl__record **out, bool *bound)
{
    hl__record from = *candidate;
    hl_status status = hl__lock(runtime, "register");

    if (status != HL_OK)
        return status;
    from.isolation = hl__isolation_kept(hl__registry_find(runtime->registry, candidate->name), candidate->isolation);
    *out = hl__record_new(&from);
    *bound = *out && hl__isolation_in_worker((*out)->isolation) && hl__has_code(runtime, *out);
    hl__unlock(runtime);
    return *out ? HL_OK : hl__fail_memory("register");
}

/* Records come from the file that was read; bindings from the library as mapped, which has the same specs, or from
 * workers that have mapped it. */
static hl_status bind(hl_runtime *runtime, registration *made, size_t i)
{
    hl__request *request = &made->requests[i];
    hl__record *record = NULL;
    bool bound = false;
    hl_status status = foresee(runtime, request->op.candidate, &record, &bound);

    if (status != HL_OK)
        return status;
    if (bound)
        goto out;
    if (hl__isolation_in_worker(record->isolation))
        status = hl__code_of(runtime, record, &request->binding);
    else if (made->library)
        request->binding = hl__binding_new(&hl__loader.entry(made->library)->specs[i], &hl__loader, made->library,
                                           made->source.path, made->source.stamp);
    if (status == HL_OK && made->library && !request->binding)
        status = hl__fail_memory("register");
out:
    hl__record_unref(record);
    return status;
}

static hl_status bind_all(hl_runtime *runtime, registration *made)
{
    hl_status status = HL_OK;

    if (runtime->options.flags & HL_OPEN_RECORDS_ONLY)
        return HL_OK;
    if (made->here)
        status = hl__loader.load(made->source.path, made->source.stamp, &made->library);
    for (size_t i = 0; status == HL_OK && i < made->info->specs_len; i++)
        status = bind(runtime, made, i);
    return status;
}

/* The throw-away process tries only what this process, or another server, is going to map: workers try for
 * themselves. */
static hl_status register_file(hl_runtime *runtime, hl__library_file *file, unsigned flags)
{
    const hl_library_info *info = hl__library_info(file);
    registration made = {.file = file,
                         .info = info,
                         .source = {info->path, hl__library_stamp(file), info->version, info->name,
                                    flags & HL_ISOLATED ? DEFAULT_ISOLATION : NULL}};
    hl_status status = check_specs(runtime, info);

    if (status == HL_OK)
        status = make_candidates(&made, flags);
    if (status == HL_OK)
        status = look_at_all(runtime, &made);
    if (status == HL_OK && made.here)
        status = hl__library_probe(file);
    if (status == HL_OK)
        status = bind_all(runtime, &made);
    if (status == HL_OK)
        status = commit(runtime, &made, flags & ~HL_ISOLATED);
    free_requests(&made);
    if (made.library)
        hl__loader.unref(made.library);
    return status;
}

/* As for a plugin of the program's own, subscribers hear of it; the plugins cannot be told, their code has not run. */
static void tell_refused(hl_runtime *runtime, const char *path)
{
    hl__error_copy error;

    hl__error_save(&error);
    if (hl__lock(runtime, "register") == HL_OK) {
        hl__notify(runtime,
                   &(hl_notice){.kind = HL_NOTICE_REGISTER_ERROR,
                                .event = "",
                                .status = error.status,
                                .reason = error.message},
                   NULL);
        hl__log(runtime, HL_LOG_ERROR, "library", "%s was refused: %s", path, error.message);
        hl__unlock(runtime);
    }
    hl__error_restore(&error);
}

hl_status hl_register_library(hl_runtime *runtime, const char *path, unsigned flags)
{
    hl_status status = hl__check_flags("register", flags, HL_START | HL_ISOLATED | HL_WAIT_COMPILED | HL_WAIT_IDLE);
    hl__library_file *file = NULL;

    if (status == HL_OK && !path)
        status = hl__fail(HL_ERR_INVALID, "register", "path", "The library's path is NULL.");
    if (status == HL_OK)
        status = hl__lock(runtime, "register");
    if (status != HL_OK)
        return status;
    hl__unlock(runtime);
    status = hl__library_read(path, &file);
    if (status == HL_OK)
        status = register_file(runtime, file, flags);
    hl__library_file_free(file);
    if (status == HL_OK)
        return HL_OK;
    status = hl__fail_as("register");
    tell_refused(runtime, path);
    return status;
}

/* hl_register_library: a library's plugins as one transaction, after the file was read, tried, and mapped. */
#include <stdlib.h>

#include "core/error.h"
#include "core/validate.h"
#include "core/verbs.h"
#include "library/library.h"

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
    hl__library *library; /* NULL in a records-only runtime */
    hl__request *requests;
} registration;

/* Records come from the file that was read; bindings from the library as mapped, which has the same specs. */
static hl_status make_request(registration *made, size_t i, unsigned flags)
{
    hl__request *request = &made->requests[i];

    request->op = (hl__op){.verb = HL__REGISTER, .scope = HL__ONE, .start = flags & HL_START};
    request->op.candidate = hl__candidate_new(&made->info->specs[i], &made->source);
    if (!request->op.candidate)
        return hl__fail_memory("register");
    if (!made->library)
        return HL_OK;
    request->binding = hl__binding_new(&hl__loader.entry(made->library)->specs[i], &hl__loader, made->library,
                                       made->source.path, made->source.stamp);
    return request->binding ? HL_OK : hl__fail_memory("register");
}

static hl_status make_requests(registration *made, unsigned flags)
{
    hl_status status = HL_OK;

    made->requests = calloc(made->info->specs_len, sizeof(*made->requests));
    if (!made->requests)
        return hl__fail_memory("register");
    for (size_t i = 0; status == HL_OK && i < made->info->specs_len; i++)
        status = make_request(made, i, flags);
    return status;
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

static hl_status map(hl_runtime *runtime, registration *made)
{
    if (runtime->options.flags & HL_OPEN_RECORDS_ONLY)
        return HL_OK;
    return hl__loader.load(made->source.path, made->source.stamp, &made->library);
}

static hl_status register_file(hl_runtime *runtime, hl__library_file *file, unsigned flags)
{
    const hl_library_info *info = hl__library_info(file);
    registration made = {.file = file,
                         .info = info,
                         .source = {info->path, hl__library_stamp(file), info->version, info->name}};
    hl_status status = check_specs(runtime, info);

    if (status == HL_OK)
        status = hl__library_probe(file);
    if (status == HL_OK)
        status = map(runtime, &made);
    if (status == HL_OK)
        status = make_requests(&made, flags);
    if (status == HL_OK)
        status = commit(runtime, &made, flags);
    free_requests(&made);
    if (made.library)
        hl__loader.unref(made.library);
    return status;
}

hl_status hl_register_library(hl_runtime *runtime, const char *path, unsigned flags)
{
    hl_status status = hl__check_flags("register", flags, HL_START | HL_WAIT_COMPILED | HL_WAIT_IDLE);
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
    return status == HL_OK ? HL_OK : hl__fail_as("register");
}

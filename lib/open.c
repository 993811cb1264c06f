/* Where the rooms meet: hl_open gives core its store, compiler, loader and control socket. The only file that knows all
 * of them; nothing includes it. */
#include "core/crash.h"
#include "core/error.h"
#include "core/extension.h"
#include "core/fault.h"
#include "core/runtime.h"
#include "core/validate.h"
#include "jit/client.h"
#include "library/library.h"
#include "observe/control.h"
#include "observe/prepared.h"
#include "store/store.h"
#include "worker/isolated.h"

#define KNOWN_FLAGS                                                                                                    \
    (HL_OPEN_RECORDS_ONLY | HL_OPEN_READ_ONLY | HL_OPEN_START_REGISTERED | HL_OPEN_PERF_MAP | HL_OPEN_NO_CONTROL |     \
     HL_OPEN_RECORD_FAULTS)

static hl_status check_options(const hl_options *options, hl_options *out)
{
    hl_status status = HL_OK;

    if (options)
        status = hl__copy_struct("open", "options", out, sizeof(*out), options, offsetof(hl_options, jit_program));
    if (status == HL_OK)
        status = hl__check_flags("open", out->flags, KNOWN_FLAGS);
    if (status == HL_OK && !out->store)
        status = hl__fail(HL_ERR_INVALID, "open", "store", "The store is NULL; give \"lmdb:DIR\" or \"memory:\".");
    if (status == HL_OK && (out->engine < HL_ENGINE_REFERENCE || out->engine > HL_ENGINE_FUSED))
        status =
            hl__fail(HL_ERR_INVALID, "open", "engine", "Engine %d is none; give HL_ENGINE_COMPILED.", (int)out->engine);
    return status;
}

static hl_status open_compiler(const hl_options *options, hl__compiler **out)
{
    hl__jit_options jit = {.program = options->jit_program,
                           .timeout_ms = options->compile_timeout_ms,
                           .perf_map = options->flags & HL_OPEN_PERF_MAP};

    if (options->engine < HL_ENGINE_COMPILED || (options->flags & HL_OPEN_RECORDS_ONLY))
        return HL_OK;
    return hl__jit_new(&jit, out);
}

static hl_status open_parts(const hl_options *options, hl__parts *parts)
{
    unsigned flags = options->flags & HL_OPEN_READ_ONLY ? HL__STORE_READ_ONLY : 0;
    hl_status status = hl__store_open(options->store, flags, options->store_map_bytes, &parts->store);

    if (status == HL_OK)
        status = open_compiler(options, &parts->compiler);
    parts->loader = &hl__loader;
    parts->isolator = &hl__workers;
    parts->control_open = hl__control_open;
    parts->control_fd = hl__control_fd;
    parts->control_service = hl__control_service;
    parts->control_close = hl__control_close;
    parts->prepared_tick = hl__prepared_tick;
    parts->prepared_close = hl__prepared_close;
    return status;
}

static void close_parts(hl__parts *parts)
{
    hl__error_copy error;

    hl__error_save(&error);
    if (parts->compiler)
        parts->compiler->ops->destroy(parts->compiler);
    if (parts->store)
        parts->store->ops->close(parts->store);
    hl__error_restore(&error);
}

static void begin_extension(hl_runtime *runtime)
{
    const hl__extension *extension = hl__extension_get();

    if (extension && !(runtime->options.flags & HL_OPEN_RECORDS_ONLY))
        extension->opened(runtime);
}

hl_status hl_open(const hl_options *options, hl_runtime **out)
{
    hl_options checked = HL_OPTIONS_INIT;
    hl__parts parts = {0};
    hl_status status = check_options(options, &checked);

    if (status == HL_OK && !out)
        status = hl__fail(HL_ERR_INVALID, "open", "out", "The place for the runtime is NULL.");
    if (status == HL_OK)
        status = open_parts(&checked, &parts);
    if (status == HL_OK)
        status = hl__runtime_new(&checked, &parts, out);
    if (status == HL_OK) {
        hl__faults_open(*out);
        hl__crash_collect(*out);
        begin_extension(*out);
    } else {
        close_parts(&parts);
    }
    return status == HL_OK ? HL_OK : hl__fail_as("open");
}

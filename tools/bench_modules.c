/* The store and the workers with which the worker case of hookline bench measures modules. */
#include <limits.h>

#include "bench_modules.h"

static hl_status take_code(bench_modules_state *of)
{
    hl_module_code code = HL_MODULE_CODE_INIT;
    char library[PATH_MAX + 64];
    hl_status status =
        hl_module_load_file(of->runtime, bench_part_path(BENCH_MODULE_LIBRARY, library, sizeof(library)), &code);

    hl_module_code_cleanup(&code);
    return status;
}

static hl_status register_keys(bench_modules_state *of)
{
    hl_module_spec specs[BENCH_KEYS];
    hl_status status = HL_OK;

    for (size_t i = 0; status == HL_OK && i < BENCH_KEYS; i++) {
        status = hl_key_new(&of->keys[i]);
        specs[i] = (hl_module_spec)HL_MODULE_SPEC_INIT(of->keys[i], BENCH_MODULE);
    }
    return status == HL_OK ? hl_module_register_many(of->runtime, specs, BENCH_KEYS) : status;
}

static hl_status load_key(bench_modules_state *of, bool no_spin, hl_key *key)
{
    hl_isolation how = bench_isolation();
    hl_status status = hl_key_new(key);
    hl_module_spec spec = HL_MODULE_SPEC_INIT(*key, BENCH_MODULE);

    how.no_spin = no_spin;
    spec.isolation = &how;
    if (status == HL_OK)
        status = hl_module_register(of->runtime, &spec);
    return status == HL_OK ? hl_module_load(of->runtime, key) : status;
}

static hl_status fill(bench_modules_state *of)
{
    hl_status status = take_code(of);

    if (status == HL_OK)
        status = register_keys(of);
    if (status == HL_OK)
        status = load_key(of, true, &of->sleeping);
    if (status == HL_OK)
        status = load_key(of, false, &of->looking);
    return status == HL_OK ? hl_module_worker_pid(of->runtime, &of->sleeping, &of->sleeping_pid) : status;
}

int bench_modules(bench *b, bench_isolated *unused)
{
    bench_modules_state of = {.processors = bench_processors_now()};
    char store[PATH_MAX + 64];
    int code = bench_runtime(b, bench_store_url(b, "modules", store, sizeof(store)), HL_ENGINE_REFERENCE, &of.runtime);

    (void)unused;
    if (code == TOOL_DONE && fill(&of) != HL_OK)
        code = tool_fail(b->context);
    if (code == TOOL_DONE)
        code = bench_bare_start(b, false, &of.bare);
    if (code == TOOL_DONE)
        code = bench_module_lookups(b, &of);
    if (code == TOOL_DONE) {
        bench_processors_keep(&of.processors, 0, 0);
        code = bench_module_calls(b, &of);
        bench_processors_free(&of.processors, 0);
    }
    if (bench_bare_end(b, of.bare) != TOOL_DONE && code == TOOL_DONE)
        code = TOOL_REFUSED;
    hl_close(of.runtime);
    return code;
}

/* See calling.h. */
#include "tests/module/support/calling.h"

void take_code(const char *path)
{
    hl_module_code code = HL_MODULE_CODE_INIT;

    ok(hl_module_load_file(test_runtime, path, &code));
    hl_module_code_cleanup(&code);
}

hl_key key_of(unsigned number)
{
    hl_key key = {{0}};

    memcpy(key.bytes, &number, sizeof(number));
    return key;
}

void put(hl_key key, const char *module, const hl_isolation *isolation)
{
    hl_module_spec spec = HL_MODULE_SPEC_INIT(key, module);

    spec.isolation = isolation;
    ok(hl_module_register(test_runtime, &spec));
}

int calling_begin(void **state)
{
    test_module_begin(state);
    take_code(PLUGIN("calls_1"));
    put(key_of(1), "calls", NULL);
    return 0;
}

int32_t pid_of(hl_key key)
{
    int32_t pid = 0;

    return hl_module_worker_pid(test_runtime, &key, &pid) == HL_OK ? pid : 0;
}

const char *call(call_fn *how, hl_key key, const char *function, const char *json, uint32_t timeout_ms)
{
    static __thread char texts[4][256];
    static __thread unsigned next;
    char *text = texts[next++ % 4], *written = NULL;
    hl_value *args = NULL, *result = NULL;
    hl_status status = json ? hl_value_from_json(json, &args) : HL_OK;

    if (status == HL_OK)
        status = how(test_runtime, &key, function, args, timeout_ms, &result);
    if (status == HL_OK)
        status = hl_value_to_json(result, &written);
    snprintf(text, sizeof(texts[0]), "%s", status == HL_OK ? written : hl_status_name(status));
    free(written);
    hl_value_free(args);
    hl_value_free(result);
    return text;
}

const char *said(const char *what)
{
    return strstr(hl_last_error()->message, what);
}

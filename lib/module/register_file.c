/* Registering a key to a file, whatever it is: a shared object, or source to be compiled. */
#include <string.h>

#include "core/error.h"
#include "module/code_keep.h"

#define ACTION "register module"

static bool is_library(const char *path)
{
    size_t len = path ? strlen(path) : 0;

    return len > 3 && strcmp(path + len - 3, ".so") == 0;
}

static hl_status register_library(hl_runtime *runtime, const hl_key *key, const char *path, hl_module_code *out)
{
    hl_status status = hl__code_begin(ACTION, out);

    return status == HL_OK ? hl__code_take_file(runtime, path, key, out) : status;
}

static hl_status register_source(hl_runtime *runtime, const hl_key *key, const char *path, hl_module_code *out)
{
    hl_module_source source = HL_MODULE_SOURCE_INIT(NULL, 0);

    source.key = key;
    return hl_module_compile_file(runtime, path, &source, out);
}

hl_status hl_module_register_file(hl_runtime *runtime, const hl_key *key, const char *path, hl_module_code *out)
{
    hl_status status;

    if (!key)
        status = hl__fail(HL_ERR_INVALID, ACTION, "key", "The key is NULL; hl_key_new makes one.");
    else if (is_library(path))
        status = register_library(runtime, key, path, out);
    else
        status = register_source(runtime, key, path, out);
    return status == HL_OK ? HL_OK : hl__fail_as(ACTION);
}

/* What is registered, as a list; and the functions of a module. Read in full before the caller's function is called. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hookline/modules.h>

#include "core/document.h"
#include "core/error.h"
#include "core/grow.h"
#include "module/code.h"
#include "module/key_document.h"
#include "module/loaded.h"
#include "module/registry_table.h"

#define ACTION "modules"

typedef struct entry {
    hl_key key;
    hl__key_document document;
} entry;

typedef struct listing {
    hl_runtime *runtime;
    entry *entries; /* in the order of their keys, which is that of their documents */
    size_t len, room;
    hl__code_document *codes; /* by name */
    size_t codes_len, codes_room;
} listing;

static hl_status take_key(void *user, const char *name, const char *text)
{
    listing *to = user;
    entry *at;
    hl_status status;

    if (!hl__grow(&to->entries, to->len, &to->room, sizeof(entry)))
        return hl__fail_memory(ACTION);
    at = &to->entries[to->len];
    status = hl__key_decode(name, text, &at->key, &at->document);
    to->len += status == HL_OK;
    return status == HL_ERR_STORE_CORRUPT ? HL_OK : status;
}

static hl_status take_code(void *user, const char *name, const char *text)
{
    listing *to = user;
    hl_status status;

    if (!hl__grow(&to->codes, to->codes_len, &to->codes_room, sizeof(hl__code_document)))
        return hl__fail_memory(ACTION);
    status = hl__code_decode(name + strlen(HL__MODULE_KEY), text, &to->codes[to->codes_len]);
    to->codes_len += status == HL_OK;
    return status == HL_ERR_STORE_CORRUPT ? HL_OK : status;
}

static hl_status read_listing(hl_runtime *runtime, listing *out)
{
    hl_status status = hl__document_walk(runtime, HL__KEY_KEY, take_key, out);

    out->runtime = runtime;
    return status == HL_OK ? hl__document_walk(runtime, HL__MODULE_KEY, take_code, out) : status;
}

static void free_listing(listing *list)
{
    for (size_t i = 0; i < list->len; i++)
        hl__key_document_cleanup(&list->entries[i].document);
    for (size_t i = 0; i < list->codes_len; i++)
        hl__code_document_cleanup(&list->codes[i]);
    free(list->entries);
    free(list->codes);
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

static int compare_names(const void *name, const void *code)
{
    return strcmp(name, ((const hl__code_document *)code)->name);
}

static const hl__code_document *find_code(const listing *list, const char *module)
{
    return list->codes_len ? bsearch(module, list->codes, list->codes_len, sizeof(list->codes[0]), compare_names)
                           : NULL;
}

/* *path is owned by the caller. */
static void tell_code(const listing *list, const hl__code_document *code, hl_module_info *info, char **path)
{
    if (!code || hl__code_path(list->runtime, code, path) != HL_OK)
        return;
    info->version = code->version;
    info->sha256 = code->sha256;
    info->path = *path;
    info->available = access(*path, R_OK) == 0;
}

static void tell_loaded(hl_runtime *runtime, hl_module_info *info)
{
    hl__module_room *room = hl__module_room_of(runtime);
    hl__loaded *loaded = room ? hl__loaded_find(room, &info->key) : NULL;

    if (loaded && !hl__loaded_is_dead(loaded)) {
        info->loaded = true;
        info->pid = hl__pool_pid(loaded->pool);
        info->calls = hl__pool_calls(loaded->pool);
        info->holders = __atomic_load_n(&loaded->hold->holders, __ATOMIC_ACQUIRE) +
                        __atomic_load_n(&loaded->hold->kept, __ATOMIC_ACQUIRE);
    }
    hl__loaded_unref(loaded);
}

static bool tell(const listing *list, const entry *entry, bool (*callback)(const hl_module_info *, void *), void *user)
{
    hl_module_info info = {.size = sizeof(info),
                           .key = entry->key,
                           .module = entry->document.module,
                           .version = "",
                           .path = "",
                           .sha256 = ""};
    char *path = NULL;
    bool more;

    tell_code(list, find_code(list, info.module), &info, &path);
    tell_loaded(list->runtime, &info);
    more = callback(&info, user);
    free(path);
    return more;
}

hl_status hl_modules(hl_runtime *runtime, bool (*callback)(const hl_module_info *, void *user), void *user)
{
    listing list = {0};
    bool more = true;
    hl_status status;

    if (!runtime || !callback)
        return hl__fail(HL_ERR_INVALID, ACTION, runtime ? "callback" : "runtime", "The pointer is NULL.");
    status = read_listing(runtime, &list);
    for (size_t i = 0; status == HL_OK && more && i < list.len; i++)
        more = tell(&list, &list.entries[i], callback, user);
    free_listing(&list);
    return status == HL_OK ? HL_OK : hl__fail_as(ACTION);
}

/* ---- functions --------------------------------------------------------------------------------------------------- */

hl_status hl_module_functions(hl_runtime *runtime, const hl_key *key,
                              bool (*callback)(const char *name, const char *doc, void *user), void *user)
{
    char name[HL_MODULE_NAME_MAX];
    hl__code_document code = {0};
    bool more = true;
    hl_status status;

    if (!callback)
        return hl__fail(HL_ERR_INVALID, "module functions", "callback", "The pointer is NULL.");
    status = hl_module_lookup(runtime, key, name);
    if (status == HL_OK)
        status = hl__code_find(runtime, name, &code);
    for (size_t i = 0; status == HL_OK && more && i < code.functions_len; i++)
        more = callback(code.functions[i].name, code.functions[i].doc, user);
    hl__code_document_cleanup(&code);
    return status == HL_OK ? HL_OK : hl__fail_as("module functions");
}

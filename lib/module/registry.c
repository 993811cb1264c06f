/* The registry of keys: registering, looking up, removing. A lookup that finds its key reads nothing but published
 * memory; one that does not asks the store before it says so. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/isolate.h"
#include "core/reading.h"
#include "core/validate.h"
#include "module/changes.h"
#include "module/code.h"
#include "module/register.h"
#include "module/registry_table.h"

#define ACTION "register module"
#define MANY_MOST 100000

/* ---- registering ------------------------------------------------------------------------------------------------- */

typedef struct row {
    hl_key key;
    hl__key_document document;
    char name[HL__KEY_KEY_LEN];
} row;

typedef struct batch {
    row *rows;
    size_t len;
} batch;

static void free_batch(batch *batch)
{
    for (size_t i = 0; i < batch->len; i++)
        hl__key_document_cleanup(&batch->rows[i].document);
    free(batch->rows);
}

static hl_status write_isolation(const hl_isolation *isolation, char **text)
{
    if (isolation && isolation->mode != HL_IN_WORKER)
        return hl__fail(HL_ERR_INVALID, ACTION, "isolation.mode",
                        "Modules run in workers only: the mode is HL_IN_WORKER.");
    if (isolation && isolation->when_full == HL_RUN_INLINE)
        return hl__fail(HL_ERR_INVALID, ACTION, "isolation.when_full",
                        "A module is never mapped here, so its calls cannot run inline; choose HL_SHED or HL_WAIT.");
    if (isolation)
        return hl__isolation_write(isolation, false, text);
    *text = strdup("");
    return *text ? HL_OK : hl__fail_memory(ACTION);
}

static hl_status read_spec(const hl_module_spec *spec, row *out)
{
    hl_module_spec checked = {.size = sizeof(checked)};
    hl_status status =
        hl__copy_struct(ACTION, "spec", &checked, sizeof(checked), spec, offsetof(hl_module_spec, isolation));

    if (status == HL_OK)
        status = hl__module_name_check(ACTION, "module", checked.module);
    if (status == HL_OK)
        status = write_isolation(checked.isolation, &out->document.isolation);
    if (status != HL_OK)
        return status;
    out->key = checked.key;
    hl__key_document_name(&out->key, out->name);
    out->document.module = strdup(checked.module);
    return out->document.module ? HL_OK : hl__fail_memory(ACTION);
}

/* The specs lie one behind the other with the size that the caller's header gives them. */
static hl_status read_specs(const hl_module_spec *specs, size_t len, batch *out)
{
    hl_status status = HL_OK;

    if (len > MANY_MOST)
        return hl__fail(HL_ERR_LIMIT, ACTION, "len", "At most %d keys are registered in one commit.", MANY_MOST);
    out->rows = calloc(len, sizeof(row));
    if (!out->rows)
        return hl__fail_memory(ACTION);
    for (; status == HL_OK && out->len < len; out->len++) {
        const hl_module_spec *spec = (const hl_module_spec *)((const char *)specs + out->len * specs->size);

        if (spec->size != specs->size)
            return hl__fail(HL_ERR_STRUCT_SIZE, ACTION, "specs", "Spec %zu has another size than the first one.",
                            out->len);
        status = read_spec(spec, &out->rows[out->len]);
    }
    return status;
}

static hl_status note_changes(hl__documents *documents, const batch *batch)
{
    const char **names = calloc(batch->len, sizeof(*names));
    hl_status status;

    if (!names)
        return hl__fail_memory(ACTION);
    for (size_t i = 0; i < batch->len; i++)
        names[i] = batch->rows[i].name;
    status = hl__changes_put(documents, names, batch->len);
    free(names);
    return status;
}

static hl_status put_batch(void *user, hl__documents *documents)
{
    const batch *batch = user;
    hl_status status = HL_OK;

    for (size_t i = 0; status == HL_OK && i < batch->len; i++)
        status = hl__register_put(documents, &batch->rows[i].key, &batch->rows[i].document);
    return status == HL_OK ? note_changes(documents, batch) : status;
}

static hl_status register_specs(hl_runtime *runtime, const hl_module_spec *specs, size_t len)
{
    batch batch = {0};
    hl_status status = read_specs(specs, len, &batch);

    if (status == HL_OK)
        status = hl__commit_documents(runtime, ACTION, NULL, 0, put_batch, &batch, 0, NULL);
    if (status == HL_OK)
        hl__registry_moved(runtime);
    free_batch(&batch);
    return status == HL_OK ? HL_OK : hl__fail_as(ACTION);
}

hl_status hl_module_register(hl_runtime *runtime, const hl_module_spec *spec)
{
    return hl_module_register_many(runtime, spec, 1);
}

hl_status hl_module_register_many(hl_runtime *runtime, const hl_module_spec *specs, size_t len)
{
    if (!runtime || (!specs && len > 0))
        return hl__fail(HL_ERR_INVALID, ACTION, runtime ? "specs" : "runtime", "The pointer is NULL.");
    return len > 0 ? register_specs(runtime, specs, len) : HL_OK;
}

/* ---- removing ---------------------------------------------------------------------------------------------------- */

static hl_status remove_key(void *user, hl__documents *documents)
{
    const char *name = user;
    char *text = NULL;
    hl_status status = hl__documents_get(documents, name, &text);

    free(text);
    if (status == HL_ERR_NOT_FOUND)
        return HL_OK;
    if (status == HL_OK)
        status = hl__documents_put(documents, name, NULL);
    return status == HL_OK ? hl__changes_put(documents, &name, 1) : status;
}

hl_status hl_module_unregister(hl_runtime *runtime, const hl_key *key)
{
    char name[HL__KEY_KEY_LEN];
    hl_status status;

    if (!runtime || !key)
        return hl__fail(HL_ERR_INVALID, "unregister module", runtime ? "key" : "runtime", "The pointer is NULL.");
    hl__key_document_name(key, name);
    status = hl__commit_documents(runtime, "unregister module", NULL, 0, remove_key, name, 0, NULL);
    if (status == HL_OK)
        hl__registry_moved(runtime);
    return status == HL_OK ? HL_OK : hl__fail_as("unregister module");
}

/* A failure to look shows again at the next question. One that has closed has no log either. */
void hl__registry_moved(hl_runtime *runtime)
{
    hl__module_room *room = hl__module_room_of(runtime);
    hl__error_copy error;
    hl_status status;

    hl__error_save(&error);
    status = room ? hl__keys_follow(room) : HL_OK;
    if (status != HL_OK && status != HL_ERR_CLOSED)
        hl__log(runtime, HL_LOG_ERROR, "module", "%s", hl_last_error()->message);
    hl__error_restore(&error);
}

/* ---- looking up -------------------------------------------------------------------------------------------------- */

static bool read_name(const hl__module_room *room, const hl_key *key, char name[HL_MODULE_NAME_MAX])
{
    const hl__key_row *found;

    if (!room)
        return false;
    hl__reading_begin();
    found = hl__keymap_get(__atomic_load_n(&room->keys, __ATOMIC_ACQUIRE), key);
    if (found)
        memcpy(name, found->document.module, strlen(found->document.module) + 1); /* checked as it was read */
    hl__reading_end();
    return found != NULL;
}

/* In the store, and from then on in memory. */
static hl_status look_in_store(hl_runtime *runtime, const hl_key *key, char name[HL_MODULE_NAME_MAX])
{
    char text[HL_KEY_TEXT];
    hl__module_room *room = NULL;
    hl_status status = hl__module_room_need(runtime, "module lookup", &room);

    if (status == HL_OK)
        status = hl__keys_follow(room);
    if (status != HL_OK || read_name(room, key, name))
        return status;
    hl_key_format(key, text);
    return hl__fail(HL_ERR_NOT_FOUND, "module lookup", "key", "Nothing is registered under %s.", text);
}

hl_status hl_module_lookup(hl_runtime *runtime, const hl_key *key, char name[HL_MODULE_NAME_MAX])
{
    if (!runtime || !key || !name)
        return hl__fail(HL_ERR_INVALID, "module lookup",
                        !runtime ? "runtime"
                        : key    ? "name"
                                 : "key",
                        "The pointer is NULL.");
    if (read_name(hl__module_room_of(runtime), key, name))
        return HL_OK;
    return look_in_store(runtime, key, name) == HL_OK ? HL_OK : hl__fail_as("module lookup");
}

bool hl_module_is_registered(hl_runtime *runtime, const hl_key *key)
{
    char name[HL_MODULE_NAME_MAX];

    return hl_module_lookup(runtime, key, name) == HL_OK;
}

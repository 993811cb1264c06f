/* The public verbs of loading: load, reload, release, and whether a key is loaded. */
#include <hookline/modules.h>

#include "core/error.h"
#include "module/load.h"

static hl_status begin(hl_runtime *runtime, const char *action, const hl_key *key, hl__module_room **room)
{
    hl_status status;

    if (!key)
        return hl__fail(HL_ERR_INVALID, action, "key", "The key is NULL.");
    status = hl__check_may_wait(runtime, action);
    return status == HL_OK ? hl__module_room_need(runtime, action, room) : status;
}

hl_status hl_module_load(hl_runtime *runtime, const hl_key *key)
{
    hl__loaded *loaded = NULL;
    hl__module_room *room = NULL;
    hl_status status = begin(runtime, "load module", key, &room);

    if (status == HL_OK)
        status = hl__load(room, key, HL__WANT_KEPT, hl__now_ns() + HL__LOAD_MS * UINT64_C(1000000), &loaded);
    hl__loaded_unref(loaded);
    return status == HL_OK ? HL_OK : hl__fail_as("load module");
}

hl_status hl_module_reload(hl_runtime *runtime, const hl_key *key)
{
    hl__module_room *room = NULL;
    hl_status status = begin(runtime, "reload module", key, &room);

    if (status == HL_OK)
        status = hl__load_again(room, key);
    return status == HL_OK ? HL_OK : hl__fail_as("reload module");
}

hl_status hl_module_release(hl_runtime *runtime, const hl_key *key)
{
    hl__module_room *room = NULL;
    hl_status status = begin(runtime, "release module", key, &room);

    if (status == HL_OK)
        status = hl__load_release(room, key);
    return status == HL_OK ? HL_OK : hl__fail_as("release module");
}

/* With a reference for the caller; NULL: not loaded. */
static hl__loaded *find_alive(hl_runtime *runtime, const hl_key *key)
{
    hl__module_room *room = hl__module_room_of(runtime);
    hl__loaded *loaded = room && key ? hl__loaded_find(room, key) : NULL;

    if (!loaded || !hl__loaded_is_dead(loaded))
        return loaded;
    hl__loaded_unref(loaded);
    return NULL;
}

bool hl_module_is_loaded(hl_runtime *runtime, const hl_key *key)
{
    hl__loaded *loaded = find_alive(runtime, key);

    hl__loaded_unref(loaded);
    return loaded != NULL;
}

hl_status hl_module_worker_pid(hl_runtime *runtime, const hl_key *key, int32_t *pid)
{
    hl__loaded *loaded;

    if (!runtime || !key || !pid)
        return hl__fail(HL_ERR_INVALID, "module worker",
                        !runtime ? "runtime"
                        : key    ? "pid"
                                 : "key",
                        "The pointer is NULL.");
    loaded = find_alive(runtime, key);
    *pid = loaded ? hl__pool_pid(loaded->pool) : 0;
    hl__loaded_unref(loaded);
    if (*pid)
        return HL_OK;
    return hl__fail(HL_ERR_NOT_LOADED, "module worker", "key", "The key has no worker in this process at the moment.");
}

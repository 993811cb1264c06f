/* The room of modules in a runtime: its making, and its end as the runtime closes; see room.h. */
#include "module/room.h"

#include <stdlib.h>

#include "core/error.h"
#include "core/extension.h"
#include "module/code.h"
#include "module/loaded.h"
#include "module/registry_table.h"

hl__module_room *hl__module_room_of(hl_runtime *runtime)
{
    return runtime ? __atomic_load_n(hl__extension_slot(runtime, HL__ROOM_MODULE), __ATOMIC_ACQUIRE) : NULL;
}

static void discard(hl__module_room *room)
{
    hl__gates_free(room->gates);
    pthread_cond_destroy(&room->freed);
    pthread_mutex_destroy(&room->lock);
    free(room);
}

static hl__module_room *make(hl_runtime *runtime)
{
    hl__module_room *room = calloc(1, sizeof(*room));

    if (!room)
        return NULL;
    room->runtime = runtime;
    pthread_mutex_init(&room->lock, NULL);
    pthread_cond_init(&room->freed, NULL);
    room->gates = hl__gates_new();
    if (room->gates)
        return room;
    discard(room);
    return NULL;
}

/* Under the runtime's lock, so that none is made once closing has begun: see last_room. */
static hl_status add(hl_runtime *runtime, const char *action, hl__module_room **out)
{
    *out = hl__module_room_of(runtime);
    if (*out)
        return HL_OK;
    if (__atomic_load_n(&runtime->closing, __ATOMIC_ACQUIRE))
        return hl__fail(HL_ERR_CLOSED, action, "runtime", "The runtime is closed.");
    *out = make(runtime);
    if (!*out)
        return hl__fail_memory("module");
    __atomic_store_n(hl__extension_slot(runtime, HL__ROOM_MODULE), *out, __ATOMIC_RELEASE);
    return HL_OK;
}

hl_status hl__module_room_need(hl_runtime *runtime, const char *action, hl__module_room **out)
{
    hl_status status;

    *out = hl__module_room_of(runtime);
    if (*out && runtime->pid == getpid())
        return HL_OK;
    status = hl__lock(runtime, action);
    if (status != HL_OK)
        return status;
    status = add(runtime, action, out);
    hl__unlock(runtime);
    return status;
}

/* ---- the runtime's life ---- */

void hl__modules_opened(hl_runtime *runtime)
{
    hl__code_opened(runtime);
}

void hl__modules_tick(hl_runtime *runtime)
{
    hl__registry_moved(runtime);
}

/* With the lock, so that one which somebody is making at this moment is seen. */
static hl__module_room *last_room(hl_runtime *runtime)
{
    hl__module_room *room = NULL;

    if (hl__lock(runtime, "close") == HL_OK) {
        room = hl__module_room_of(runtime);
        hl__unlock(runtime);
    }
    return room;
}

void hl__modules_closing(hl_runtime *runtime)
{
    hl__module_room *room = last_room(runtime);

    if (room) {
        hl__loaded_end_all(room);
        hl__keys_empty(room);
    }
    hl__code_closed(runtime);
}

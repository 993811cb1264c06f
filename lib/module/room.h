/* What libhookline keeps for a runtime that has to do with modules: the registry as this process sees it, and the keys
 * that are loaded here. Made when it is first asked for, in records-only runtimes too; it stays with the runtime's
 * shell after hl_close. */
#ifndef HL_MODULE_ROOM_H
#define HL_MODULE_ROOM_H

#include <pthread.h>

#include "core/runtime.h"
#include "module/gate.h"
#include "module/keymap.h"

typedef struct hl__module_room {
    hl_runtime *runtime;
    pthread_mutex_t lock; /* taken before the runtime's, never inside it */
    pthread_cond_t freed; /* loaded_len fell */
    hl__keymap *keys;     /* atomic; of hl__key_row (registry_table.h) */
    uint64_t revision;    /* of the store, when `keys` was last compared with it */
    uint64_t changes;     /* that `keys` shows (changes.h) */
    bool filled;          /* `keys` shows anything */
    hl__keymap *loaded;   /* atomic; of hl__loaded (loaded.h) */
    size_t loaded_len;    /* objects that are not freed yet */
    bool closing;         /* nothing is loaded any more */
    hl__gates *gates;
} hl__module_room;

/* Makes it where it is missing: HL_ERR_INVALID, HL_ERR_FORKED, HL_ERR_CLOSED, HL_ERR_NO_MEMORY. */
hl_status hl__module_room_need(hl_runtime *runtime, const char *action, hl__module_room **out);
/* NULL: nobody has asked for it yet. Lock-free. */
hl__module_room *hl__module_room_of(hl_runtime *runtime);

/* ---- for lib/libhookline.c; see core/extension.h ---- */
void hl__modules_opened(hl_runtime *runtime);
void hl__modules_closing(hl_runtime *runtime);
void hl__modules_tick(hl_runtime *runtime);

#endif

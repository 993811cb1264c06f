/* What libhookline adds to a runtime, as core sees it: core includes none of its rooms. libhookline's constructor sets
 * it, before any runtime is opened; without libhookline there is none. */
#ifndef HL_CORE_EXTENSION_H
#define HL_CORE_EXTENSION_H

#include "core/runtime.h"

struct json_t;

/* A question of the control protocol, and what answers it: a new JSON object, or NULL with the thread's error set. On a
 * thread that may wait. */
typedef struct hl__question {
    const char *ask;
    struct json_t *(*answer)(hl_runtime *runtime, const struct json_t *request);
} hl__question;

typedef struct hl__extension {
    /* Whether the opened file has the content that a stamp "sha256:HEX" names. HL_ERR_CHECKSUM, HL_ERR_SYSTEM. */
    hl_status (*check_content)(int fd, const char *path, const char *stamp);
    /* Asked before a library with a content stamp is loaded for records of the store: a status with its error
     * refuses it. Without the lock. */
    hl_status (*may_load)(hl_runtime *runtime, const char *library_path);
    /* The runtime has just been opened, is not records-only, and no other thread has it yet: loads what is installed
     * and begins to work. Failures of single apps are its own business. */
    void (*opened)(hl_runtime *runtime);
    /* The runtime, also one that was not `opened`, is about to close: ends what was begun and waits for it. Without the
     * lock. */
    void (*closing)(hl_runtime *runtime);
    /* Once a second, and when another process has committed, on the control thread, without the lock; perhaps before
     * `opened` has returned, without it, and after `closing`. */
    void (*tick)(hl_runtime *runtime);
    const hl__question *questions; /* that only libhookline can answer; the last has no name */
} hl__extension;

HL__SHARED void hl__extension_set(const hl__extension *extension);
const hl__extension *hl__extension_get(void); /* NULL: there is none */

/* ---- what the extension asks of core ---- */

/* Places of the extension's own in the runtime, NULL at first: one for each of its rooms. */
HL__SHARED void **hl__extension_slot(hl_runtime *runtime, hl__extension_room room);

/* Loads a library and gives its code to every record that asks for it by path and stamp, as opening an event would,
 * also to those for which an earlier attempt failed. Without the lock. Fails as may_load or the loader does; the
 * plugins then have the reason. HL_ERR_UNSUPPORTED in a records-only runtime. */
HL__SHARED hl_status hl__load_library(hl_runtime *runtime, const char *path, const char *stamp);

#endif

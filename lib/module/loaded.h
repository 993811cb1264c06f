/* The keys that are loaded in this process: each has a pool of workers. Counted, so that calls go on safely while a key
 * is released; found without a lock. */
#ifndef HL_MODULE_LOADED_H
#define HL_MODULE_LOADED_H

#include "module/code_document.h"
#include "module/registry_table.h"
#include "worker/pool.h"

/* Who wants a key to stay loaded: kept over reloads, gone with a release. */
typedef struct hl__hold {
    uint32_t refs;    /* atomic */
    uint32_t holders; /* atomic; callers of hl_module_run_and_release */
    bool kept;        /* atomic; hl_module_load, hl_module_run */
} hl__hold;

typedef struct hl__loaded {
    hl__retired retired;
    uint32_t refs; /* atomic; that of the published map is one */
    hl__module_room *room;
    hl_key key;
    hl__key_document document;    /* what the key was registered to */
    uint64_t changes;             /* as hl__key_found */
    char sha256[HL__SHA256_TEXT]; /* of the code that the workers run; under the key's gate */
    bool temporary;               /* workers that die are not started again */
    bool withdrawn;               /* atomic; nobody finds it any more */
    uint64_t outdated;            /* atomic; rises as the registry or the code changes: look before the next call */
    uint64_t looked;              /* atomic; `outdated` as it was before the last look */
    hl__pool *pool;
    hl__hold *hold;
} hl__loaded;

/* ---- loaded.c ---- */

/* One that is not published, with one reference and without a pool; takes over the document on success. hold NULL: a
 * new one. HL_ERR_CLOSED as the runtime closes. */
hl_status hl__loaded_new(hl__module_room *room, const hl_key *key, hl__key_found *found, hl__hold *hold,
                         hl__loaded **out);
/* With a reference for the caller; NULL: not loaded. Lock-free. */
hl__loaded *hl__loaded_find(hl__module_room *room, const hl_key *key);
/* The last one frees it with its pool, whose workers have ended. NULL is a no-op. */
void hl__loaded_unref(hl__loaded *loaded);
/* Tells of each one that is to be found and whose worker lives, under the room's lock: `fn` must not come back here. */
void hl__loaded_each(hl__module_room *room, void (*fn)(void *user, const hl__loaded *loaded), void *user);
/* Whether its worker has died for good. */
bool hl__loaded_is_dead(const hl__loaded *loaded);
/* Whether what it runs may not be the newest. It is so until somebody has looked and has what is new in use: others
 * must not call the older code meanwhile. */
bool hl__loaded_is_outdated(const hl__loaded *loaded);

/* Puts it in the place of `before` (NULL: of none), which is withdrawn; the map takes a reference of its own. Then it
 * is for the caller to end before's pool. Under the key's gate. HL_ERR_CLOSED, HL_ERR_NO_MEMORY. */
hl_status hl__loaded_publish(hl__loaded *loaded, hl__loaded *before);
/* Takes it out of sight. True: it was there, and it is for the caller, who has a reference, to end its pool. */
bool hl__loaded_withdraw(hl__loaded *loaded);

/* Those that a changed document ("module/NAME", "key/UUID"; NULL: any) has to do with look before their next call.
 * Under the room's lock. */
void hl__loaded_outdate(hl__module_room *room, const char *document);

/* Nothing is loaded any more, workers have ended, and everything is freed: the runtime closes. */
void hl__loaded_end_all(hl__module_room *room);

#endif

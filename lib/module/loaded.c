/* Loaded keys: counting, finding, publishing and withdrawing them; see loaded.h. */
#include "module/loaded.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/reading.h"

#define ACTION "load module"
#define CLOSE_GRACE_MS 500

/* ---- making and freeing ------------------------------------------------------------------------------------------ */

static hl__hold *hold_ref(hl__hold *hold)
{
    if (!hold)
        return calloc(1, sizeof(*hold));
    __atomic_fetch_add(&hold->refs, 1, __ATOMIC_RELAXED);
    return hold;
}

/* refs counts those beside the first. */
static void hold_unref(hl__hold *hold)
{
    if (__atomic_fetch_sub(&hold->refs, 1, __ATOMIC_ACQ_REL) == 0)
        free(hold);
}

static hl_status closed(void)
{
    return hl__fail(HL_ERR_CLOSED, ACTION, "runtime", "The runtime is closed.");
}

/* Counted before it exists, so that closing waits for it. */
static bool count(hl__module_room *room)
{
    bool open;

    pthread_mutex_lock(&room->lock);
    open = !room->closing;
    room->loaded_len += open;
    pthread_mutex_unlock(&room->lock);
    return open;
}

static void count_down(hl__module_room *room)
{
    pthread_mutex_lock(&room->lock);
    room->loaded_len--;
    pthread_cond_broadcast(&room->freed);
    pthread_mutex_unlock(&room->lock);
}

hl_status hl__loaded_new(hl__module_room *room, const hl_key *key, hl__key_found *found, hl__hold *hold,
                         hl__loaded **out)
{
    hl__loaded *loaded;

    if (!count(room))
        return closed();
    loaded = calloc(1, sizeof(*loaded));
    if (loaded)
        loaded->hold = hold_ref(hold);
    if (!loaded || !loaded->hold) {
        free(loaded);
        count_down(room);
        return hl__fail_memory(ACTION);
    }
    loaded->refs = 1;
    loaded->room = room;
    loaded->key = *key;
    loaded->document = found->document;
    loaded->changes = found->changes;
    memset(&found->document, 0, sizeof(found->document));
    *out = loaded;
    return HL_OK;
}

void hl__loaded_unref(hl__loaded *loaded)
{
    if (!loaded || __atomic_sub_fetch(&loaded->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    if (loaded->pool)
        hl__pool_free(loaded->pool);
    hl__key_document_cleanup(&loaded->document);
    hold_unref(loaded->hold);
    count_down(loaded->room);
    free(loaded);
}

static hl__loaded *ref(hl__loaded *loaded)
{
    __atomic_fetch_add(&loaded->refs, 1, __ATOMIC_RELAXED);
    return loaded;
}

/* ---- finding ----------------------------------------------------------------------------------------------------- */

/* The map's own reference is given up only when no reader can have found it there. */
hl__loaded *hl__loaded_find(hl__module_room *room, const hl_key *key)
{
    hl__loaded *found;

    hl__reading_begin();
    found = hl__keymap_get(__atomic_load_n(&room->loaded, __ATOMIC_ACQUIRE), key);
    if (found && __atomic_load_n(&found->withdrawn, __ATOMIC_ACQUIRE))
        found = NULL;
    if (found)
        ref(found);
    hl__reading_end();
    return found;
}

bool hl__loaded_is_dead(const hl__loaded *loaded)
{
    return hl__pool_has_failed(loaded->pool) || (loaded->temporary && hl__pool_pid(loaded->pool) == 0);
}

bool hl__loaded_is_outdated(const hl__loaded *loaded)
{
    return __atomic_load_n(&loaded->outdated, __ATOMIC_ACQUIRE) != __atomic_load_n(&loaded->looked, __ATOMIC_ACQUIRE);
}

void hl__loaded_each(hl__module_room *room, void (*fn)(void *user, const hl__loaded *loaded), void *user)
{
    pthread_mutex_lock(&room->lock);
    for (size_t i = 0; room->loaded && i <= room->loaded->mask; i++) {
        const hl__loaded *loaded = room->loaded->slots[i].value;

        if (loaded && !loaded->withdrawn && !hl__loaded_is_dead(loaded))
            fn(user, loaded);
    }
    pthread_mutex_unlock(&room->lock);
}

/* ---- publishing; under the room's lock --------------------------------------------------------------------------- */

static void release(hl__retired *retired)
{
    hl__loaded_unref((hl__loaded *)((char *)retired - offsetof(hl__loaded, retired)));
}

static void retire_withdrawn(const hl__keymap *map)
{
    for (size_t i = 0; map && i <= map->mask; i++) {
        hl__loaded *loaded = map->slots[i].value;

        if (!loaded || !loaded->withdrawn)
            continue;
        loaded->retired.release = release;
        hl__retire(&loaded->retired);
    }
}

/* Those that were withdrawn are in no map then, and go when nobody can have found them. */
static void publish(hl__module_room *room, hl__keymap *map)
{
    hl__keymap *before = hl__keymap_publish(&room->loaded, map);

    retire_withdrawn(before);
    hl__keymap_retire(before);
}

/* Publishes a map without those that are withdrawn, and with `added` (NULL: none). Without memory everything stays as
 * it is; what is withdrawn is then left out by the next one. */
static bool rebuild(hl__module_room *room, hl__loaded *added)
{
    const hl__keymap *before = room->loaded;
    hl__keymap *map = hl__keymap_new((before ? before->len : 0) + 1);

    if (!map)
        return false;
    for (size_t i = 0; before && i <= before->mask; i++) {
        hl__loaded *loaded = before->slots[i].value;

        if (loaded && !loaded->withdrawn)
            hl__keymap_put(map, &loaded->key, loaded);
    }
    if (added)
        hl__keymap_put(map, &added->key, ref(added));
    publish(room, map);
    return true;
}

static void set_withdrawn(hl__loaded *loaded, bool withdrawn)
{
    __atomic_store_n(&loaded->withdrawn, withdrawn, __ATOMIC_RELEASE);
}

static void outdate(hl__loaded *loaded)
{
    __atomic_fetch_add(&loaded->outdated, 1, __ATOMIC_RELEASE);
}

/* What has changed since its key was looked up was told to those that could be found, which it could not. */
static hl_status replace(hl__module_room *room, hl__loaded *before, hl__loaded *loaded)
{
    if (room->closing)
        return closed();
    if (loaded->changes != room->changes)
        outdate(loaded);
    if (before)
        set_withdrawn(before, true);
    if (rebuild(room, loaded))
        return HL_OK;
    if (before)
        set_withdrawn(before, false);
    return hl__fail_memory(ACTION);
}

hl_status hl__loaded_publish(hl__loaded *loaded, hl__loaded *before)
{
    hl_status status;

    pthread_mutex_lock(&loaded->room->lock);
    status = replace(loaded->room, before, loaded);
    pthread_mutex_unlock(&loaded->room->lock);
    return status;
}

static bool withdraw(hl__loaded *loaded)
{
    if (loaded->withdrawn)
        return false;
    set_withdrawn(loaded, true);
    rebuild(loaded->room, NULL);
    return true;
}

bool hl__loaded_withdraw(hl__loaded *loaded)
{
    bool was_there;

    pthread_mutex_lock(&loaded->room->lock);
    was_there = withdraw(loaded);
    pthread_mutex_unlock(&loaded->room->lock);
    return was_there;
}

static bool concerns(const char *document, const hl__loaded *loaded)
{
    char key[HL__KEY_KEY_LEN];

    if (!document)
        return true;
    if (strncmp(document, HL__MODULE_KEY, strlen(HL__MODULE_KEY)) == 0)
        return strcmp(document + strlen(HL__MODULE_KEY), loaded->document.module) == 0;
    hl__key_document_name(&loaded->key, key);
    return strcmp(document, key) == 0;
}

void hl__loaded_outdate(hl__module_room *room, const char *document)
{
    for (size_t i = 0; room->loaded && i <= room->loaded->mask; i++) {
        hl__loaded *loaded = room->loaded->slots[i].value;

        if (loaded && concerns(document, loaded))
            outdate(loaded);
    }
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

/* Any one that is still to be found, withdrawn and with a reference; NULL: there is none. */
static hl__loaded *take_any(hl__module_room *room)
{
    for (size_t i = 0; room->loaded && i <= room->loaded->mask; i++) {
        hl__loaded *loaded = room->loaded->slots[i].value;

        if (!loaded || loaded->withdrawn)
            continue;
        ref(loaded);
        withdraw(loaded);
        return loaded;
    }
    return NULL;
}

void hl__loaded_end_all(hl__module_room *room)
{
    hl__loaded *loaded;

    pthread_mutex_lock(&room->lock);
    __atomic_store_n(&room->closing, true, __ATOMIC_RELEASE);
    while ((loaded = take_any(room)) != NULL) {
        pthread_mutex_unlock(&room->lock);
        hl__pool_end(loaded->pool, CLOSE_GRACE_MS);
        hl__loaded_unref(loaded);
        pthread_mutex_lock(&room->lock);
    }
    publish(room, NULL);
    while (room->loaded_len > 0)
        pthread_cond_wait(&room->freed, &room->lock);
    pthread_mutex_unlock(&room->lock);
}

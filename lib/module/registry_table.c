/* Following the store's documents of keys; see registry_table.h. What is unchanged keeps its row; what is new is read
 * alone where the changes are few (changes.h), else everything is read. */
#include "module/registry_table.h"

#include <stdlib.h>
#include <string.h>

#include "core/document.h"
#include "core/error.h"
#include "core/grow.h"
#include "core/reading.h"
#include "module/changes.h"
#include "module/code_document.h"
#include "module/loaded.h"

#define ACTION "module registry"

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static void release_row(hl__retired *retired)
{
    hl__key_row *row = (hl__key_row *)((char *)retired - offsetof(hl__key_row, retired));

    hl__key_document_cleanup(&row->document);
    free(row);
}

static void retire_row(hl__key_row *row)
{
    if (!row)
        return;
    row->retired.release = release_row;
    hl__retire(&row->retired);
}

static hl_status new_row(const char *name, const char *text, hl_key *key, hl__key_row **out)
{
    hl__key_row *row = calloc(1, sizeof(*row));
    hl_status status = row ? hl__key_decode(name, text, key, &row->document) : hl__fail_memory(ACTION);

    if (status == HL_OK) {
        *out = row;
        return HL_OK;
    }
    free(row);
    return status;
}

static bool is_same(const hl__key_row *a, const hl__key_row *b)
{
    return strcmp(a->document.module, b->document.module) == 0 &&
           strcmp(a->document.isolation, b->document.isolation) == 0;
}

/* ---- publishing -------------------------------------------------------------------------------------------------- */

/* Rows of the map that was published before and that the new one does not have go when nobody can see them. */
static void publish(hl__module_room *room, hl__keymap *map)
{
    hl__keymap *before = hl__keymap_publish(&room->keys, map);

    for (size_t i = 0; before && i <= before->mask; i++) {
        const hl__keymap_slot *slot = &before->slots[i];

        if (slot->value && hl__keymap_get(map, &slot->key) != slot->value)
            retire_row(slot->value);
    }
    hl__keymap_retire(before);
}

/* ---- reading everything ------------------------------------------------------------------------------------------ */

typedef struct pair {
    hl_key key;
    hl__key_row *row;
} pair;

typedef struct reading {
    hl__module_room *room;
    pair *pairs;
    size_t len, room_len;
} reading;

/* The row that is published already, where it says the same. */
static hl__key_row *known_or_new(hl__module_room *room, const hl_key *key, hl__key_row *row)
{
    hl__key_row *known = hl__keymap_get(room->keys, key);

    if (!known || !is_same(known, row))
        return row;
    release_row(&row->retired);
    return known;
}

/* A document that cannot be understood is one key less, not the end of all. */
static hl_status read_pair(void *user, const char *name, const char *text)
{
    reading *to = user;
    pair read;
    hl_status status;

    if (!hl__grow(&to->pairs, to->len, &to->room_len, sizeof(pair)))
        return hl__fail_memory(ACTION);
    status = new_row(name, text, &read.key, &read.row);
    if (status == HL_ERR_STORE_CORRUPT) {
        hl__log(to->room->runtime, HL_LOG_ERROR, "module", "%s", hl_last_error()->message);
        return HL_OK;
    }
    if (status != HL_OK)
        return status;
    read.row = known_or_new(to->room, &read.key, read.row);
    to->pairs[to->len++] = read;
    return HL_OK;
}

static void discard_pairs(reading *from)
{
    for (size_t i = 0; i < from->len; i++) {
        if (hl__keymap_get(from->room->keys, &from->pairs[i].key) != from->pairs[i].row)
            release_row(&from->pairs[i].row->retired);
    }
}

static hl_status read_all(hl__module_room *room)
{
    reading from = {.room = room};
    hl_status status = hl__document_walk(room->runtime, HL__KEY_KEY, read_pair, &from);
    hl__keymap *map = status == HL_OK ? hl__keymap_new(from.len) : NULL;

    if (map) {
        for (size_t i = 0; i < from.len; i++)
            hl__keymap_put(map, &from.pairs[i].key, from.pairs[i].row);
        publish(room, map);
        hl__loaded_outdate(room, NULL);
    } else {
        discard_pairs(&from);
        status = status == HL_OK ? hl__fail_memory(ACTION) : status;
    }
    free(from.pairs);
    return status;
}

/* ---- reading what has changed ------------------------------------------------------------------------------------ */

static hl__key_row gone; /* in a map of changes: the key is no longer registered */

/* A document that cannot be understood is one key less, here as in read_pair. */
static hl_status read_row(hl__module_room *room, const char *name, hl_key *key, hl__key_row **out)
{
    char *text = NULL;
    hl_status status = hl__document_get(room->runtime, name, &text);

    *out = &gone;
    if (status != HL_OK)
        return status == HL_ERR_NOT_FOUND ? HL_OK : status;
    status = new_row(name, text, key, out);
    free(text);
    if (status != HL_ERR_STORE_CORRUPT)
        return status;
    hl__log(room->runtime, HL_LOG_ERROR, "module", "%s", hl_last_error()->message);
    return HL_OK;
}

/* Other documents than keys' have no row here. */
static hl_status read_change(hl__module_room *room, const char *name, hl__keymap *changes)
{
    hl_key key;
    hl__key_row *row, *before;
    hl_status status;

    if (strncmp(name, HL__KEY_KEY, strlen(HL__KEY_KEY)) != 0 || !hl_key_is_text(name + strlen(HL__KEY_KEY)))
        return HL_OK;
    status = hl_key_parse(name + strlen(HL__KEY_KEY), &key);
    if (status == HL_OK)
        status = read_row(room, name, &key, &row);
    if (status != HL_OK)
        return status;
    before = hl__keymap_get(changes, &key);
    if (before && before != &gone)
        release_row(&before->retired);
    hl__keymap_put(changes, &key, row);
    return HL_OK;
}

static hl__keymap *merge(const hl__keymap *old, const hl__keymap *changes)
{
    hl__keymap *map = hl__keymap_new((old ? old->len : 0) + changes->len);

    for (size_t i = 0; map && old && i <= old->mask; i++) {
        if (old->slots[i].value && !hl__keymap_get(changes, &old->slots[i].key))
            hl__keymap_put(map, &old->slots[i].key, old->slots[i].value);
    }
    for (size_t i = 0; map && i <= changes->mask; i++) {
        if (changes->slots[i].value && changes->slots[i].value != &gone)
            hl__keymap_put(map, &changes->slots[i].key, changes->slots[i].value);
    }
    return map;
}

static void discard_changes(hl__keymap *changes)
{
    for (size_t i = 0; i <= changes->mask; i++) {
        hl__key_row *row = changes->slots[i].value;

        if (row && row != &gone)
            release_row(&row->retired);
    }
}

static hl_status read_changes(hl__module_room *room, char *const *names, size_t len)
{
    hl__keymap *changes = hl__keymap_new(len), *map = NULL;
    hl_status status = changes ? HL_OK : hl__fail_memory(ACTION);

    for (size_t i = 0; status == HL_OK && i < len; i++)
        status = read_change(room, names[i], changes);
    if (status == HL_OK && !(map = merge(room->keys, changes)))
        status = hl__fail_memory(ACTION);
    if (status == HL_OK) {
        publish(room, map);
        for (size_t i = 0; i < len; i++)
            hl__loaded_outdate(room, names[i]);
    } else if (changes) {
        discard_changes(changes);
    }
    free(changes);
    return status;
}

/* ---- following --------------------------------------------------------------------------------------------------- */

static hl_status read_newest(hl__module_room *room)
{
    hl__changes changes;
    hl_status status = hl__changes_read(room->runtime, &changes);
    uint64_t more = changes.count - room->changes;

    if (status == HL_OK && (!room->filled || changes.count < room->changes || more > changes.names_len))
        status = read_all(room);
    else if (status == HL_OK && more > 0)
        status = read_changes(room, changes.names + changes.names_len - more, (size_t)more);
    if (status == HL_OK) {
        room->changes = changes.count;
        room->filled = true;
    }
    hl__changes_cleanup(&changes);
    return status;
}

static hl_status read_revision(hl__module_room *room, uint64_t *revision)
{
    hl_status status = hl__lock(room->runtime, ACTION);
    hl__store *store;

    if (status != HL_OK)
        return status;
    store = room->runtime->parts.store;
    status = store->ops->revision(store, revision);
    hl__unlock(room->runtime);
    return status;
}

/* *changes: what the map shows at least, from then on. */
static hl_status follow(hl__module_room *room, uint64_t *changes)
{
    uint64_t revision = 0;
    hl_status status;

    pthread_mutex_lock(&room->lock);
    status = read_revision(room, &revision);
    if (status == HL_OK && (!room->filled || revision != room->revision)) {
        status = read_newest(room);
        if (status == HL_OK)
            room->revision = revision;
    }
    *changes = room->changes;
    pthread_mutex_unlock(&room->lock);
    return status;
}

hl_status hl__keys_follow(hl__module_room *room)
{
    uint64_t changes;

    return follow(room, &changes);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static bool copy_row(hl__module_room *room, const hl_key *key, hl__key_document *out)
{
    const hl__key_row *row;

    hl__reading_begin();
    row = hl__keymap_get(__atomic_load_n(&room->keys, __ATOMIC_ACQUIRE), key);
    if (row) {
        out->module = strdup(row->document.module);
        out->isolation = strdup(row->document.isolation);
    }
    hl__reading_end();
    return row != NULL;
}

hl_status hl__keys_find(hl__module_room *room, const hl_key *key, hl__key_found *out)
{
    char text[HL_KEY_TEXT];
    hl__key_document *document = &out->document;
    hl_status status;

    memset(out, 0, sizeof(*out));
    status = follow(room, &out->changes);
    if (status != HL_OK)
        return status;
    if (!copy_row(room, key, document)) {
        hl_key_format(key, text);
        return hl__fail(HL_ERR_NOT_FOUND, ACTION, "key", "Nothing is registered under %s; register a module.", text);
    }
    if (document->module && document->isolation)
        return HL_OK;
    hl__key_document_cleanup(document);
    return hl__fail_memory(ACTION);
}

void hl__keys_empty(hl__module_room *room)
{
    pthread_mutex_lock(&room->lock);
    publish(room, NULL);
    room->filled = false;
    pthread_mutex_unlock(&room->lock);
}

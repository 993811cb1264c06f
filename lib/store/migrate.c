/* The steps from one layout of the store to the next, as a table: a new layout adds a row.
 *
 * Layout 1 had no definitions of events, and no extension in plugin records.
 * Layout 2 had no documents.
 * Layout 3 had no isolation and no hold in plugin records. Who knows no more than it would run isolated plugins in the
 * server's process, and drop both when it writes a record.
 * Layout 4 is the current one. */
#include "store/migrate.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "core/error.h"
#include "store/codec.h"
#include "store/schema.h"

#define ACTION "migrate"

typedef struct migration {
    hl__list plugins; /* names touched */
    hl__list events;
} migration;

typedef int step_fn(hl__env *env, MDB_txn *txn, migration *run);

static int not_understood(const MDB_val *key)
{
    return hl__fail(HL_ERR_STORE_CORRUPT, ACTION, "store",
                    "The record of plugin %.*s is no JSON object and cannot be migrated; restore a backup.",
                    (int)key->mv_size, (const char *)key->mv_data);
}

/* The library's file name without its suffix is the closest to the library's name that layout 1 has. */
static json_t *extension_of(const json_t *record)
{
    const char *library = json_string_value(json_object_get(record, "library"));
    if (!library || !*library)
        return json_string("host");
    const char *slash = strrchr(library, '/');
    const char *name = slash ? slash + 1 : library;
    size_t name_len = strlen(name);
    if (name_len > 3 && strcmp(name + name_len - 3, ".so") == 0)
        name_len -= 3;
    return json_stringn(name, name_len);
}

/* Adds the extension; *text is the record's new text, *event a copy of its event's name. */
static int rewrite_record(const MDB_val *key, const MDB_val *value, char **text, char **event)
{
    json_t *record = json_loadb(value->mv_data, value->mv_size, 0, NULL);
    const char *name = json_string_value(json_object_get(record, "event"));
    int rc = HL_OK;

    if (!json_is_object(record) || !name) {
        rc = not_understood(key);
    } else {
        if (!json_object_get(record, "extension"))
            json_object_set_new(record, "extension", extension_of(record));
        *event = strdup(name);
        *text = json_dumps(record, JSON_COMPACT);
        if (!*event || !*text)
            rc = hl__fail_memory(ACTION);
    }
    json_decref(record);
    return rc;
}

/* The key is copied first: writing moves what LMDB's key points to. */
static int add_extension(MDB_cursor *cursor, const MDB_val *key, const MDB_val *value, migration *run)
{
    char *text = NULL, *event = NULL;

    int rc = rewrite_record(key, value, &text, &event);
    if (rc == 0 && (!hl__names_add(&run->plugins, key->mv_data, key->mv_size) ||
                    !hl__names_add(&run->events, event, strlen(event))))
        rc = hl__fail_memory(ACTION);
    if (rc == 0) {
        MDB_val copied = {key->mv_size, run->plugins.items[run->plugins.len - 1]};
        MDB_val rewritten = {strlen(text), text};
        rc = mdb_cursor_put(cursor, &copied, &rewritten, MDB_CURRENT);
    }
    free(text);
    free(event);
    return rc;
}

static int add_extensions(hl__env *env, MDB_txn *txn, migration *run)
{
    MDB_cursor *cursor;
    MDB_val key, value;

    int rc = mdb_cursor_open(txn, env->tables[HL__PLUGINS], &cursor);
    if (rc != 0)
        return rc;
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        rc = add_extension(cursor, &key, &value, run);
        if (rc != 0)
            break;
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int add_definition(hl__env *env, MDB_txn *txn, const char *name)
{
    hl__event_def *def = hl__event_def_new(name, 0, NULL);
    char *text = NULL;
    int rc = def ? hl__event_encode(def, &text) : hl__fail_memory(ACTION);

    if (rc == 0) {
        MDB_val key = {strlen(name), (void *)(uintptr_t)name}, value = {strlen(text), text};
        rc = mdb_put(txn, env->tables[HL__EVENTS], &key, &value, MDB_NOOVERWRITE);
    }
    free(text);
    hl__event_def_unref(def);
    return rc == MDB_KEYEXIST ? 0 : rc;
}

static int from_1_to_2(hl__env *env, MDB_txn *txn, migration *run)
{
    int rc = add_extensions(env, txn, run);
    hl__names_settle(&run->events);
    for (size_t i = 0; rc == 0 && i < run->events.len; i++)
        rc = add_definition(env, txn, run->events.items[i]);
    return rc;
}

/* The table of documents is made with every other that is missing, and is empty. */
static int from_2_to_3(hl__env *env, MDB_txn *txn, migration *run)
{
    (void)env;
    (void)txn;
    (void)run;
    return 0;
}

/* What records of layout 3 do not have is what most records of layout 4 do not have. */
static int from_3_to_4(hl__env *env, MDB_txn *txn, migration *run)
{
    (void)env;
    (void)txn;
    (void)run;
    return 0;
}

/* The step from layout i + 1. */
static step_fn *const steps[] = {from_1_to_2, from_2_to_3, from_3_to_4};

_Static_assert(sizeof(steps) / sizeof(steps[0]) == HL__SCHEMA - 1, "a step for each older layout");

static int log_migration(hl__env *env, MDB_txn *txn, const migration *run)
{
    hl__log_row row = {time(NULL), getpid(), ACTION, run->plugins, run->events};
    MDB_cursor *cursor;
    MDB_val key, value;
    uint64_t revision = 0;
    char *text = NULL;

    int rc = mdb_cursor_open(txn, env->tables[HL__LOG], &cursor);
    if (rc != 0)
        return rc;
    rc = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
    if (rc == 0)
        revision = hl__log_key_revision(&key);
    mdb_cursor_close(cursor);
    if (rc == 0 || rc == MDB_NOTFOUND)
        rc = hl__log_encode(&row, &text);
    if (rc == 0)
        rc = hl__log_append(env, txn, revision + 1, text);
    free(text);
    return rc;
}

int hl__migrate(hl__env *env, MDB_txn *txn, uint32_t from)
{
    migration run = {0};
    int rc = 0;

    for (uint32_t at = from; rc == 0 && at < HL__SCHEMA; at++)
        rc = steps[at - 1](env, txn, &run);
    if (rc == 0)
        rc = log_migration(env, txn, &run);
    hl__names_cleanup(&run.plugins);
    hl__names_cleanup(&run.events);
    return rc;
}

/* Opens the tables of a store, makes or migrates them, and knows how the log is kept.
 *
 *   plugins    name -> record          meta  "schema" -> version of the layout
 *   events     name -> definition            "store"  -> UUID
 *   documents  key -> JSON text of another room
 *   log      revision -> row: who did what to which names; its newest key is the store's revision */
#include "store/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "store/migrate.h"

#define LOG_KEEP 10000
#define LOG_TRIM 32 /* old rows go by about a page of them: most commits touch one end of the log only */

static const char *const table_names[HL__TABLES] = {"plugins", "events", "documents", "log", "meta"};

static MDB_val text_val(const char *text)
{
    return (MDB_val){strlen(text), (void *)(uintptr_t)text};
}

/* ---- version -------------------------------------------------------------------------------------------------- */

static int fail_newer(const hl__env *env, unsigned long version)
{
    return hl__fail(HL_ERR_STORE_NEWER, "open", "store",
                    "The store in %s has layout %lu, and this Hookline knows layouts up to %d; upgrade Hookline, or "
                    "use another directory.",
                    env->directory, version, HL__SCHEMA);
}

/* 0 when there is none: a new file. */
static int read_version(const hl__env *env, MDB_txn *txn, MDB_dbi meta, uint32_t *version)
{
    MDB_val key = text_val("schema"), value;
    char text[16], *end;

    *version = 0;
    int rc = mdb_get(txn, meta, &key, &value);
    if (rc != 0)
        return rc == MDB_NOTFOUND ? 0 : rc;
    snprintf(text, sizeof(text), "%.*s", (int)(value.mv_size < sizeof(text) ? value.mv_size : sizeof(text)),
             (const char *)value.mv_data);
    unsigned long number = strtoul(text, &end, 10);
    if (*end || number == 0)
        return hl__fail(HL_ERR_STORE_CORRUPT, "open", "store",
                        "The store in %s says that its layout is \"%s\", which is none; restore a backup.",
                        env->directory, text);
    if (number > HL__SCHEMA)
        return fail_newer(env, number);
    *version = (uint32_t)number;
    return 0;
}

int hl__schema_check(const hl__env *env, MDB_txn *txn)
{
    uint32_t version;
    int rc = read_version(env, txn, env->tables[HL__META], &version);
    if (rc == 0 && version != HL__SCHEMA)
        return MDB_INVALID;
    return rc;
}

/* ---- log ------------------------------------------------------------------------------------------------------ */

void hl__log_key(uint64_t revision, uint8_t key[HL__LOG_KEY_BYTES])
{
    for (int i = 0; i < HL__LOG_KEY_BYTES; i++)
        key[i] = (uint8_t)(revision >> (56 - 8 * i));
}

uint64_t hl__log_key_revision(const MDB_val *key)
{
    const uint8_t *bytes = key->mv_data;
    uint64_t revision = 0;
    for (size_t i = 0; i < key->mv_size && i < HL__LOG_KEY_BYTES; i++)
        revision = revision << 8 | bytes[i];
    return revision;
}

static int newest_revision(const hl__env *env, MDB_txn *txn, uint64_t *revision)
{
    MDB_cursor *cursor;
    MDB_val key, value;

    *revision = 0;
    int rc = mdb_cursor_open(txn, env->tables[HL__LOG], &cursor);
    if (rc != 0)
        return rc;
    rc = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
    if (rc == 0)
        *revision = hl__log_key_revision(&key);
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

int hl__schema_head(const hl__env *env, MDB_txn *txn, uint64_t *revision)
{
    int rc = hl__schema_check(env, txn);
    return rc == 0 ? newest_revision(env, txn, revision) : rc;
}

static int delete_oldest(MDB_txn *txn, MDB_dbi table, size_t rows)
{
    MDB_cursor *cursor;
    MDB_val key, value;

    int rc = mdb_cursor_open(txn, table, &cursor);
    if (rc != 0)
        return rc;
    for (size_t i = 0; rc == 0 && i < rows; i++) {
        rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
        if (rc == 0)
            rc = mdb_cursor_del(cursor, 0);
    }
    mdb_cursor_close(cursor);
    return rc;
}

int hl__log_append(const hl__env *env, MDB_txn *txn, uint64_t revision, const char *text)
{
    uint8_t bytes[HL__LOG_KEY_BYTES];
    MDB_val key = {sizeof(bytes), bytes}, value = text_val(text);
    MDB_stat stat;

    hl__log_key(revision, bytes);
    int rc = mdb_put(txn, env->tables[HL__LOG], &key, &value, MDB_APPEND);
    if (rc == 0)
        rc = mdb_stat(txn, env->tables[HL__LOG], &stat);
    if (rc == 0 && stat.ms_entries >= LOG_KEEP + LOG_TRIM)
        rc = delete_oldest(txn, env->tables[HL__LOG], LOG_TRIM);
    return rc;
}

/* ---- tables --------------------------------------------------------------------------------------------------- */

static int open_tables(hl__env *env, MDB_txn *txn, unsigned flags)
{
    for (int i = 0; i < HL__TABLES; i++) {
        int rc = mdb_dbi_open(txn, table_names[i], flags, &env->tables[i]);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int read_id(hl__env *env, MDB_txn *txn)
{
    MDB_val key = text_val("store"), value;
    int rc = mdb_get(txn, env->tables[HL__META], &key, &value);
    if (rc == 0 && value.mv_size != HL__UUID_TEXT - 1)
        rc = MDB_INVALID;
    if (rc == 0)
        snprintf(env->id, sizeof(env->id), "%.*s", HL__UUID_TEXT - 1, (const char *)value.mv_data);
    return rc;
}

static int put_meta(hl__env *env, MDB_txn *txn, const char *name, const char *text)
{
    MDB_val key = text_val(name), value = text_val(text);
    return mdb_put(txn, env->tables[HL__META], &key, &value, 0);
}

static int put_version(hl__env *env, MDB_txn *txn)
{
    char text[16];
    snprintf(text, sizeof(text), "%d", HL__SCHEMA);
    return put_meta(env, txn, "schema", text);
}

static int make_store(hl__env *env, MDB_txn *txn)
{
    char id[HL__UUID_TEXT];
    int rc = hl__uuid_new(id);
    if (rc == 0)
        rc = put_meta(env, txn, "store", id);
    return rc == 0 ? put_version(env, txn) : rc;
}

static int fail_foreign(const hl__env *env)
{
    return hl__fail(HL_ERR_STORE_CORRUPT, "open", "store",
                    "The file data.mdb in %s belongs to another program; use another directory.", env->directory);
}

/* Makes the tables or migrates them; finds them current when another process was faster. */
static int make_current(hl__env *env, MDB_txn *txn, void *user)
{
    MDB_stat before;
    MDB_dbi unnamed;
    uint32_t version;

    (void)user;
    int rc = mdb_dbi_open(txn, NULL, 0, &unnamed);
    if (rc == 0)
        rc = mdb_stat(txn, unnamed, &before);
    if (rc == 0)
        rc = open_tables(env, txn, MDB_CREATE);
    if (rc == 0)
        rc = read_version(env, txn, env->tables[HL__META], &version);
    if (rc != 0)
        return rc;
    if (version == 0)
        rc = before.ms_entries ? fail_foreign(env) : make_store(env, txn);
    else if (version < HL__SCHEMA && (rc = hl__migrate(env, txn, version)) == 0)
        rc = put_version(env, txn);
    return rc == 0 ? read_id(env, txn) : rc;
}

/* ---- settling ------------------------------------------------------------------------------------------------- */

typedef enum state { NEW, OLDER, CURRENT } state;

/* Reads the version where there is one, before any table is opened that an older layout may lack. */
static int look(hl__env *env, MDB_txn *txn, state *out)
{
    MDB_dbi unnamed, meta;
    MDB_stat stat;
    uint32_t version;

    int rc = mdb_dbi_open(txn, NULL, 0, &unnamed);
    if (rc == 0)
        rc = mdb_stat(txn, unnamed, &stat);
    if (rc != 0)
        return rc;
    *out = NEW;
    if (stat.ms_entries == 0)
        return 0;
    rc = mdb_dbi_open(txn, table_names[HL__META], 0, &meta);
    if (rc == 0)
        rc = read_version(env, txn, meta, &version);
    if (rc == MDB_NOTFOUND || (rc == 0 && version == 0))
        return fail_foreign(env);
    *out = rc == 0 && version == HL__SCHEMA ? CURRENT : OLDER;
    return rc;
}

/* Handles of tables last when their transaction is committed, so this one is not a reader of the opener's. */
static hl_status open_current(hl__env *env, state *out)
{
    MDB_txn *txn;

    int rc = mdb_txn_begin(env->mdb, NULL, MDB_RDONLY, &txn);
    if (rc != 0)
        return hl__lmdb_result(env, rc, "open");
    rc = look(env, txn, out);
    if (rc == 0 && *out == CURRENT)
        rc = open_tables(env, txn, 0);
    if (rc == 0 && *out == CURRENT)
        rc = read_id(env, txn);
    if (rc == 0)
        rc = mdb_txn_commit(txn);
    else
        mdb_txn_abort(txn);
    return hl__lmdb_result(env, rc, "open");
}

static hl_status refuse_reader(const hl__env *env, state found)
{
    if (found == NEW)
        return hl__fail(HL_ERR_STORE, "open", "store", "There is no store in %s yet; open it for writing.",
                        env->directory);
    return hl__fail(
        HL_ERR_STORE_READ_ONLY, "open", "store",
        "The store in %s has an older layout; opening it for writing, as a server does, brings it up to date.",
        env->directory);
}

hl_status hl__schema_settle(hl__env *env, bool read_only)
{
    state found = NEW;

    hl_status status = open_current(env, &found);
    if (status == HL_OK && found != CURRENT)
        status = read_only ? refuse_reader(env, found) : hl__env_write(env, "open", make_current, NULL, NULL);
    env->settled = status == HL_OK;
    return status;
}

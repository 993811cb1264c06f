/* Bare LMDB, as hookline bench compares the durable store with: one synchronous put a transaction. Opened by
 * tools/bench_parts.c, so that the command itself needs no LMDB. */
#include <lmdb.h>
#include <stdlib.h>

#include "tools/bench_parts.h"

#define MAP_BYTES (UINT64_C(1) << 30)

typedef struct bare {
    MDB_env *env;
    MDB_dbi table;
} bare;

static int open_table(bare *opened)
{
    MDB_txn *txn;
    int error = mdb_txn_begin(opened->env, NULL, 0, &txn);

    if (error)
        return error;
    error = mdb_dbi_open(txn, NULL, 0, &opened->table);
    if (error) {
        mdb_txn_abort(txn);
        return error;
    }
    return mdb_txn_commit(txn);
}

static void bare_close(void *env)
{
    bare *opened = env;

    if (opened && opened->env)
        mdb_env_close(opened->env);
    free(opened);
}

static int bare_open(const char *directory, void **out)
{
    bare *opened = calloc(1, sizeof(*opened));
    int error = opened ? mdb_env_create(&opened->env) : MDB_PANIC;

    if (!error)
        error = mdb_env_set_mapsize(opened->env, MAP_BYTES);
    if (!error)
        error = mdb_env_open(opened->env, directory, 0, 0600);
    if (!error)
        error = open_table(opened);
    if (error)
        bare_close(opened);
    else
        *out = opened;
    return error;
}

static int bare_put(void *env, unsigned key, const void *value, size_t value_bytes)
{
    bare *opened = env;
    MDB_val name = {sizeof(key), &key};
    MDB_val content = {value_bytes, (void *)value};
    MDB_txn *txn;
    int error = mdb_txn_begin(opened->env, NULL, 0, &txn);

    if (error)
        return error;
    error = mdb_put(txn, opened->table, &name, &content, 0);
    if (error) {
        mdb_txn_abort(txn);
        return error;
    }
    return mdb_txn_commit(txn);
}

static int largest_value(MDB_txn *txn, size_t *out)
{
    MDB_val key, value;
    MDB_cursor *cursor;
    MDB_dbi table;
    int error = mdb_dbi_open(txn, "plugins", 0, &table);

    if (!error)
        error = mdb_cursor_open(txn, table, &cursor);
    if (error)
        return error;
    *out = 0;
    while ((error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
        if (value.mv_size > *out)
            *out = value.mv_size;
    mdb_cursor_close(cursor);
    return error == MDB_NOTFOUND ? 0 : error;
}

static int bare_record_bytes(const char *directory, size_t *out)
{
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    int error = mdb_env_create(&env);

    if (!error)
        error = mdb_env_set_maxdbs(env, 16);
    if (!error)
        error = mdb_env_open(env, directory, MDB_RDONLY, 0600);
    if (!error)
        error = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
    if (!error)
        error = largest_value(txn, out);
    if (txn)
        mdb_txn_abort(txn);
    if (env)
        mdb_env_close(env);
    return error;
}

static const char *error_text(int error)
{
    return mdb_strerror(error);
}

extern HL_API const bench_lmdb bench_lmdb_functions;
const bench_lmdb bench_lmdb_functions = {bare_open, bare_put, bare_close, bare_record_bytes, error_text};

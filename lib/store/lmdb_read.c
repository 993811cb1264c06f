/* Reading an LMDB store: everything, or what was touched since a revision. Content is copied out inside a short read
 * transaction and handed over after it, so that no reader ever holds old pages while other code runs. */
#include "store/lmdb_store.h"

#include <string.h>

#include "core/error.h"
#include "store/schema.h"

static int check_key(const MDB_val *key, const char *name, const char *what)
{
    if (strlen(name) == key->mv_size && memcmp(name, key->mv_data, key->mv_size) == 0)
        return 0;
    return hl__fail(HL_ERR_STORE_CORRUPT, "read", "name",
                    "The %s under the key \"%.*s\" names itself \"%s\"; restore a backup, or correct it.", what,
                    (int)key->mv_size, (const char *)key->mv_data, name);
}

int hl__lmdb_decode_record(const MDB_val *key, const MDB_val *value, hl__record **out)
{
    int rc = hl__record_decode(value->mv_data, value->mv_size, out);
    if (rc != 0)
        return rc;
    rc = check_key(key, (*out)->name, "plugin");
    if (rc != 0)
        hl__record_unref(*out);
    return rc;
}

int hl__lmdb_decode_event(const MDB_val *key, const MDB_val *value, hl__event_def **out)
{
    int rc = hl__event_decode(value->mv_data, value->mv_size, out);
    if (rc != 0)
        return rc;
    rc = check_key(key, (*out)->name, "event");
    if (rc != 0)
        hl__event_def_unref(*out);
    return rc;
}

static int add_record(void *batch, const MDB_val *key, const MDB_val *value)
{
    hl__record *record;
    int rc = hl__lmdb_decode_record(key, value, &record);
    if (rc == 0 && !hl__batch_record(batch, record))
        rc = hl__fail_memory("read");
    return rc;
}

static int add_event(void *batch, const MDB_val *key, const MDB_val *value)
{
    hl__event_def *def;
    int rc = hl__lmdb_decode_event(key, value, &def);
    if (rc == 0 && !hl__batch_event(batch, def))
        rc = hl__fail_memory("read");
    return rc;
}

static hl_status deliver(hl__opener *self, hl__batch *batch, const hl__store_visitor *visitor, uint64_t seen,
                         uint64_t *revision)
{
    hl_status status = hl__batch_deliver(batch, visitor);
    if (status == HL_OK) {
        self->reported = seen;
        *revision = seen;
    }
    return status;
}

/* ---- everything ----------------------------------------------------------------------------------------------- */

int hl__lmdb_walk(MDB_txn *txn, MDB_dbi table, hl__lmdb_visit_fn *visit, void *user)
{
    MDB_cursor *cursor;
    MDB_val key, value;

    int rc = mdb_cursor_open(txn, table, &cursor);
    if (rc != 0)
        return rc;
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        rc = visit(user, &key, &value);
        if (rc != 0)
            break;
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int add_document(void *list, const MDB_val *key, const MDB_val *value)
{
    bool added = hl__documents_add(list, key->mv_data, key->mv_size, value->mv_data, value->mv_size);
    return added ? 0 : hl__fail_memory("read");
}

hl_status hl__lmdb_collect(hl__opener *opener, hl__batch *batch, hl__store_documents *documents, uint64_t *revision)
{
    const MDB_dbi *tables = opener->env->tables;
    MDB_txn *txn;

    hl_status status = hl__env_begin_read(opener, "load", &txn);
    if (status != HL_OK)
        return status;
    int rc = hl__lmdb_head(opener, txn, revision);
    if (rc == 0)
        rc = hl__lmdb_walk(txn, tables[HL__EVENTS], add_event, batch);
    if (rc == 0)
        rc = hl__lmdb_walk(txn, tables[HL__PLUGINS], add_record, batch);
    if (rc == 0 && documents)
        rc = hl__lmdb_walk(txn, tables[HL__DOCUMENTS], add_document, documents);
    hl__env_end_read(opener);
    return hl__lmdb_result(opener->env, rc, "load");
}

hl_status hl__lmdb_load(hl__store *store, const hl__store_visitor *visitor, uint64_t *revision)
{
    hl__opener *self = (hl__opener *)store;
    hl__batch batch = {0};
    uint64_t seen;

    hl_status status = hl__lmdb_collect(self, &batch, NULL, &seen);
    if (status == HL_OK)
        status = deliver(self, &batch, visitor, seen, revision);
    hl__batch_cleanup(&batch);
    return status;
}

/* ---- what was touched ----------------------------------------------------------------------------------------- */

static int fail_forgotten(uint64_t since)
{
    return hl__fail(HL_ERR_NOT_FOUND, "changes", "revision", "The store does not remember revision %llu; load it.",
                    (unsigned long long)since);
}

static int take_names(hl__list *from, hl__list *to)
{
    for (size_t i = 0; i < from->len; i++) {
        if (!hl__list_push(to, from->items[i]))
            return hl__fail_memory("changes");
        from->items[i] = NULL;
    }
    return 0;
}

static int add_row_names(const MDB_val *value, hl__log_row *touched)
{
    hl__log_row row;
    int rc = hl__log_decode(value->mv_data, value->mv_size, &row);
    if (rc != 0)
        return rc;
    rc = take_names(&row.plugins, &touched->plugins);
    if (rc == 0)
        rc = take_names(&row.events, &touched->events);
    hl__log_row_cleanup(&row);
    return rc;
}

/* The names of every commit after `since`, each once. */
static int collect_names(const hl__opener *self, MDB_txn *txn, uint64_t since, hl__log_row *touched)
{
    uint8_t bytes[HL__LOG_KEY_BYTES];
    MDB_cursor *cursor;
    MDB_val key = {sizeof(bytes), bytes}, value;

    int rc = mdb_cursor_open(txn, self->env->tables[HL__LOG], &cursor);
    if (rc != 0)
        return rc;
    hl__log_key(since + 1, bytes);
    rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_KEY);
    if (rc == MDB_NOTFOUND)
        rc = fail_forgotten(since);
    while (rc == 0) {
        rc = add_row_names(&value, touched);
        if (rc == 0)
            rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    hl__names_settle(&touched->plugins);
    hl__names_settle(&touched->events);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* Definitions that a restore removed are not told: there is no word for it, and a definition less does no harm. */
static int collect_newest(const hl__opener *self, MDB_txn *txn, const hl__log_row *touched, hl__batch *batch)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < touched->events.len; i++) {
        MDB_val key = {strlen(touched->events.items[i]), touched->events.items[i]}, value;
        rc = mdb_get(txn, self->env->tables[HL__EVENTS], &key, &value);
        rc = rc == 0 ? add_event(batch, &key, &value) : rc == MDB_NOTFOUND ? 0 : rc;
    }
    for (size_t i = 0; rc == 0 && i < touched->plugins.len; i++) {
        MDB_val key = {strlen(touched->plugins.items[i]), touched->plugins.items[i]}, value;
        rc = mdb_get(txn, self->env->tables[HL__PLUGINS], &key, &value);
        if (rc == 0)
            rc = add_record(batch, &key, &value);
        else if (rc == MDB_NOTFOUND)
            rc = hl__names_add(&batch->gone, key.mv_data, key.mv_size) ? 0 : hl__fail_memory("changes");
    }
    return rc;
}

static int collect_changes(hl__opener *self, MDB_txn *txn, uint64_t since, hl__batch *batch, uint64_t *seen)
{
    hl__log_row touched = {0};

    int rc = hl__lmdb_head(self, txn, seen);
    if (rc != 0 || since == *seen)
        return rc;
    if (since > *seen)
        return fail_forgotten(since);
    rc = collect_names(self, txn, since, &touched);
    if (rc == 0)
        rc = collect_newest(self, txn, &touched, batch);
    hl__log_row_cleanup(&touched);
    return rc;
}

hl_status hl__lmdb_changes(hl__store *store, uint64_t since, const hl__store_visitor *visitor, uint64_t *revision)
{
    hl__opener *self = (hl__opener *)store;
    hl__batch batch = {0};
    MDB_txn *txn;
    uint64_t seen;

    hl_status status = hl__env_begin_read(self, "changes", &txn);
    if (status != HL_OK)
        return status;
    int rc = collect_changes(self, txn, since, &batch, &seen);
    hl__env_end_read(self);
    status = hl__lmdb_result(self->env, rc, "changes");
    if (status == HL_OK)
        status = deliver(self, &batch, visitor, seen, revision);
    hl__batch_cleanup(&batch);
    return status;
}

/* ---- documents ------------------------------------------------------------------------------------------------ */

/* Begins a read at the revision that the caller knows. */
static hl_status begin_at(hl__opener *self, uint64_t expected, MDB_txn **txn)
{
    uint64_t revision;

    hl_status status = hl__env_begin_read(self, "read", txn);
    if (status != HL_OK)
        return status;
    int rc = hl__lmdb_head(self, *txn, &revision);
    if (rc == 0 && expected != HL__STORE_NEWEST && revision != expected)
        rc = HL_ERR_CONFLICT;
    if (rc != 0)
        hl__env_end_read(self);
    return hl__lmdb_result(self->env, rc, "read");
}

hl_status hl__lmdb_document(hl__store *store, const char *key, uint64_t expected, char **text)
{
    hl__opener *self = (hl__opener *)store;
    MDB_val name = {strlen(key), (void *)(uintptr_t)key}, value;
    MDB_txn *txn;

    hl_status status = begin_at(self, expected, &txn);
    if (status != HL_OK)
        return status;
    int rc = mdb_get(txn, self->env->tables[HL__DOCUMENTS], &name, &value);
    if (rc == MDB_NOTFOUND)
        rc = HL_ERR_NOT_FOUND;
    if (rc == 0 && !(*text = strndup(value.mv_data, value.mv_size)))
        rc = hl__fail_memory("read");
    hl__env_end_read(self);
    return hl__lmdb_result(self->env, rc, "read");
}

/* An empty key is none for LMDB: then the walk begins at the first. */
static int collect_prefix(MDB_cursor *cursor, const char *prefix, hl__store_documents *list)
{
    size_t prefix_len = strlen(prefix);
    MDB_val key = {prefix_len, (void *)(uintptr_t)prefix}, value;
    int rc = mdb_cursor_get(cursor, &key, &value, prefix_len ? MDB_SET_RANGE : MDB_FIRST);

    while (rc == 0 && key.mv_size >= prefix_len && memcmp(key.mv_data, prefix, prefix_len) == 0) {
        rc = add_document(list, &key, &value);
        if (rc == 0)
            rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

hl_status hl__lmdb_documents(hl__store *store, const char *prefix, uint64_t expected, hl__store_documents *list)
{
    hl__opener *self = (hl__opener *)store;
    MDB_cursor *cursor;
    MDB_txn *txn;

    hl_status status = begin_at(self, expected, &txn);
    if (status != HL_OK)
        return status;
    int rc = mdb_cursor_open(txn, self->env->tables[HL__DOCUMENTS], &cursor);
    if (rc == 0) {
        rc = collect_prefix(cursor, prefix, list);
        mdb_cursor_close(cursor);
    }
    hl__env_end_read(self);
    return hl__lmdb_result(self->env, rc, "read");
}

/* Checks a store's content: that all of it can be read, and that it agrees with itself. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/depends.h"
#include "core/error.h"
#include "store/lmdb_store.h"
#include "store/manage.h"
#include "store/schema.h"

#define ACTION "store check"

typedef struct check {
    hl_store_info info;
    hl__list records; /* hl__record, sorted by name as LMDB keeps them */
    void (*problem)(const char *line, void *user);
    void *user;
} check;

__attribute__((format(printf, 2, 3))) static void report(check *self, const char *format, ...)
{
    char line[1536];
    va_list arguments;

    self->info.problems_len++;
    if (!self->problem)
        return;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    self->problem(line, self->user);
}

/* ---- reading -------------------------------------------------------------------------------------------------- */

/* What cannot be understood is a problem of the content; everything else ends the check. */
static int note_unreadable(check *self, const MDB_val *key, const char *table, int rc)
{
    if (rc != HL_ERR_STORE_CORRUPT)
        return rc;
    report(self, "%s \"%.*s\": %s", table, (int)key->mv_size, (const char *)key->mv_data, hl_last_error()->message);
    return 0;
}

static int visit_record(void *user, const MDB_val *key, const MDB_val *value)
{
    check *self = user;
    hl__record *record;

    self->info.plugins_len++;
    int rc = hl__lmdb_decode_record(key, value, &record);
    if (rc != 0)
        return note_unreadable(self, key, "plugin", rc);
    if (record->revision > self->info.revision)
        report(self, "plugin \"%s\": its revision %" PRIu64 " is newer than the store's %" PRIu64, record->name,
               record->revision, self->info.revision);
    if (hl__list_push(&self->records, record))
        return 0;
    hl__record_unref(record);
    return hl__fail_memory(ACTION);
}

static int visit_event(void *user, const MDB_val *key, const MDB_val *value)
{
    check *self = user;
    hl__event_def *def;

    self->info.events_len++;
    int rc = hl__lmdb_decode_event(key, value, &def);
    if (rc != 0)
        return note_unreadable(self, key, "event", rc);
    hl__event_def_unref(def);
    return 0;
}

static int visit_document(void *user, const MDB_val *key, const MDB_val *value)
{
    check *self = user;

    self->info.documents_len++;
    int rc = hl__document_check(key->mv_data, key->mv_size, value->mv_data, value->mv_size);
    return note_unreadable(self, key, "document", rc == HL_ERR_INVALID ? HL_ERR_STORE_CORRUPT : rc);
}

static int visit_log(void *user, const MDB_val *key, const MDB_val *value)
{
    check *self = user;
    uint64_t revision = hl__log_key_revision(key);
    hl__log_row row;

    self->info.log_len++;
    if (key->mv_size != HL__LOG_KEY_BYTES) {
        report(self, "log: a key has %zu bytes instead of %d", key->mv_size, HL__LOG_KEY_BYTES);
        return 0;
    }
    int rc = hl__log_decode(value->mv_data, value->mv_size, &row);
    if (rc == HL_ERR_STORE_CORRUPT) {
        report(self, "log entry %" PRIu64 ": %s", revision, hl_last_error()->message);
        return 0;
    }
    hl__log_row_cleanup(&row);
    return rc;
}

static void check_log_length(check *self, MDB_txn *txn, const hl__env *env)
{
    MDB_cursor *cursor;
    MDB_val key, value;

    if (mdb_cursor_open(txn, env->tables[HL__LOG], &cursor) != 0)
        return;
    if (mdb_cursor_get(cursor, &key, &value, MDB_FIRST) == 0 &&
        self->info.revision - hl__log_key_revision(&key) + 1 != self->info.log_len)
        report(self, "log: entries are missing between revisions %" PRIu64 " and %" PRIu64, hl__log_key_revision(&key),
               self->info.revision);
    mdb_cursor_close(cursor);
}

static void measure(check *self, const hl__env *env)
{
    MDB_envinfo info;
    MDB_stat stat;

    mdb_env_info(env->mdb, &info);
    mdb_env_stat(env->mdb, &stat);
    self->info.used_bytes = ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
    self->info.map_bytes = info.me_mapsize;
    self->info.schema = HL__SCHEMA;
    memcpy(self->info.id, env->id, sizeof(self->info.id));
}

static int read_all(check *self, const hl__env *env, MDB_txn *txn)
{
    int rc = hl__schema_head(env, txn, &self->info.revision);
    if (rc == 0)
        rc = hl__lmdb_walk(txn, env->tables[HL__PLUGINS], visit_record, self);
    if (rc == 0)
        rc = hl__lmdb_walk(txn, env->tables[HL__EVENTS], visit_event, self);
    if (rc == 0)
        rc = hl__lmdb_walk(txn, env->tables[HL__DOCUMENTS], visit_document, self);
    if (rc == 0)
        rc = hl__lmdb_walk(txn, env->tables[HL__LOG], visit_log, self);
    if (rc == 0)
        check_log_length(self, txn, env);
    return rc;
}

/* ---- agreement ------------------------------------------------------------------------------------------------ */

static int compare_name(const void *name, const void *item)
{
    return strcmp(name, (*(hl__record *const *)item)->name);
}

static const hl__record *find_record(const check *self, const char *name)
{
    hl__record **found = self->records.len ? bsearch(name, self->records.items, self->records.len,
                                                     sizeof(*self->records.items), compare_name)
                                           : NULL;
    return found ? *found : NULL;
}

static void check_status(check *self, const hl__record *record)
{
    const char *inactive = NULL;

    for (size_t i = 0; i < record->depends_len && !inactive; i++) {
        if (hl__depends_optional(record->depends[i]))
            continue;
        const hl__record *dependency = find_record(self, record->depends[i]);
        if (!dependency || !hl__status_active(dependency->status))
            inactive = record->depends[i];
    }
    if (hl__status_active(record->status) && inactive)
        report(self, "plugin \"%s\": is %s, but \"%s\", which it depends on, is not active", record->name,
               hl__status_word(record->status), inactive);
    if (record->status == HL_HELD && !inactive)
        report(self, "plugin \"%s\": is held, but everything that it depends on is active", record->name);
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp((*(hl__record *const *)a)->id, (*(hl__record *const *)b)->id);
}

static void check_ids(check *self, hl__record **sorted)
{
    memcpy(sorted, self->records.items, self->records.len * sizeof(*sorted));
    qsort(sorted, self->records.len, sizeof(*sorted), compare_ids);
    for (size_t i = 1; i < self->records.len; i++) {
        if (strcmp(sorted[i - 1]->id, sorted[i]->id) == 0)
            report(self, "plugins \"%s\" and \"%s\": have the same id %s", sorted[i - 1]->name, sorted[i]->name,
                   sorted[i]->id);
    }
}

static hl_status check_cycles(check *self)
{
    hl_order_row *rows = calloc(self->records.len, sizeof(*rows));
    if (!rows)
        return hl__fail_memory(ACTION);
    for (size_t i = 0; i < self->records.len; i++) {
        const hl__record *record = self->records.items[i];
        rows[i] = (hl_order_row){record->name, record->priority, record->depends};
    }
    hl_status status = hl_dependency_order(rows, self->records.len);
    free(rows);
    if (status != HL_ERR_CYCLE)
        return status;
    report(self, "plugins: %s", hl_last_error()->message);
    return HL_OK;
}

static hl_status check_agreement(check *self)
{
    if (self->records.len == 0)
        return HL_OK;
    hl__record **sorted = calloc(self->records.len, sizeof(*sorted));
    if (!sorted)
        return hl__fail_memory(ACTION);
    for (size_t i = 0; i < self->records.len; i++)
        check_status(self, self->records.items[i]);
    check_ids(self, sorted);
    free(sorted);
    return check_cycles(self);
}

/* ---- the check ------------------------------------------------------------------------------------------------ */

static void hand_out(const check *self, hl_store_info *info)
{
    hl_store_info found = self->info;
    found.size = info->size;
    found.url = info->url;
    memcpy(info, &found, info->size < sizeof(found) ? info->size : sizeof(found));
}

hl_status hl__check_store(hl__opener *opener, hl_store_info *info, void (*problem)(const char *line, void *user),
                          void *user)
{
    check self = {.problem = problem, .user = user};
    hl__error_copy before;
    MDB_txn *txn;

    hl__error_save(&before);
    hl_status status = hl__env_begin_read(opener, ACTION, &txn);
    if (status != HL_OK)
        return status;
    int rc = read_all(&self, opener->env, txn);
    measure(&self, opener->env);
    hl__env_end_read(opener);
    status = hl__lmdb_result(opener->env, rc, ACTION);
    if (status == HL_OK)
        status = check_agreement(&self);
    if (status == HL_OK && info)
        hand_out(&self, info);
    if (status == HL_OK)
        hl__error_restore(&before); /* what was found is in the report, not an error of this call */
    for (size_t i = 0; i < self.records.len; i++)
        hl__record_unref(self.records.items[i]);
    hl__list_cleanup(&self.records);
    return status;
}

hl_status hl_store_check(const char *store, hl_store_info *info, void (*problem)(const char *line, void *user),
                         void *user)
{
    hl__opener *opener;

    if (!info)
        return hl__fail(HL_ERR_INVALID, ACTION, "info", "info is NULL; give a hl_store_info with its size set.");
    if (info->size == 0 || info->size > sizeof(*info))
        return hl__fail(HL_ERR_STRUCT_SIZE, ACTION, "info", "info->size is %zu; set it to sizeof(hl_store_info).",
                        info->size);
    hl_status status = hl__manage_open(store, true, ACTION, &opener);
    if (status != HL_OK)
        return status;
    if (info->size >= offsetof(hl_store_info, id))
        info->url = store;
    status = hl__check_store(opener, info, problem, user);
    hl__manage_close(opener);
    return status;
}

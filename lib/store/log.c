/* Walks the activity log of a store for people. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "store/lmdb_store.h"
#include "store/manage.h"
#include "store/schema.h"

#define ACTION "store log"

typedef struct entry {
    uint64_t revision;
    hl__log_row row;
} entry;

static char *append(char *end, const hl__list *names)
{
    for (size_t i = 0; i < names->len; i++) {
        end = stpcpy(end, names->items[i]);
        *end++ = ' ';
    }
    return end;
}

static size_t names_bytes(const hl__list *names)
{
    size_t bytes = 1;
    for (size_t i = 0; i < names->len; i++)
        bytes += strlen(names->items[i]) + 1;
    return bytes;
}

/* The names, separated by spaces; freed by the caller. */
static char *subject_of(const hl__log_row *row)
{
    char *subject = malloc(names_bytes(&row->plugins) + names_bytes(&row->events));
    if (!subject)
        return NULL;
    char *end = append(append(subject, &row->plugins), &row->events);
    *(end > subject ? end - 1 : end) = '\0';
    return subject;
}

static int add_entry(hl__list *entries, const MDB_val *key, const MDB_val *value)
{
    entry *added = calloc(1, sizeof(*added));
    if (!added)
        return hl__fail_memory(ACTION);
    added->revision = hl__log_key_revision(key);
    int rc = hl__log_decode(value->mv_data, value->mv_size, &added->row);
    if (rc == 0 && !hl__list_push(entries, added)) {
        hl__log_row_cleanup(&added->row);
        rc = hl__fail_memory(ACTION);
    }
    if (rc != 0)
        free(added);
    return rc;
}

/* Newest first, so that a limit costs no more than it asks for. */
static int collect(const hl__env *env, MDB_txn *txn, size_t limit, hl__list *entries)
{
    MDB_cursor *cursor;
    MDB_val key, value;

    int rc = mdb_cursor_open(txn, env->tables[HL__LOG], &cursor);
    if (rc != 0)
        return rc;
    while (rc == 0 && (limit == 0 || entries->len < limit)) {
        rc = mdb_cursor_get(cursor, &key, &value, MDB_PREV);
        if (rc == 0)
            rc = add_entry(entries, &key, &value);
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static hl_status walk(const hl__list *entries, bool (*callback)(const hl_log_entry *, void *user), void *user)
{
    bool more = true;
    for (size_t i = entries->len; more && i > 0; i--) {
        const entry *each = entries->items[i - 1];
        char *subject = subject_of(&each->row);
        if (!subject)
            return hl__fail_memory(ACTION);
        hl_log_entry shown = {sizeof(shown), each->revision, each->row.at, each->row.pid, each->row.action, subject};
        more = callback(&shown, user);
        free(subject);
    }
    return HL_OK;
}

static void entries_cleanup(hl__list *entries)
{
    for (size_t i = 0; i < entries->len; i++) {
        entry *each = entries->items[i];
        hl__log_row_cleanup(&each->row);
        free(each);
    }
    hl__list_cleanup(entries);
}

hl_status hl_store_log(const char *store, size_t limit, bool (*callback)(const hl_log_entry *, void *user), void *user)
{
    hl__opener *opener;
    hl__list entries = {0};
    MDB_txn *txn;

    if (!callback)
        return hl__fail(HL_ERR_INVALID, ACTION, "callback", "callback is NULL; give a function.");
    hl_status status = hl__manage_open(store, true, ACTION, &opener);
    if (status != HL_OK)
        return status;
    status = hl__env_begin_read(opener, ACTION, &txn);
    if (status == HL_OK) {
        int rc = collect(opener->env, txn, limit, &entries);
        hl__env_end_read(opener);
        status = hl__lmdb_result(opener->env, rc, ACTION);
    }
    if (status == HL_OK)
        status = walk(&entries, callback, user);
    entries_cleanup(&entries);
    hl__manage_close(opener);
    return status;
}

/* Committing to an LMDB store: one durable write transaction, which begins with the comparison of the revision. Texts
 * are made before it, because all other writers wait while it is open. */
#include "store/lmdb_store.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/error.h"
#include "store/schema.h"
#include "store/watch.h"

typedef struct job {
    const hl__store_commit *commit;
    const hl__list *events_gone; /* names; may be NULL */
    char **texts;                /* for each record and definition; NULL for what has its text or needs none */
    char *log_text;
} job;

/* ---- texts ---------------------------------------------------------------------------------------------------- */

static hl_status encode_changes(job *self)
{
    const hl__store_commit *commit = self->commit;
    hl_status status = HL_OK;

    self->texts = calloc(commit->changes_len + 1, sizeof(*self->texts));
    if (!self->texts)
        return hl__fail_memory("commit");
    for (size_t i = 0; status == HL_OK && i < commit->changes_len; i++) {
        const hl__store_change *change = &commit->changes[i];
        if (change->record)
            status = hl__record_encode(change->record, &self->texts[i]);
        else if (change->event)
            status = hl__event_encode(change->event, &self->texts[i]);
        else if (change->text)
            status = hl__document_check(change->document, strlen(change->document), change->text, strlen(change->text));
    }
    return status;
}

static bool push_name(hl__list *names, const char *name)
{
    return hl__list_push(names, (void *)(uintptr_t)name);
}

static bool list_name(const hl__store_change *change, hl__log_row *row)
{
    if (change->document)
        return true; /* the log is of plugins and events */
    if (change->event)
        return push_name(&row->events, change->event->name);
    return push_name(&row->plugins, change->record ? change->record->name : change->gone);
}

/* The row's names are borrowed. */
static bool list_names(const job *self, hl__log_row *row)
{
    for (size_t i = 0; i < self->commit->changes_len; i++) {
        if (!list_name(&self->commit->changes[i], row))
            return false;
    }
    for (size_t i = 0; self->events_gone && i < self->events_gone->len; i++) {
        if (!push_name(&row->events, self->events_gone->items[i]))
            return false;
    }
    return true;
}

static hl_status encode_log(job *self)
{
    hl__log_row row = {.at = time(NULL), .pid = getpid(), .action = (char *)(uintptr_t)self->commit->action};

    hl_status status = list_names(self, &row) ? hl__log_encode(&row, &self->log_text) : hl__fail_memory("commit");
    hl__list_cleanup(&row.plugins);
    hl__list_cleanup(&row.events);
    return status;
}

static void job_cleanup(job *self)
{
    for (size_t i = 0; self->texts && i < self->commit->changes_len; i++)
        free(self->texts[i]);
    free(self->texts);
    free(self->log_text);
}

/* ---- the transaction ------------------------------------------------------------------------------------------ */

static int put(MDB_txn *txn, MDB_dbi table, const char *name, const char *text)
{
    MDB_val key = {strlen(name), (void *)(uintptr_t)name}, value = {strlen(text), (void *)(uintptr_t)text};
    return mdb_put(txn, table, &key, &value, 0);
}

static int drop(MDB_txn *txn, MDB_dbi table, const char *name)
{
    MDB_val key = {strlen(name), (void *)(uintptr_t)name};
    int rc = mdb_del(txn, table, &key, NULL);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int write_change(const hl__env *env, MDB_txn *txn, const hl__store_change *change, const char *text)
{
    if (change->record)
        return put(txn, env->tables[HL__PLUGINS], change->record->name, text);
    if (change->event)
        return put(txn, env->tables[HL__EVENTS], change->event->name, text);
    if (change->document)
        return change->text ? put(txn, env->tables[HL__DOCUMENTS], change->document, change->text)
                            : drop(txn, env->tables[HL__DOCUMENTS], change->document);
    return drop(txn, env->tables[HL__PLUGINS], change->gone);
}

static int write_job(hl__env *env, MDB_txn *txn, void *user)
{
    const job *self = user;
    const hl__store_commit *commit = self->commit;
    uint64_t revision;

    int rc = hl__schema_head(env, txn, &revision);
    if (rc == 0 && revision != commit->expected)
        rc = HL_ERR_CONFLICT;
    for (size_t i = 0; rc == 0 && i < commit->changes_len; i++)
        rc = write_change(env, txn, &commit->changes[i], self->texts[i]);
    for (size_t i = 0; rc == 0 && self->events_gone && i < self->events_gone->len; i++)
        rc = drop(txn, env->tables[HL__EVENTS], self->events_gone->items[i]);
    return rc == 0 ? hl__log_append(env, txn, revision + 1, self->log_text) : rc;
}

static hl_status run(hl__opener *self, job *work)
{
    size_t txn_id;

    hl_status status = encode_changes(work);
    if (status == HL_OK)
        status = encode_log(work);
    if (status == HL_OK)
        status = hl__env_write(self->env, "commit", write_job, work, &txn_id);
    if (status != HL_OK)
        return status;
    self->head_txn = txn_id;
    self->head_revision = self->reported = work->commit->expected + 1;
    self->head_known = true;
    hl__watch_tell(self->env);
    return HL_OK;
}

hl_status hl__lmdb_replace(hl__opener *opener, const hl__store_commit *commit, const hl__list *events_gone)
{
    job work = {.commit = commit, .events_gone = events_gone};

    if (opener->read_only)
        return hl__fail(HL_ERR_STORE_READ_ONLY, "commit", "store", "The store in %s was opened for reading only.",
                        opener->env->directory);
    hl_status status = run(opener, &work);
    job_cleanup(&work);
    return status;
}

hl_status hl__lmdb_commit(hl__store *store, const hl__store_commit *commit)
{
    return hl__lmdb_replace((hl__opener *)store, commit, NULL);
}

/* The store in an LMDB file, for several processes: opening, closing and what the control thread asks of it. */
#include "store/lmdb_store.h"

#include <stdlib.h>

#include "core/error.h"
#include "store/backends.h"
#include "store/schema.h"
#include "store/watch.h"

int hl__lmdb_head(hl__opener *opener, MDB_txn *txn, uint64_t *revision)
{
    size_t txn_id = mdb_txn_id(txn);

    if (!opener->head_known || opener->head_txn != txn_id) {
        int rc = hl__schema_head(opener->env, txn, &opener->head_revision);
        if (rc != 0)
            return rc;
        opener->head_txn = txn_id;
        opener->head_known = true;
    }
    *revision = opener->head_revision;
    return 0;
}

static hl_status read_revision(hl__opener *self, const char *action, uint64_t *out)
{
    MDB_txn *txn;

    hl_status status = hl__env_begin_read(self, action, &txn);
    if (status != HL_OK)
        return status;
    int rc = hl__lmdb_head(self, txn, out);
    hl__env_end_read(self);
    return hl__lmdb_result(self->env, rc, action);
}

static hl_status lmdb_revision(hl__store *store, uint64_t *out)
{
    hl__opener *self = (hl__opener *)store;
    hl_status status = read_revision(self, "revision", out);
    if (status == HL_OK)
        self->reported = *out;
    return status;
}

/* What was committed between load and here is made up for by waking at once. */
static int lmdb_watch_fd(hl__store *store)
{
    hl__opener *self = (hl__opener *)store;

    if (self->watch_fd >= 0)
        return self->watch_fd;
    if (hl__watch_open(self) == HL_OK)
        hl__watch_wake(self);
    else
        hl__watch_close(self);
    return self->watch_fd;
}

static void lmdb_watch_drain(hl__store *store)
{
    hl__watch_drain((hl__opener *)store);
}

/* Clears the slots of dead readers, and makes up for the notice of a writer that died right after its commit. */
static void lmdb_tick(hl__store *store)
{
    hl__opener *self = (hl__opener *)store;
    uint64_t revision;

    if (read_revision(self, "watch", &revision) != HL_OK)
        return;
    pthread_rwlock_rdlock(&self->env->lock);
    mdb_reader_check(self->env->mdb, NULL);
    pthread_rwlock_unlock(&self->env->lock);
    if (revision != self->reported)
        hl__watch_wake(self);
}

static int write_nothing(hl__env *env, MDB_txn *txn, void *user)
{
    (void)env;
    (void)txn;
    (void)user;
    return 0;
}

/* LMDB tells readers the newest transaction in memory that it shares, after it is on disk. A writer that dies in
 * between has committed and not told; whoever takes the writer's lock next does. */
static hl_status lmdb_settle(hl__store *store)
{
    hl__opener *self = (hl__opener *)store;

    return self->read_only ? HL_OK : hl__env_write(self->env, "settle", write_nothing, NULL, NULL);
}

static const char *lmdb_directory(hl__store *store)
{
    return ((hl__opener *)store)->env->directory;
}

static void lmdb_close(hl__store *store)
{
    hl__opener *self = (hl__opener *)store;
    hl__watch_close(self);
    hl__env_leave(self);
    free(self);
}

static const hl__store_ops lmdb_ops = {
    .close = lmdb_close,
    .revision = lmdb_revision,
    .load = hl__lmdb_load,
    .changes = hl__lmdb_changes,
    .commit = hl__lmdb_commit,
    .document = hl__lmdb_document,
    .documents = hl__lmdb_documents,
    .watch_fd = lmdb_watch_fd,
    .watch_drain = lmdb_watch_drain,
    .settle = lmdb_settle,
    .tick = lmdb_tick,
    .directory = lmdb_directory,
};

hl_status hl__lmdb_open(const char *directory, unsigned flags, uint64_t map_bytes, hl__store **out)
{
    if (!*directory)
        return hl__fail(HL_ERR_INVALID, "open", "store", "\"lmdb:\" names no directory; give \"lmdb:DIR\".");
    hl__opener *self = calloc(1, sizeof(*self));
    if (!self)
        return hl__fail_memory("open");
    self->base.ops = &lmdb_ops;
    self->read_only = (flags & HL__STORE_READ_ONLY) != 0;
    self->watch_fd = self->inotify_fd = self->wake_fd = -1;
    hl_status status = hl__env_join(self, directory, map_bytes);
    if (status != HL_OK) {
        free(self);
        return status;
    }
    *out = &self->base;
    return HL_OK;
}

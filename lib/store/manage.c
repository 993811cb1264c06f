/* Looking after a store without a runtime: backup, restore, and walking the activity log. */
#include "store/manage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "store/backends.h"
#include "store/lmdb_store.h"
#include "store/schema.h"

#define CONFLICT_TRIES 100

static hl_status check_url(const char *url, const char *action)
{
    if (!url || strncmp(url, "memory:", 7) != 0)
        return HL_OK; /* or refused when it is opened */
    return hl__fail(HL_ERR_UNSUPPORTED, action, "store", "\"%s\" is in memory only; this needs \"lmdb:DIR\".", url);
}

hl_status hl__manage_open(const char *url, bool read_only, const char *action, hl__opener **out)
{
    hl__store *store;

    hl_status status = check_url(url, action);
    if (status != HL_OK)
        return status;
    status = hl__store_open(url, read_only ? HL__STORE_READ_ONLY : 0, 0, &store);
    if (status != HL_OK)
        return hl__fail_as(action);
    *out = (hl__opener *)store;
    return HL_OK;
}

void hl__manage_close(hl__opener *opener)
{
    opener->base.ops->close(&opener->base);
}

/* ---- backup --------------------------------------------------------------------------------------------------- */

static bool is_empty_directory(const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    bool empty = directory != NULL;

    while (empty && (entry = readdir(directory)))
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (directory)
        closedir(directory);
    return empty;
}

static hl_status prepare_target(const char *directory, bool *made)
{
    *made = access(directory, F_OK) != 0;
    hl_status status = hl__make_directory(directory, "store backup");
    if (status == HL_OK && !is_empty_directory(directory))
        status = hl__fail(HL_ERR_INVALID, "store backup", "directory",
                          "%s is not an empty directory; give one that is, or that does not exist.", directory);
    return status;
}

static int copy_to(hl__env *env, int fd)
{
    pthread_rwlock_rdlock(&env->lock);
    int rc = mdb_env_copyfd2(env->mdb, fd, MDB_CP_COMPACT);
    pthread_rwlock_unlock(&env->lock);
    return rc == 0 && fsync(fd) != 0 ? errno : rc;
}

static hl_status fail_target(int rc, const char *directory)
{
    hl_status status = rc == ENOSPC || rc == EDQUOT || rc == EFBIG || rc == EIO ? HL_ERR_STORE_FULL : HL_ERR_STORE;
    if (rc > 0)
        return hl__fail_errno(status, rc, "store backup", "directory", "The backup in %s cannot be written.",
                              directory);
    return hl__fail(HL_ERR_STORE, "store backup", "directory", "The backup in %s cannot be written: %s.", directory,
                    mdb_strerror(rc));
}

static hl_status write_backup(hl__env *env, const char *directory)
{
    char path[PATH_MAX + 16];
    snprintf(path, sizeof(path), "%s/data.mdb", directory);

    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_target(errno, directory);
    int rc = copy_to(env, fd);
    close(fd);
    if (rc == 0)
        return HL_OK;
    unlink(path);
    return fail_target(rc, directory);
}

hl_status hl_store_backup(const char *store, const char *directory)
{
    hl__opener *opener;
    bool made = false;

    if (!directory || !*directory)
        return hl__fail(HL_ERR_INVALID, "store backup", "directory", "No directory is given for the backup.");
    hl_status status = hl__manage_open(store, true, "store backup", &opener);
    if (status != HL_OK)
        return status;
    status = prepare_target(directory, &made);
    if (status == HL_OK)
        status = write_backup(opener->env, directory);
    if (status != HL_OK && made)
        rmdir(directory);
    hl__manage_close(opener);
    return status;
}

/* ---- restore -------------------------------------------------------------------------------------------------- */

/* All that a store holds, sorted by name as LMDB keeps it. */
typedef struct content {
    hl__batch registry;
    hl__store_documents documents;
} content;

static void content_cleanup(content *self)
{
    hl__batch_cleanup(&self->registry);
    hl__store_documents_cleanup(&self->documents);
}

static void keep_first_problem(const char *line, void *user)
{
    char *first = user;
    if (!*first)
        snprintf(first, 512, "%s", line);
}

static hl_status load_backup(const char *directory, content *out)
{
    hl__opener *backup;
    uint64_t revision;
    char url[PATH_MAX + 8], first[512] = "";

    snprintf(url, sizeof(url), "lmdb:%s", directory);
    hl_status status = hl__manage_open(url, true, "store restore", &backup);
    if (status != HL_OK)
        return status;
    status = hl__check_store(backup, NULL, keep_first_problem, first);
    if (status == HL_OK && *first)
        status = hl__fail(HL_ERR_STORE_CORRUPT, "store restore", "directory",
                          "The backup in %s does not pass the check: %s. Take another one.", directory, first);
    if (status == HL_OK)
        status = hl__lmdb_collect(backup, &out->registry, &out->documents, &revision);
    hl__manage_close(backup);
    return status;
}

/* What has to change for the store to hold what the backup holds. */
typedef struct difference {
    content now;
    hl__list made;             /* records with the new revision; owned */
    hl__list events_gone;      /* names; owned */
    hl__store_change *changes; /* point into all of these */
    size_t changes_len;
} difference;

static bool same_event(const hl__event_def *a, const hl__event_def *b)
{
    char *text_a = NULL, *text_b = NULL;
    bool same =
        hl__event_encode(a, &text_a) == HL_OK && hl__event_encode(b, &text_b) == HL_OK && strcmp(text_a, text_b) == 0;
    free(text_a);
    free(text_b);
    return same;
}

static hl_status put_record(difference *self, const hl__record *wanted, uint64_t revision)
{
    hl__record from = *wanted;
    from.revision = revision;
    hl__record *made = hl__record_new(&from);
    if (!made || !hl__list_push(&self->made, made)) {
        hl__record_unref(made);
        return hl__fail_memory("store restore");
    }
    self->changes[self->changes_len++] = (hl__store_change){.record = made};
    return HL_OK;
}

static hl_status compare_records(difference *self, const hl__list *wanted, uint64_t revision)
{
    const hl__list *now = &self->now.registry.records;
    size_t i = 0, k = 0;
    hl_status status = HL_OK;

    while (status == HL_OK && (i < wanted->len || k < now->len)) {
        const hl__record *want = i < wanted->len ? wanted->items[i] : NULL, *have = k < now->len ? now->items[k] : NULL;
        int order = !want ? 1 : !have ? -1 : strcmp(want->name, have->name);
        if (order > 0)
            self->changes[self->changes_len++] = (hl__store_change){.gone = have->name};
        else if (order < 0 || !hl__record_same(want, have))
            status = put_record(self, want, revision);
        i += order <= 0;
        k += order >= 0;
    }
    return status;
}

static hl_status compare_events(difference *self, const hl__list *wanted)
{
    const hl__list *now = &self->now.registry.events;
    size_t i = 0, k = 0;

    while (i < wanted->len || k < now->len) {
        const hl__event_def *want = i < wanted->len ? wanted->items[i] : NULL;
        const hl__event_def *have = k < now->len ? now->items[k] : NULL;
        int order = !want ? 1 : !have ? -1 : strcmp(want->name, have->name);
        if (order > 0 && !hl__names_add(&self->events_gone, have->name, strlen(have->name)))
            return hl__fail_memory("store restore");
        if (order < 0 || (order == 0 && !same_event(want, have)))
            self->changes[self->changes_len++] = (hl__store_change){.event = want};
        i += order <= 0;
        k += order >= 0;
    }
    return HL_OK;
}

static void compare_documents(difference *self, const hl__store_documents *wanted)
{
    const hl__store_documents *now = &self->now.documents;
    size_t i = 0, k = 0;

    while (i < wanted->len || k < now->len) {
        const hl__store_document *want = i < wanted->len ? &wanted->items[i] : NULL;
        const hl__store_document *have = k < now->len ? &now->items[k] : NULL;
        int order = !want ? 1 : !have ? -1 : strcmp(want->key, have->key);
        if (order > 0)
            self->changes[self->changes_len++] = (hl__store_change){.document = have->key};
        else if (order < 0 || strcmp(want->text, have->text) != 0)
            self->changes[self->changes_len++] = (hl__store_change){.document = want->key, .text = want->text};
        i += order <= 0;
        k += order >= 0;
    }
}

static void difference_cleanup(difference *self)
{
    for (size_t i = 0; i < self->made.len; i++)
        hl__record_unref(self->made.items[i]);
    hl__list_cleanup(&self->made);
    hl__names_cleanup(&self->events_gone);
    content_cleanup(&self->now);
    free(self->changes);
}

static size_t count(const content *of)
{
    return of->registry.records.len + of->registry.events.len + of->documents.len;
}

static hl_status make_room(difference *self, const content *wanted)
{
    self->changes = calloc(count(wanted) + count(&self->now) + 1, sizeof(*self->changes));
    return self->changes ? HL_OK : hl__fail_memory("store restore");
}

static hl_status restore_once(hl__opener *opener, const content *wanted)
{
    difference work = {0};
    uint64_t revision = 0;

    hl_status status = hl__lmdb_collect(opener, &work.now.registry, &work.now.documents, &revision);
    if (status == HL_OK)
        status = make_room(&work, wanted);
    if (status == HL_OK)
        status = compare_records(&work, &wanted->registry.records, revision + 1);
    if (status == HL_OK)
        status = compare_events(&work, &wanted->registry.events);
    if (status == HL_OK) {
        compare_documents(&work, &wanted->documents);
        hl__store_commit commit = {revision, work.changes, work.changes_len, "restore"};
        status = hl__lmdb_replace(opener, &commit, &work.events_gone);
    }
    difference_cleanup(&work);
    return status;
}

static hl_status restore_into(const char *store, const content *wanted)
{
    hl__opener *opener;

    hl_status status = hl__manage_open(store, false, "store restore", &opener);
    if (status != HL_OK)
        return status;
    status = HL_ERR_CONFLICT;
    for (int tries = 0; status == HL_ERR_CONFLICT && tries < CONFLICT_TRIES; tries++)
        status = restore_once(opener, wanted);
    if (status == HL_ERR_CONFLICT)
        hl__fail(status, "store restore", "store", "Other processes change %s without pause; try again.", store);
    hl__manage_close(opener);
    return status;
}

hl_status hl_store_restore(const char *store, const char *directory)
{
    content wanted = {0};

    if (!directory || !*directory)
        return hl__fail(HL_ERR_INVALID, "store restore", "directory", "No directory is given to restore from.");
    hl_status status = check_url(store, "store restore");
    if (status == HL_OK)
        status = load_backup(directory, &wanted);
    if (status == HL_OK)
        status = restore_into(store, &wanted);
    content_cleanup(&wanted);
    return status == HL_OK ? HL_OK : hl__fail_as("store restore");
}

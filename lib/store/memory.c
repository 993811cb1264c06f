/* The store in memory: records themselves, by reference, so that a commit costs about a microsecond. "memory:" is
 * private to its opener, "memory:NAME" is shared by every opener in the process and dies with the last one. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/error.h"
#include "store/backends.h"
#include "store/codec.h"
#include "store/memory_content.h"
#include "store/process.h"

typedef struct memory memory;

typedef struct opener {
    hl__store base;
    memory *memory;
    int event_fd; /* -1: private, nobody else commits */
    unsigned generation;
    bool read_only;
    struct opener *next;
} opener;

struct memory {
    pthread_mutex_t lock; /* over the content and the list of openers */
    hl__content content;
    opener *openers;
    char *name; /* NULL: private */
    /* Under the process lock: */
    unsigned generation;
    unsigned refs;
    memory *next;
};

static memory *shared; /* under the process lock */

static opener *opener_of(hl__store *store)
{
    return (opener *)store;
}

static hl_status check_owner(const opener *self, const char *action)
{
    if (self->generation == hl__process_generation())
        return HL_OK;
    return hl__fail(HL_ERR_FORKED, action, "store", "The store belongs to the parent process; open it again here.");
}

/* ---- committing ----------------------------------------------------------------------------------------------- */

static void wake_others(const memory *self, const opener *author)
{
    uint64_t one = 1;
    for (const opener *each = self->openers; each; each = each->next) {
        /* A full counter means that the other is awake already. */
        if (each != author && write(each->event_fd, &one, sizeof(one)) < 0)
            continue;
    }
}

static hl_status check_documents(const hl__store_commit *commit)
{
    for (size_t i = 0; i < commit->changes_len; i++) {
        const hl__store_change *change = &commit->changes[i];
        hl_status status = HL_OK;
        if (change->text)
            status = hl__document_check(change->document, strlen(change->document), change->text, strlen(change->text));
        if (status != HL_OK)
            return status;
    }
    return HL_OK;
}

static hl_status memory_commit(hl__store *store, const hl__store_commit *commit)
{
    opener *self = opener_of(store);
    memory *target = self->memory;

    hl_status status = check_owner(self, "commit");
    if (status != HL_OK)
        return status;
    if (self->read_only)
        return hl__fail(HL_ERR_STORE_READ_ONLY, "commit", "store", "The store was opened for reading only.");
    status = check_documents(commit);
    if (status != HL_OK)
        return status;
    pthread_mutex_lock(&target->lock);
    status = hl__content_commit(&target->content, commit);
    if (status == HL_OK)
        wake_others(target, self);
    pthread_mutex_unlock(&target->lock);
    return status;
}

/* ---- reading -------------------------------------------------------------------------------------------------- */

static hl_status memory_revision(hl__store *store, uint64_t *out)
{
    const opener *self = opener_of(store);
    hl_status status = check_owner(self, "revision");
    if (status == HL_OK)
        *out = atomic_load_explicit(&self->memory->content.revision, memory_order_acquire);
    return status;
}

/* What is there now, or what was touched since `since` when it is not NULL. */
static hl_status visit(opener *self, const uint64_t *since, const hl__store_visitor *visitor, uint64_t *revision)
{
    memory *from = self->memory;
    hl__batch batch = {0};

    hl_status status = check_owner(self, since ? "changes" : "load");
    if (status != HL_OK)
        return status;
    pthread_mutex_lock(&from->lock);
    uint64_t seen = atomic_load_explicit(&from->content.revision, memory_order_relaxed);
    status =
        since ? hl__content_collect_since(&from->content, *since, &batch) : hl__content_collect(&from->content, &batch);
    pthread_mutex_unlock(&from->lock);
    if (status == HL_OK)
        status = hl__batch_deliver(&batch, visitor);
    hl__batch_cleanup(&batch);
    if (status == HL_OK)
        *revision = seen;
    return status;
}

static hl_status memory_load(hl__store *store, const hl__store_visitor *visitor, uint64_t *revision)
{
    return visit(opener_of(store), NULL, visitor, revision);
}

static hl_status memory_changes(hl__store *store, uint64_t since, const hl__store_visitor *visitor, uint64_t *revision)
{
    return visit(opener_of(store), &since, visitor, revision);
}

static bool is_at(const memory *from, uint64_t expected)
{
    return expected == HL__STORE_NEWEST ||
           atomic_load_explicit(&from->content.revision, memory_order_relaxed) == expected;
}

static hl_status memory_document(hl__store *store, const char *key, uint64_t expected, char **text)
{
    memory *from = opener_of(store)->memory;

    hl_status status = check_owner(opener_of(store), "read");
    if (status != HL_OK)
        return status;
    pthread_mutex_lock(&from->lock);
    status = is_at(from, expected) ? hl__content_document(&from->content, key, text) : HL_ERR_CONFLICT;
    pthread_mutex_unlock(&from->lock);
    return status;
}

static hl_status memory_documents(hl__store *store, const char *prefix, uint64_t expected, hl__store_documents *list)
{
    memory *from = opener_of(store)->memory;

    hl_status status = check_owner(opener_of(store), "read");
    if (status != HL_OK)
        return status;
    pthread_mutex_lock(&from->lock);
    status = is_at(from, expected) ? hl__content_documents(&from->content, prefix, list) : HL_ERR_CONFLICT;
    pthread_mutex_unlock(&from->lock);
    return status;
}

/* ---- watching ------------------------------------------------------------------------------------------------- */

static int memory_watch_fd(hl__store *store)
{
    return opener_of(store)->event_fd;
}

static void memory_watch_drain(hl__store *store)
{
    uint64_t count;
    int fd = opener_of(store)->event_fd;
    if (fd >= 0 && read(fd, &count, sizeof(count)) < 0)
        return; /* nothing was written since */
}

static const char *memory_directory(hl__store *store)
{
    (void)store;
    return NULL;
}

/* ---- opening and closing -------------------------------------------------------------------------------------- */

static void memory_destroy(memory *self)
{
    hl__content_cleanup(&self->content);
    pthread_mutex_destroy(&self->lock);
    free(self->name);
    free(self);
}

static void unlink_memory(const memory *gone)
{
    for (memory **link = &shared; *link; link = &(*link)->next) {
        if (*link == gone) {
            *link = gone->next;
            return;
        }
    }
}

static void unlink_opener(opener *gone)
{
    pthread_mutex_lock(&gone->memory->lock);
    for (opener **link = &gone->memory->openers; *link; link = &(*link)->next) {
        if (*link == gone) {
            *link = gone->next;
            break;
        }
    }
    pthread_mutex_unlock(&gone->memory->lock);
}

/* A forked child leaves the parent's store alone: its lock may have been held by a thread that is not in the child. */
static void memory_close(hl__store *store)
{
    opener *self = opener_of(store);

    hl__process_lock();
    if (self->generation == hl__process_generation()) {
        unlink_opener(self);
        if (--self->memory->refs == 0) {
            unlink_memory(self->memory);
            memory_destroy(self->memory);
        }
    }
    hl__process_unlock();
    if (self->event_fd >= 0)
        close(self->event_fd);
    free(self);
}

static const hl__store_ops memory_ops = {
    .close = memory_close,
    .revision = memory_revision,
    .load = memory_load,
    .changes = memory_changes,
    .commit = memory_commit,
    .document = memory_document,
    .documents = memory_documents,
    .watch_fd = memory_watch_fd,
    .watch_drain = memory_watch_drain,
    .directory = memory_directory,
};

static memory *memory_new(const char *name)
{
    memory *self = calloc(1, sizeof(*self));
    if (!self)
        return NULL;
    if (*name && !(self->name = strdup(name))) {
        free(self);
        return NULL;
    }
    pthread_mutex_init(&self->lock, NULL);
    self->generation = hl__process_generation();
    if (self->name) {
        self->next = shared;
        shared = self;
    }
    return self;
}

static memory *memory_of_name(const char *name)
{
    for (memory *each = *name ? shared : NULL; each; each = each->next) {
        if (each->generation == hl__process_generation() && strcmp(each->name, name) == 0)
            return each;
    }
    return memory_new(name);
}

static bool join(opener *self, const char *name)
{
    hl__process_lock();
    self->generation = hl__process_generation();
    self->memory = memory_of_name(name);
    if (self->memory) {
        self->memory->refs++;
        pthread_mutex_lock(&self->memory->lock);
        self->next = self->memory->openers;
        self->memory->openers = self;
        pthread_mutex_unlock(&self->memory->lock);
    }
    hl__process_unlock();
    return self->memory != NULL;
}

hl_status hl__memory_open(const char *name, unsigned flags, hl__store **out)
{
    opener *self = calloc(1, sizeof(*self));
    hl_status status = HL_OK;

    if (!self)
        return hl__fail_memory("open");
    self->base.ops = &memory_ops;
    self->read_only = (flags & HL__STORE_READ_ONLY) != 0;
    self->event_fd = *name ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
    if (*name && self->event_fd < 0)
        status = hl__fail_errno(HL_ERR_SYSTEM, errno, "open", "store", "The store's eventfd cannot be made.");
    else if (!join(self, name))
        status = hl__fail_memory("open");
    if (status == HL_OK) {
        *out = &self->base;
        return HL_OK;
    }
    if (self->event_fd >= 0)
        close(self->event_fd);
    free(self);
    return status;
}

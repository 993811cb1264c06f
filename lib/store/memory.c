/* The store in memory: records themselves, by reference, so that a commit costs about a microsecond. "memory:" is private
 * to its opener, "memory:NAME" is shared by every opener in the process and dies with the last one. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(node) ((node)->refused = true)
#include <uthash.h>

#include "core/error.h"
#include "store/backends.h"
#include "store/batch.h"
#include "store/process.h"

/* Touched names remembered for changes(): enough for openers that listen, small enough not to be felt. */
#define HISTORY_LEN 1024

/* Outside of a commit exactly one of `record` and `def` is set. */
typedef struct node {
    UT_hash_handle hh;
    const hl__record *record;
    const hl__event_def *def;
    bool refused; /* the table had no memory for it */
    char name[];
} node;

typedef struct touch {
    uint64_t revision;
    bool is_event;
    char *name;
} touch;

typedef struct memory memory;

typedef struct opener {
    hl__store base;
    memory *memory;
    int event_fd;
    unsigned generation;
    bool read_only;
    struct opener *next;
} opener;

struct memory {
    pthread_mutex_t lock;
    _Atomic uint64_t revision;
    node *plugins;
    node *events;
    touch history[HISTORY_LEN]; /* a ring; touches of revisions after `floor` are all in it */
    uint64_t history_count;     /* touches ever noted */
    uint64_t floor;
    opener *openers;
    char *name; /* NULL: private */
    unsigned generation;
    unsigned refs; /* under the process lock */
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

/* ---- the tables ----------------------------------------------------------------------------------------------- */

static node *find(node *table, const char *name)
{
    node *found;
    HASH_FIND_STR(table, name, found);
    return found;
}

static node *find_or_add(node **table, const char *name)
{
    node *found = find(*table, name);
    if (found)
        return found;
    size_t name_len = strlen(name);
    found = calloc(1, sizeof(*found) + name_len + 1);
    if (!found)
        return NULL;
    memcpy(found->name, name, name_len + 1);
    HASH_ADD_KEYPTR(hh, *table, found->name, name_len, found);
    if (!found->refused)
        return found;
    free(found);
    return NULL;
}

static void remove_node(node **table, node *gone)
{
    HASH_DEL(*table, gone);
    hl__record_unref(gone->record);
    hl__event_def_unref(gone->def);
    free(gone);
}

static void remove_if_empty(node **table, const char *name)
{
    node *found = find(*table, name);
    if (found && !found->record && !found->def)
        remove_node(table, found);
}

static void clear_table(node **table)
{
    node *each, *next;
    HASH_ITER(hh, *table, each, next) remove_node(table, each);
}

/* ---- commit --------------------------------------------------------------------------------------------------- */

static const char *change_name(const hl__store_change *change)
{
    if (change->record)
        return change->record->name;
    return change->event ? change->event->name : change->gone;
}

static node **change_table(memory *self, const hl__store_change *change)
{
    return change->event ? &self->events : &self->plugins;
}

/* Everything that can fail comes before the first change is made. */
static bool make_room(memory *self, const hl__store_commit *commit, char **names)
{
    for (size_t i = 0; i < commit->changes_len; i++) {
        const hl__store_change *change = &commit->changes[i];
        names[i] = strdup(change_name(change));
        if (!names[i])
            return false;
        if (!change->gone && !find_or_add(change_table(self, change), names[i]))
            return false;
    }
    return true;
}

static void undo_room(memory *self, const hl__store_commit *commit, char **names)
{
    for (size_t i = 0; i < commit->changes_len; i++) {
        remove_if_empty(change_table(self, &commit->changes[i]), change_name(&commit->changes[i]));
        free(names[i]);
    }
}

static void note_touch(memory *self, uint64_t revision, bool is_event, char *name)
{
    touch *slot = &self->history[self->history_count % HISTORY_LEN];
    if (self->history_count >= HISTORY_LEN)
        self->floor = slot->revision;
    free(slot->name);
    *slot = (touch){revision, is_event, name};
    self->history_count++;
}

static void apply_change(memory *self, const hl__store_change *change)
{
    node *target = find(*change_table(self, change), change_name(change));
    if (change->record) {
        hl__record_unref(target->record);
        target->record = hl__record_ref(change->record);
    } else if (change->event) {
        hl__event_def_unref(target->def);
        target->def = hl__event_def_ref(change->event);
    } else if (target) {
        hl__record_unref(target->record);
        target->record = NULL;
    }
}

/* Empty nodes go last: a commit may remove a name and put it again, and its room was made before. */
static void remove_empties(memory *self, const hl__store_commit *commit)
{
    for (size_t i = 0; i < commit->changes_len; i++) {
        if (commit->changes[i].gone)
            remove_if_empty(&self->plugins, commit->changes[i].gone);
    }
}

static hl_status apply(memory *self, const hl__store_commit *commit)
{
    char *few[8] = {NULL};
    char **names = commit->changes_len <= 8 ? few : calloc(commit->changes_len, sizeof(*names));
    uint64_t revision = commit->expected + 1;

    if (!names)
        return hl__fail_memory("commit");
    if (!make_room(self, commit, names)) {
        undo_room(self, commit, names);
        if (names != few)
            free(names);
        return hl__fail_memory("commit");
    }
    for (size_t i = 0; i < commit->changes_len; i++) {
        apply_change(self, &commit->changes[i]);
        note_touch(self, revision, commit->changes[i].event != NULL, names[i]);
    }
    remove_empties(self, commit);
    if (names != few)
        free(names);
    atomic_store_explicit(&self->revision, revision, memory_order_release);
    return HL_OK;
}

static void wake_others(const memory *self, const opener *author)
{
    uint64_t one = 1;
    for (const opener *each = self->openers; each; each = each->next) {
        /* A full counter means that the other is awake already. */
        if (each != author && write(each->event_fd, &one, sizeof(one)) < 0)
            continue;
    }
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
    pthread_mutex_lock(&target->lock);
    if (atomic_load_explicit(&target->revision, memory_order_relaxed) != commit->expected)
        status = HL_ERR_CONFLICT;
    else
        status = apply(target, commit);
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
        *out = atomic_load_explicit(&self->memory->revision, memory_order_acquire);
    return status;
}

static bool collect_node(hl__batch *batch, const node *from)
{
    return from->record ? hl__batch_record(batch, hl__record_ref(from->record))
                        : hl__batch_event(batch, hl__event_def_ref((hl__event_def *)from->def));
}

static bool collect_table(hl__batch *batch, node *table)
{
    node *each, *next;
    HASH_ITER(hh, table, each, next)
    {
        if (!collect_node(batch, each))
            return false;
    }
    return true;
}

static hl_status memory_load(hl__store *store, const hl__store_visitor *visitor, uint64_t *revision)
{
    opener *self = opener_of(store);
    memory *from = self->memory;
    hl__batch batch = {0};

    hl_status status = check_owner(self, "load");
    if (status != HL_OK)
        return status;
    pthread_mutex_lock(&from->lock);
    uint64_t seen = atomic_load_explicit(&from->revision, memory_order_relaxed);
    bool complete = collect_table(&batch, from->events) && collect_table(&batch, from->plugins);
    pthread_mutex_unlock(&from->lock);
    status = complete ? hl__batch_deliver(&batch, visitor) : hl__fail_memory("load");
    hl__batch_cleanup(&batch);
    if (status == HL_OK)
        *revision = seen;
    return status;
}

static bool collect_touched(memory *from, uint64_t since, hl__list *plugins, hl__list *events)
{
    uint64_t kept = from->history_count < HISTORY_LEN ? from->history_count : HISTORY_LEN;
    for (uint64_t i = from->history_count; i > from->history_count - kept; i--) {
        const touch *each = &from->history[(i - 1) % HISTORY_LEN];
        if (each->revision <= since)
            break;
        if (!hl__names_add(each->is_event ? events : plugins, each->name, strlen(each->name)))
            return false;
    }
    hl__names_settle(plugins);
    hl__names_settle(events);
    return true;
}

static bool collect_newest(hl__batch *batch, node *table, const hl__list *names)
{
    for (size_t i = 0; i < names->len; i++) {
        const char *name = names->items[i];
        const node *found = find(table, name);
        if (!(found ? collect_node(batch, found) : hl__names_add(&batch->gone, name, strlen(name))))
            return false;
    }
    return true;
}

static hl_status collect_changes(memory *from, uint64_t since, hl__batch *batch)
{
    hl__list plugins = {0}, events = {0};
    hl_status status = HL_OK;

    if (since < from->floor || since > atomic_load_explicit(&from->revision, memory_order_relaxed))
        return hl__fail(HL_ERR_NOT_FOUND, "changes", "revision", "The store does not remember revision %llu; load it.",
                        (unsigned long long)since);
    if (!collect_touched(from, since, &plugins, &events) || !collect_newest(batch, from->plugins, &plugins) ||
        !collect_newest(batch, from->events, &events))
        status = hl__fail_memory("changes");
    hl__names_cleanup(&plugins);
    hl__names_cleanup(&events);
    return status;
}

static hl_status memory_changes(hl__store *store, uint64_t since, const hl__store_visitor *visitor, uint64_t *revision)
{
    opener *self = opener_of(store);
    memory *from = self->memory;
    hl__batch batch = {0};

    hl_status status = check_owner(self, "changes");
    if (status != HL_OK)
        return status;
    pthread_mutex_lock(&from->lock);
    uint64_t seen = atomic_load_explicit(&from->revision, memory_order_relaxed);
    status = collect_changes(from, since, &batch);
    pthread_mutex_unlock(&from->lock);
    if (status == HL_OK)
        status = hl__batch_deliver(&batch, visitor);
    hl__batch_cleanup(&batch);
    if (status == HL_OK)
        *revision = seen;
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
    clear_table(&self->plugins);
    clear_table(&self->events);
    for (size_t i = 0; i < HISTORY_LEN; i++)
        free(self->history[i].name);
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

/* See prepared.h.
 *
 * The list is the process's: several runtimes on one store share its mapped libraries, and state is carried over into a
 * library once, however many of them are asked to prepare it. */
#include "observe/prepared.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"

#define ACTION "prepare"
#define NS_PER_MS UINT64_C(1000000)

typedef struct entry {
    struct entry *next;
    hl_runtime *runtime;
    hl__library *library;
    char *path;
    char *stamp;
    uint64_t deadline_ns; /* 0: its request has not succeeded yet */
} entry;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* held while libraries are loaded and state is carried over */
static entry *entries;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The parent's runtimes are not the child's, and who holds the lock does not exist there. */
static void forget(void)
{
    lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    entries = NULL;
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, forget);
}

static void take_lock(void)
{
    pthread_once(&once, watch_forks);
    pthread_mutex_lock(&lock);
}

/* ---- letting go; under the lock ---- */

static void drop(entry **link)
{
    entry *gone = *link;
    hl_runtime *runtime = gone->runtime;

    *link = gone->next;
    if (gone->library && runtime->parts.loader->unref(gone->library))
        hl__notify(runtime, &(hl_notice){.kind = HL_NOTICE_UNLOADED, .event = "", .reason = gone->path}, NULL);
    free(gone->path);
    free(gone->stamp);
    free(gone);
}

/* Entries of a runtime that are of one library (row NULL: of any) and end at or before a time. */
static void drop_all(const hl_runtime *runtime, const hl__prepared *row, uint64_t until_ns)
{
    entry **link = &entries;

    while (*link) {
        bool of_row = !row || (strcmp((*link)->path, row->path) == 0 && strcmp((*link)->stamp, row->stamp) == 0);

        if ((*link)->runtime == runtime && of_row && (*link)->deadline_ns <= until_ns)
            drop(link);
        else
            link = &(*link)->next;
    }
}

/* ---- preparing; under the lock ---- */

static bool is_prepared_elsewhere(const entry *own)
{
    for (const entry *at = entries; at; at = at->next)
        if (at != own && at->library == own->library && at->deadline_ns)
            return true;
    return false;
}

static hl_status carry(const entry *own, const hl__prepared *row)
{
    const hl__loader_ops *loader = own->runtime->parts.loader;
    hl__library *replaced;
    hl_status status;

    if (!row->replaces_path[0] || is_prepared_elsewhere(own))
        return HL_OK;
    replaced = loader->find(row->replaces_path, row->replaces_stamp);
    if (!replaced)
        return HL_OK;
    status = loader->carry(replaced, own->library);
    loader->unref(replaced);
    return status;
}

static entry *add(hl_runtime *runtime, const hl__prepared *row)
{
    entry *made = calloc(1, sizeof(*made));

    if (!made)
        return NULL;
    made->runtime = runtime;
    made->path = strdup(row->path);
    made->stamp = strdup(row->stamp);
    made->next = entries;
    entries = made;
    if (made->path && made->stamp)
        return made;
    entries = made->next;
    free(made->path);
    free(made->stamp);
    free(made);
    return NULL;
}

static hl_status prepare(hl_runtime *runtime, const hl__prepared *row)
{
    entry *made;
    hl_status status;

    drop_all(runtime, row, UINT64_MAX);
    made = add(runtime, row);
    if (!made)
        return hl__fail_memory(ACTION);
    status = runtime->parts.loader->load(row->path, row->stamp, &made->library);
    return status == HL_OK ? carry(made, row) : status;
}

/* The request as a whole succeeds, or leaves nothing. */
static void settle(hl_runtime *runtime, hl_status status)
{
    uint64_t deadline_ns = hl__now_ns() + HL__PREPARED_MS * NS_PER_MS;
    hl__error_copy error;

    if (status != HL_OK) {
        hl__error_save(&error);
        drop_all(runtime, NULL, 0);
        hl__error_restore(&error);
        return;
    }
    for (entry *at = entries; at; at = at->next)
        if (at->runtime == runtime && !at->deadline_ns)
            at->deadline_ns = deadline_ns;
}

static bool loads_code(const hl_runtime *runtime)
{
    return runtime->parts.loader && !(runtime->options.flags & HL_OPEN_RECORDS_ONLY);
}

static hl_status prepare_all(hl_runtime *runtime, const hl__prepared *rows, size_t len)
{
    hl_status status = HL_OK;

    for (size_t i = 0; status == HL_OK && i < len; i++)
        status = prepare(runtime, &rows[i]);
    settle(runtime, status);
    return status;
}

/* Whoever holds the list's lock while the runtime is open may use it: hl_close waits for the lock. */
static hl_status lock_open(hl_runtime *runtime)
{
    hl_status status = hl__lock(runtime, ACTION);

    if (status != HL_OK)
        return status;
    hl__unlock(runtime);
    take_lock();
    if (!__atomic_load_n(&runtime->closed, __ATOMIC_ACQUIRE))
        return HL_OK;
    pthread_mutex_unlock(&lock);
    return hl__fail(HL_ERR_CLOSED, ACTION, "runtime", "The runtime is closed.");
}

hl_status hl__prepare(hl_runtime *runtime, const hl__prepared *rows, size_t len)
{
    hl_status status = hl__check_may_wait(runtime, ACTION);

    if (status == HL_OK)
        status = lock_open(runtime);
    if (status != HL_OK)
        return status;
    if (loads_code(runtime))
        status = prepare_all(runtime, rows, len);
    pthread_mutex_unlock(&lock);
    return status;
}

void hl__prepare_release(hl_runtime *runtime, const hl__prepared *rows, size_t len)
{
    take_lock();
    for (size_t i = 0; i < len; i++)
        drop_all(runtime, &rows[i], UINT64_MAX);
    pthread_mutex_unlock(&lock);
}

/* ---- using what is prepared ---- */

static const entry *find(const hl_runtime *runtime, const char *path, const char *stamp)
{
    const entry *at = entries;

    while (at && (at->runtime != runtime || strcmp(at->path, path) != 0 || strcmp(at->stamp, stamp) != 0))
        at = at->next;
    return at;
}

static const hl_plugin_spec *spec_of(const hl_plugin_entry *library, const char *plugin)
{
    for (size_t i = 0; i < library->specs_len; i++)
        if (strcmp(library->specs[i].name, plugin) == 0)
            return &library->specs[i];
    return NULL;
}

static hl_status bind(const entry *from, const char *plugin, hl__binding **out)
{
    const hl__loader_ops *loader = from->runtime->parts.loader;
    const hl_plugin_spec *spec = spec_of(loader->entry(from->library), plugin);

    if (!spec)
        return hl__fail(HL_ERR_NOT_FOUND, ACTION, "plugin", "The library %s has no plugin \"%s\".", from->path, plugin);
    *out = hl__binding_new(spec, loader, from->library, from->path, from->stamp);
    return *out ? HL_OK : hl__fail_memory(ACTION);
}

hl_status hl__prepared_binding(hl_runtime *runtime, const char *path, const char *stamp, const char *plugin,
                               hl__binding **out)
{
    const entry *from;
    hl_status status = lock_open(runtime);

    *out = NULL;
    if (status != HL_OK)
        return status;
    from = find(runtime, path, stamp);
    if (from)
        status = bind(from, plugin, out);
    else if (loads_code(runtime))
        status = hl__fail(HL_ERR_NOT_FOUND, ACTION, "path", "The library %s is not prepared, or no longer.", path);
    pthread_mutex_unlock(&lock);
    return status;
}

void hl__libraries_mapped(hl_runtime *runtime, hl__mapped_fn *fn, void *user)
{
    if (runtime->parts.loader)
        runtime->parts.loader->walk(fn, user);
}

/* ---- for core ---- */

/* Never waits: whoever prepares at this moment is waited for by the next tick. */
void hl__prepared_tick(hl_runtime *runtime, uint64_t now_ns)
{
    pthread_once(&once, watch_forks);
    if (pthread_mutex_trylock(&lock) != 0)
        return;
    drop_all(runtime, NULL, now_ns);
    pthread_mutex_unlock(&lock);
}

void hl__prepared_close(hl_runtime *runtime)
{
    take_lock();
    drop_all(runtime, NULL, UINT64_MAX);
    pthread_mutex_unlock(&lock);
}

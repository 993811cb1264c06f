/* Mapping libraries into this process, each file once, by counted references. Called by core through hl__loader.
 *
 * A library is known by the identity of its file, not by its path: a path whose file was replaced names another library
 * while the old one is still mapped. The lock guards the list and the counts only; while a library is tried, mapped,
 * unloaded, or runs its own load and unload functions, its state says so and others wait for that one library. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/linking.h"
#include "library/library_file.h"
#include "library/linker.h"
#include "library/probe.h"

#define ACTION "load library"
#define TRIES 3

typedef enum state { BUSY, READY } state;

struct hl__library {
    struct hl__library *next;
    hl__identity identity;
    state state;
    pthread_t owner; /* who makes it BUSY */
    size_t refs;
    char *path;
    char stamp[HL__STAMP_LEN];
    char content[HL__STAMP_LEN]; /* "" until it was asked for by content */
    void *handle;
    const hl_plugin_entry *mapped; /* the library's own */
    hl_plugin_entry entry;         /* the same in this build's sizes */
    hl_plugin_spec *specs;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static hl__library *libraries;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ---- fork -------------------------------------------------------------------------------------------------------- */

static void before_fork(void)
{
    hl__linking_before_fork();
    pthread_mutex_lock(&lock);
}

static void after_fork_in_parent(void)
{
    pthread_mutex_unlock(&lock);
    hl__linking_after_fork(false);
}

/* A library that another thread was loading or unloading will never be ready in the child: it is forgotten. */
static void after_fork_in_child(void)
{
    hl__library **link = &libraries;

    while (*link) {
        if ((*link)->state == BUSY && !pthread_equal((*link)->owner, pthread_self()))
            *link = (*link)->next;
        else
            link = &(*link)->next;
    }
    pthread_cond_init(&changed, NULL);
    pthread_mutex_unlock(&lock);
    hl__linking_after_fork(true);
}

static void watch_forks(void)
{
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

/* ---- the list ---------------------------------------------------------------------------------------------------- */

static hl__library *find_file(const hl__identity *identity)
{
    hl__library *at = libraries;

    while (at && !hl__identity_same(&at->identity, identity))
        at = at->next;
    return at;
}

/* A mapped file that was written to since: the dynamic linker would hand out the old mapping for it. */
static bool overwritten(const hl__identity *identity)
{
    for (const hl__library *at = libraries; at; at = at->next)
        if (at->identity.device == identity->device && at->identity.inode == identity->inode)
            return true;
    return false;
}

static void drop(hl__library *library)
{
    hl__library **link = &libraries;

    while (*link != library)
        link = &(*link)->next;
    *link = library->next;
}

static void destroy(hl__library *library)
{
    free(library->specs);
    free(library->path);
    free(library);
}

static hl__library *new_library(const hl__library_file *file)
{
    hl__library *library = (hl__library *)calloc(1, sizeof(*library));

    if (!library)
        return NULL;
    library->path = strdup(file->path);
    library->specs = (hl_plugin_spec *)calloc(file->entry.specs_len, sizeof(*library->specs));
    library->identity = file->identity;
    library->state = BUSY;
    library->owner = pthread_self();
    library->refs = 1;
    memcpy(library->stamp, file->stamp, sizeof(library->stamp));
    memcpy(library->content, file->content, sizeof(library->content));
    if (library->path && library->specs)
        return library;
    destroy(library);
    return NULL;
}

static hl_status fail_overwritten(const hl__library_file *file)
{
    return hl__fail(HL_ERR_LIBRARY, ACTION, "path",
                    "%s was written to or touched while it is mapped. Install new versions by renaming a new file into "
                    "place.",
                    file->path);
}

/* Takes a reference on a library that is mapped from the very file. */
static hl_status take_known(hl__library *known, const hl__library_file *file)
{
    if (file->content[0] && !known->content[0])
        memcpy(known->content, file->content, sizeof(known->content));
    if (file->content[0] && strcmp(known->content, file->content) != 0)
        return fail_overwritten(file);
    known->refs++;
    return HL_OK;
}

/* Either *out is the library mapped already, with a reference, and *made is false; or it is a new BUSY one that the
 * caller has to finish. Called under the lock, which it may give up for a while. */
static hl_status claim(const hl__library_file *file, hl__library **out, bool *made)
{
    hl__library *known;

    while ((known = find_file(&file->identity)) && known->state == BUSY) {
        if (pthread_equal(known->owner, pthread_self()))
            return hl__fail(HL_ERR_LIBRARY, ACTION, "path", "%s is loaded from its own load or unload function.",
                            file->path);
        pthread_cond_wait(&changed, &lock);
    }
    *made = !known;
    if (!known && overwritten(&file->identity))
        return fail_overwritten(file);
    *out = known ? known : new_library(file);
    if (!*out)
        return hl__fail_memory(ACTION);
    if (known)
        return take_known(known, file);
    (*out)->next = libraries;
    libraries = *out;
    return HL_OK;
}

/* ---- mapping ----------------------------------------------------------------------------------------------------- */

static bool same_string(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Code that ran since, or another object's symbol of the same name, could have given the records another content than
 * the one that was checked. */
static bool same_spec(const hl_plugin_spec *mapped, const hl_plugin_spec *read, const char *library_name)
{
    const char *extension = mapped->extension ? mapped->extension : library_name;

    return mapped->call && mapped->priority == read->priority && same_string(mapped->name, read->name) &&
           same_string(mapped->event, read->event) && same_string(extension, read->extension) &&
           same_string(mapped->extra, read->extra) && !mapped->contract == !read->contract &&
           !mapped->depends == !read->depends;
}

static bool take_specs(hl__library *library, const hl__entry *read)
{
    const char *at = (const char *)library->mapped->specs;
    size_t distance = at ? library->mapped->specs->size : 0;

    if (distance < sizeof(library->specs[0]))
        return false;
    for (size_t i = 0; i < read->specs_len; i++, at += distance) {
        memcpy(&library->specs[i], at, sizeof(library->specs[i]));
        library->specs[i].size = sizeof(library->specs[i]);
        if (!same_spec(&library->specs[i], &read->specs[i], read->name))
            return false;
    }
    return true;
}

static hl_status take_entry(hl__library *library, const hl__entry *read)
{
    const hl_plugin_entry *mapped;

    hl__linking_begin();
    mapped = (const hl_plugin_entry *)dlsym(library->handle, HL__ENTRY_SYMBOL);
    hl__linking_end();
    library->mapped = mapped;
    if (!mapped || mapped->abi != read->abi || mapped->size < HL__ENTRY_SIZE_LEAST ||
        mapped->specs_len != read->specs_len || !same_string(mapped->name, read->name) || !take_specs(library, read))
        return hl__fail(
            HL_ERR_LIBRARY, ACTION, HL__ENTRY_SYMBOL,
            "%s says something else once it is mapped than its file does. Its records must be constant, and "
            "the program must not export symbols of the same names.",
            library->path);
    memcpy(&library->entry, mapped, mapped->size < sizeof(*mapped) ? mapped->size : sizeof(*mapped));
    library->entry.size = sizeof(library->entry);
    library->entry.specs = library->specs;
    return HL_OK;
}

/* dlopen opens the path again; seeing the same file there before and after means that it saw it too. HL_ERR_CONFLICT
 * makes load() begin again. */
static hl_status check_unchanged(const hl__library *library)
{
    hl__identity now;

    if (hl__identity_of_path(library->path, &now) && hl__identity_same(&now, &library->identity))
        return HL_OK;
    return hl__fail(HL_ERR_CONFLICT, ACTION, "path", "%s was replaced while it was loaded.", library->path);
}

static hl_status run_load(const hl__library *library)
{
    int result = library->entry.load ? library->entry.load() : 0;

    if (result == 0)
        return HL_OK;
    return hl__fail(HL_ERR_LIBRARY, ACTION, "load", "The load function of %s refused: it returned %d.", library->path,
                    result);
}

/* What was read is what is mapped: by the same descriptor when the content was checked, else by the path's identity. */
static hl_status open_library(hl__library *library, const hl__library_file *file, bool tried)
{
    hl_status status;

    if (file->content[0])
        return hl__linker_open_pinned(file, &library->handle);
    status = tried ? HL_OK : hl__probe_run(file->path, file->fd);
    if (status == HL_OK)
        status = check_unchanged(library);
    if (status == HL_OK)
        status = hl__linker_open(library->path, &library->handle);
    return status == HL_OK ? check_unchanged(library) : status;
}

static hl_status map(hl__library *library, const hl__library_file *file, bool tried)
{
    hl_status status = open_library(library, file, tried);

    if (status == HL_OK)
        status = take_entry(library, &file->entry);
    return status == HL_OK ? run_load(library) : status;
}

/* ---- the loader -------------------------------------------------------------------------------------------------- */

static void finish_failed(hl__library *library)
{
    hl__error_copy error;

    hl__error_save(&error);
    hl__linker_close(library->handle);
    pthread_mutex_lock(&lock);
    drop(library);
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    destroy(library);
    hl__error_restore(&error);
}

static void finish_ready(hl__library *library)
{
    pthread_mutex_lock(&lock);
    library->state = READY;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static hl_status load_file(const hl__library_file *file, const char *probed_stamp, hl__library **out)
{
    bool tried = probed_stamp && strcmp(probed_stamp, file->stamp) == 0;
    hl__library *library = NULL;
    bool made = false;
    hl_status status;

    pthread_once(&once, watch_forks);
    pthread_mutex_lock(&lock);
    status = claim(file, &library, &made);
    pthread_mutex_unlock(&lock);
    if (status != HL_OK)
        return status;
    if (made)
        status = map(library, file, tried);
    if (status != HL_OK) {
        finish_failed(library);
        return status;
    }
    if (made)
        finish_ready(library);
    *out = library;
    return HL_OK;
}

static bool is_named(const hl__library *library, const char *path, const char *stamp)
{
    return strcmp(library->path, path) == 0 &&
           (strcmp(library->content, stamp) == 0 || strcmp(library->stamp, stamp) == 0);
}

/* Called under the lock. */
static hl__library *find_named(const char *path, const char *stamp)
{
    hl__library *at = libraries;

    while (at && !is_named(at, path, stamp))
        at = at->next;
    return at;
}

/* One that another thread is mapping or unmapping is waited for; this thread's own is not there yet, or no longer. */
static hl__library *find(const char *path, const char *stamp)
{
    hl__library *found;

    pthread_mutex_lock(&lock);
    while ((found = find_named(path, stamp)) && found->state == BUSY && !pthread_equal(found->owner, pthread_self()))
        pthread_cond_wait(&changed, &lock);
    if (found && found->state == BUSY)
        found = NULL;
    if (found)
        found->refs++;
    pthread_mutex_unlock(&lock);
    return found;
}

/* A content that is mapped needs no second look: nothing can go wrong for who has prepared it. */
static hl_status load_content(const char *path, const char *stamp, hl__library **out)
{
    hl__library_file *file = NULL;
    hl_status status = HL_OK;

    *out = find(path, stamp);
    if (*out)
        return HL_OK;
    status = hl__library_read_content(path, stamp, &file);
    if (status == HL_OK)
        status = load_file(file, NULL, out);
    hl__library_file_free(file);
    return status;
}

static hl_status load_path(const char *path, const char *probed_stamp, hl__library **out)
{
    hl_status status = HL_ERR_CONFLICT;

    for (int i = 0; i < TRIES && status == HL_ERR_CONFLICT; i++) {
        hl__library_file *file = NULL;

        status = hl__library_read(path, &file);
        if (status == HL_OK)
            status = load_file(file, probed_stamp, out);
        hl__library_file_free(file);
    }
    if (status == HL_ERR_CONFLICT)
        return hl__fail(HL_ERR_LIBRARY, ACTION, "path", "%s was replaced each time it was loaded; let it rest.", path);
    return status;
}

static hl_status load(const char *path, const char *stamp, hl__library **out)
{
    if (stamp && strncmp(stamp, HL__CONTENT_STAMP, strlen(HL__CONTENT_STAMP)) == 0)
        return load_content(path, stamp, out);
    return load_path(path, stamp, out);
}

static const hl_plugin_entry *entry_of(const hl__library *library)
{
    return &library->entry;
}

static const char *path_of(const hl__library *library)
{
    return library->path;
}

const char *hl__library_loaded_stamp(const hl__library *library)
{
    return library->stamp;
}

static hl__library *ref(hl__library *library)
{
    pthread_mutex_lock(&lock);
    library->refs++;
    pthread_mutex_unlock(&lock);
    return library;
}

/* A library on its way out stays in the list, so that nobody maps its file again before it is gone. */
static bool unref(hl__library *library)
{
    bool last;

    pthread_mutex_lock(&lock);
    last = --library->refs == 0;
    if (last) {
        library->state = BUSY;
        library->owner = pthread_self();
    }
    pthread_mutex_unlock(&lock);
    if (!last)
        return false;
    if (library->entry.unload)
        library->entry.unload();
    hl__linker_close(library->handle);
    pthread_mutex_lock(&lock);
    drop(library);
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    destroy(library);
    return true;
}

static void walk(hl__mapped_fn *fn, void *user)
{
    pthread_mutex_lock(&lock);
    for (const hl__library *at = libraries; at; at = at->next)
        fn(user, at->path, at->content[0] ? at->content : at->stamp);
    pthread_mutex_unlock(&lock);
}

const hl__loader_ops hl__loader = {load, entry_of, path_of, ref, unref, find, walk, hl__library_carry};

/* Mapping libraries into this process, each file once, by counted references. Called by core through hl__loader.
 *
 * A library is known by the identity of its file, not by its path: a path whose file was replaced names another library
 * while the old one is still mapped. The lock guards the list and the counts only; while a library is tried, mapped,
 * unloaded, or runs its own load and unload functions, its state says so and others wait for that one library. */
#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "library/library_file.h"
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
    void *handle;
    const hl_plugin_entry *mapped; /* the library's own */
    hl_plugin_entry entry;         /* the same in this build's sizes */
    hl_plugin_spec *specs;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static hl__library *libraries;
static uint64_t names_made; /* under the lock */
static pthread_once_t once = PTHREAD_ONCE_INIT;
/* Held while the dynamic linker works for us: it does not free its own lock in a forked child, so fork has to wait for it.
 * Recursive, since a constructor may fork. Taken before the other one. */
static pthread_mutex_t linker = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

/* ---- fork ----------------------------------------------------------------------------------------------------------- */

static void before_fork(void)
{
    pthread_mutex_lock(&linker);
    pthread_mutex_lock(&lock);
}

static void after_fork_in_parent(void)
{
    pthread_mutex_unlock(&lock);
    pthread_mutex_unlock(&linker);
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
    linker = (pthread_mutex_t)PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP; /* its owner has another number here */
}

static void watch_forks(void)
{
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

/* ---- the list ------------------------------------------------------------------------------------------------------ */

static hl__library *find(const hl__identity *identity)
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
    if (library->path && library->specs)
        return library;
    destroy(library);
    return NULL;
}

/* Either *out is the library mapped already, with a reference, and *made is false; or it is a new BUSY one that the
 * caller has to finish. Called under the lock, which it may give up for a while. */
static hl_status claim(const hl__library_file *file, hl__library **out, bool *made)
{
    hl__library *known;

    while ((known = find(&file->identity)) && known->state == BUSY) {
        if (pthread_equal(known->owner, pthread_self()))
            return hl__fail(HL_ERR_LIBRARY, ACTION, "path", "%s is loaded from its own load or unload function.",
                            file->path);
        pthread_cond_wait(&changed, &lock);
    }
    *made = !known;
    if (known)
        known->refs++;
    else if (overwritten(&file->identity))
        return hl__fail(HL_ERR_LIBRARY, ACTION, "path",
                        "%s was written to or touched while it is mapped. Install new versions by renaming a new file "
                        "into place.",
                        file->path);
    *out = known ? known : new_library(file);
    if (!*out)
        return hl__fail_memory(ACTION);
    if (known)
        return HL_OK;
    (*out)->next = libraries;
    libraries = *out;
    return HL_OK;
}

/* ---- mapping ------------------------------------------------------------------------------------------------------- */

static int same_name(struct dl_phdr_info *info, size_t size, void *name)
{
    (void)size;
    return info->dlpi_name && strcmp(info->dlpi_name, (const char *)name) == 0;
}

/* The dynamic linker takes a name it has seen for the object it has seen, whatever file is there now. So where the path
 * is taken already it is spelt in a way that was never used: "/./" and "//" between folder and file stand for the digits
 * of a number, and $ORIGIN and tools still see the right folder. */
static bool spell(const char *path, char *out, size_t out_len)
{
    const char *file = strrchr(path, '/') + 1;
    size_t len = (size_t)(file - path);
    uint64_t number;

    if (snprintf(out, out_len, "%s", path) >= (int)out_len)
        return false;
    if (!dl_iterate_phdr(same_name, out))
        return true;
    pthread_mutex_lock(&lock);
    number = ++names_made;
    pthread_mutex_unlock(&lock);
    for (; number; number >>= 1) {
        if (len + 2 + strlen(file) >= out_len)
            return false;
        memcpy(out + len, number & 1 ? "./" : "/", 2);
        len += number & 1 ? 2 : 1;
    }
    memcpy(out + len, file, strlen(file) + 1);
    return true;
}

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
    const hl_plugin_entry *mapped = (const hl_plugin_entry *)dlsym(library->handle, HL__ENTRY_SYMBOL);

    library->mapped = mapped;
    if (!mapped || mapped->abi != read->abi || mapped->size < sizeof(*mapped) || mapped->specs_len != read->specs_len ||
        !same_string(mapped->name, read->name) || !take_specs(library, read))
        return hl__fail(
            HL_ERR_LIBRARY, ACTION, HL__ENTRY_SYMBOL,
            "%s says something else once it is mapped than its file does. Its records must be constant, and "
            "the program must not export symbols of the same names.",
            library->path);
    memcpy(&library->entry, mapped, sizeof(library->entry));
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

static hl_status open_library(hl__library *library)
{
    char name[PATH_MAX + 128];
    const char *reason;
    bool spelt;

    pthread_mutex_lock(&linker);
    spelt = spell(library->path, name, sizeof(name));
    if (spelt)
        library->handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    pthread_mutex_unlock(&linker);
    if (!spelt)
        return hl__fail(HL_ERR_LIBRARY, ACTION, "path", "The path %s is too long.", library->path);
    if (library->handle)
        return HL_OK;
    reason = dlerror();
    return hl__fail(HL_ERR_LIBRARY, ACTION, "library", "%s cannot be loaded: %s.", library->path,
                    reason ? reason : "no reason given");
}

static hl_status run_load(const hl__library *library)
{
    int result = library->entry.load ? library->entry.load() : 0;

    if (result == 0)
        return HL_OK;
    return hl__fail(HL_ERR_LIBRARY, ACTION, "load", "The load function of %s refused: it returned %d.", library->path,
                    result);
}

static hl_status map(hl__library *library, const hl__library_file *file, bool tried)
{
    hl_status status = tried ? HL_OK : hl__probe_run(file->path, file->fd);

    if (status == HL_OK)
        status = check_unchanged(library);
    if (status == HL_OK)
        status = open_library(library);
    if (status == HL_OK)
        status = check_unchanged(library);
    if (status == HL_OK)
        status = take_entry(library, &file->entry);
    if (status == HL_OK)
        status = run_load(library);
    return status;
}

/* ---- the loader ---------------------------------------------------------------------------------------------------- */

static void unmap(hl__library *library)
{
    pthread_mutex_lock(&linker);
    if (library->handle)
        dlclose(library->handle);
    pthread_mutex_unlock(&linker);
}

static void finish_failed(hl__library *library)
{
    hl__error_copy error;

    hl__error_save(&error);
    unmap(library);
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

static hl_status load(const char *path, const char *probed_stamp, hl__library **out)
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
    unmap(library);
    pthread_mutex_lock(&lock);
    drop(library);
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    destroy(library);
    return true;
}

const hl__loader_ops hl__loader = {load, entry_of, path_of, ref, unref};

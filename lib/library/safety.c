/* Judging a library by its file, before any of its code runs: could it ever be unmapped, and is there what it needs?
 * Called by the installer. */
#include <dlfcn.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "core/linking.h"
#include "library/library_file.h"
#include "library/linker.h"

#define ACTION "check library"
#define CACHE "/etc/ld.so.cache"
#define CACHE_BYTES_MAX ((size_t)64 << 20)

/* ---- unloading --------------------------------------------------------------------------------------------------- */

hl_status hl__library_check_unload(const hl__library_file *file)
{
    const hl__facts *facts = &file->facts;

    if (facts->stays)
        return hl__fail(HL_ERR_UNLOAD, ACTION, "DF_1_NODELETE",
                        "%s is marked NODELETE: it would stay mapped for ever. Link it without -z nodelete.",
                        file->path);
    if (facts->unique)
        return hl__fail(
            HL_ERR_UNLOAD, ACTION, "STB_GNU_UNIQUE",
            "%s defines %s, which is unique in the process and keeps the library mapped for ever. Compile it "
            "with -fno-gnu-unique.",
            file->path, facts->unique);
    if (facts->thread_atexit)
        return hl__fail(
            HL_ERR_UNLOAD, ACTION, facts->thread_atexit,
            "%s has thread-local variables with destructors: it would stay mapped as long as any thread that "
            "used them lives. Use thread-local variables without destructors.",
            file->path);
    return HL_OK;
}

/* ---- needed libraries -------------------------------------------------------------------------------------------- */

/* Looking for one needed library. */
typedef struct search {
    const char *name;
    bool found;
    bool unsure; /* a place that only the dynamic linker can tell */
} search;

static bool look_at(void *user, const char *path)
{
    search *search = user;

    search->unsure = search->unsure || !path;
    search->found = search->found || (path && access(path, R_OK) == 0);
    return !search->found;
}

static void look_in(search *search, const char *folder, size_t folder_len)
{
    char path[2 * PATH_MAX];

    if (folder_len &&
        snprintf(path, sizeof(path), "%.*s/%s", (int)folder_len, folder, search->name) < (int)sizeof(path))
        look_at(search, path);
}

static void look_in_list(search *search, const char *folders)
{
    while (folders && *folders) {
        size_t len = strcspn(folders, ":;");

        look_in(search, folders, len);
        folders += len + (folders[len] != '\0');
    }
}

/* Where this process's C library lies is where the system's libraries for this processor are. */
static void look_beside_libc(search *search)
{
    Dl_info info;
    const char *file;
    bool known;

    hl__linking_begin();
    known = dladdr((const void *)(uintptr_t)gnu_get_libc_version, &info) && info.dli_fname;
    hl__linking_end();
    if (!known)
        return;
    file = strrchr(info.dli_fname, '/');
    if (file)
        look_in(search, info.dli_fname, (size_t)(file - info.dli_fname));
}

/* The cache's keys are strings with their end marks, one after the other. A name that is found there by chance only
 * puts off the answer until the library is tried. */
static void look_in_cache(search *search)
{
    char key[NAME_MAX + 3];
    size_t key_len = (size_t)snprintf(key, sizeof(key), "%c%s", 0, search->name) + 1;
    off_t len = -1;
    char *bytes = NULL;
    int fd = open(CACHE, O_RDONLY | O_CLOEXEC);

    search->unsure = search->unsure || fd < 0;
    if (fd >= 0)
        len = lseek(fd, 0, SEEK_END);
    if (len > 0 && (size_t)len <= CACHE_BYTES_MAX && key_len <= sizeof(key))
        bytes = malloc((size_t)len);
    if (bytes && pread(fd, bytes, (size_t)len, 0) == (ssize_t)len)
        search->found = memmem(bytes, (size_t)len, key, key_len) != NULL;
    free(bytes);
    if (fd >= 0)
        close(fd);
}

static bool may_be_found(const hl__library_file *file, const char *folder, const char *name)
{
    search search = {.name = name};

    if (strchr(name, '/'))
        return name[0] != '/' || access(name, R_OK) == 0; /* a relative one is looked for from the server's folder */
    if (hl__linker_has(name))
        return true;
    look_in_list(&search, getenv("LD_LIBRARY_PATH"));
    if (!search.found)
        hl__facts_places(&file->facts, folder, name, false, look_at, &search);
    if (!search.found)
        look_in_list(&search, "/lib:/usr/lib:/lib64:/usr/lib64");
    if (!search.found)
        look_beside_libc(&search);
    if (!search.found)
        look_in_cache(&search);
    return search.found || search.unsure;
}

hl_status hl__library_check_needed(const hl__library_file *file)
{
    char folder[PATH_MAX];

    snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(file->path, '/') - file->path), file->path);
    for (size_t i = 0; i < file->facts.needed_len; i++) {
        const char *name = file->facts.needed[i];

        if (!may_be_found(file, folder, name))
            return hl__fail(
                HL_ERR_LIBRARY, ACTION, name,
                "%s needs %s, which is not on this system. Install it, or pack it beside the library and link "
                "with -Wl,-rpath,'$ORIGIN'.",
                file->path, name);
    }
    return HL_OK;
}

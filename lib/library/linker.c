/* Mapping files by the dynamic linker, which knows objects by name, and opens a name itself. Called by load.c. */
#include "library/linker.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "core/linking.h"

#define ACTION "load library"
#define NAME_ROOM (PATH_MAX + 256)
#define OPEN_FILES "/proc/self/fd/"

static uint64_t names_made; /* between hl__linking_begin and hl__linking_end */

/* ---- names ------------------------------------------------------------------------------------------------------- */

/* The dynamic linker takes a name it has seen for the object it has seen, whatever file is there now. So a name is
 * spelt in a way that was never used: "./" and "/" between folder and file stand for the digits of a number, and at
 * least least_len bytes are filled. */
static bool spell(const char *folder, size_t len, const char *file, size_t least_len, char *out)
{
    uint64_t number = ++names_made;

    if (len + strlen(file) + 2 * 64 + 2 > NAME_ROOM || least_len + 2 * 64 + 2 > NAME_ROOM)
        return false;
    memcpy(out, folder, len);
    for (; number || len + strlen(file) < least_len; number >>= 1) {
        memcpy(out + len, number & 1 ? "./" : "/", 2);
        len += number & 1 ? 2 : 1;
    }
    memcpy(out + len, file, strlen(file) + 1);
    return true;
}

static int same_name(struct dl_phdr_info *info, size_t size, void *name)
{
    (void)size;
    return info->dlpi_name && strcmp(info->dlpi_name, (const char *)name) == 0;
}

/* The path as it is where that was never used. $ORIGIN and tools see the right folder in any case. */
static bool spell_path(const char *path, char *out)
{
    const char *file = strrchr(path, '/') + 1;

    if (snprintf(out, NAME_ROOM, "%s", path) >= NAME_ROOM)
        return false;
    if (!dl_iterate_phdr(same_name, out))
        return true;
    return spell(path, (size_t)(file - path), file, 0, out);
}

/* ---- mapping ----------------------------------------------------------------------------------------------------- */

static hl_status open_name(const char *path, const char *name, void **handle)
{
    const char *reason;

    *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (*handle)
        return HL_OK;
    reason = dlerror();
    return hl__fail(HL_ERR_LIBRARY, ACTION, "library", "%s cannot be loaded: %s.", path,
                    reason ? reason : "no reason given");
}

static hl_status fail_long(const char *path)
{
    return hl__fail(HL_ERR_LIBRARY, ACTION, "path", "The path %s is too long.", path);
}

hl_status hl__linker_open(const char *path, void **handle)
{
    char name[NAME_ROOM];
    hl_status status;

    hl__linking_begin();
    status = spell_path(path, name) ? open_name(path, name, handle) : fail_long(path);
    hl__linking_end();
    return status;
}

void hl__linker_close(void *handle)
{
    if (!handle)
        return;
    hl__linking_begin();
    dlclose(handle);
    hl__linking_end();
}

bool hl__linker_has(const char *name)
{
    void *handle;

    hl__linking_begin();
    handle = dlopen(name, RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD);
    if (handle)
        dlclose(handle);
    hl__linking_end();
    return handle != NULL;
}

/* ---- mapping what is open ---------------------------------------------------------------------------------------- */

static struct link_map *map_of(void *handle)
{
    struct link_map *map = NULL;

    return dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 ? map : NULL;
}

/* A library that lies beside a pinned one and is held while that is mapped. */
typedef struct beside {
    struct beside *next;
    const char *name; /* by which it is needed */
    void *handle;
    struct link_map *renamed; /* NULL: known by its soname */
    char path[];
} beside;

/* One without a soname would be known by its path only: it goes by the needed name for that while. */
static void call_by_name(beside *beside)
{
    struct link_map *map = map_of(beside->handle);

    if (hl__linker_has(beside->name) || !map || strcmp(map->l_name, beside->path) != 0)
        return;
    beside->renamed = map;
    memcpy(map->l_name, beside->name, strlen(beside->name) + 1);
}

typedef struct besides {
    beside *first;
    const char *name; /* that is being looked for */
} besides;

static bool open_beside(void *user, const char *path)
{
    besides *to = (besides *)user;
    size_t len = path ? strlen(path) + 1 : 0;
    beside *made = path && access(path, R_OK) == 0 ? (beside *)calloc(1, sizeof(*made) + len) : NULL;

    if (!made)
        return true;
    made->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!made->handle) {
        free(made);
        return true;
    }
    memcpy(made->path, path, len);
    made->name = to->name;
    made->next = to->first;
    to->first = made;
    call_by_name(made);
    return false;
}

/* To the dynamic linker $ORIGIN is the folder of the name that it is given, which for an open file is none. So what is
 * to be found there is mapped beforehand. */
static void open_besides(const hl__library_file *file, besides *out)
{
    char folder[PATH_MAX];
    size_t folder_len = (size_t)(strrchr(file->path, '/') - file->path);

    memcpy(folder, file->path, folder_len);
    folder[folder_len] = '\0';
    for (size_t i = 0; i < file->facts.needed_len; i++) {
        out->name = file->facts.needed[i];
        if (!strchr(out->name, '/') && !hl__linker_has(out->name))
            hl__facts_places(&file->facts, folder, out->name, true, open_beside, out);
    }
}

static void close_besides(besides *besides)
{
    while (besides->first) {
        beside *gone = besides->first;

        besides->first = gone->next;
        if (gone->renamed)
            memcpy(gone->renamed->l_name, gone->path, strlen(gone->path) + 1);
        dlclose(gone->handle);
        free(gone);
    }
}

/* Debuggers, dladdr and who asks for the path later see the path: it is written over the name, which is as long. */
static void rename_mapped(void *handle, const char *name, const char *path)
{
    struct link_map *map = map_of(handle);

    if (map && strcmp(map->l_name, name) == 0)
        memcpy(map->l_name, path, strlen(path) + 1);
}

hl_status hl__linker_open_pinned(const hl__library_file *file, void **handle)
{
    char number[16];
    char name[NAME_ROOM];
    besides besides = {NULL, NULL};
    hl_status status;

    snprintf(number, sizeof(number), "%d", file->fd);
    hl__linking_begin();
    if (spell(OPEN_FILES, strlen(OPEN_FILES), number, strlen(file->path), name)) {
        open_besides(file, &besides);
        status = open_name(file->path, name, handle);
    } else {
        status = fail_long(file->path);
    }
    if (status == HL_OK)
        rename_mapped(*handle, name, file->path);
    close_besides(&besides);
    hl__linking_end();
    return status;
}

/* What killed processes left in the place of modules' code: unfinished compiles, and files that no document names. Run
 * as a runtime opens, and for one module before its code changes; other processes may be at work there, whose locks are
 * respected. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "module/code_place.h"
#include "module/compile.h"

#define OPEN_FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* Deletes a module's files but the one that its document names; "" for none. */
static void sweep_files(int folder, const char *kept)
{
    DIR *entries = fdopendir(folder);
    struct dirent *entry;

    if (!entries) {
        close(folder);
        return;
    }
    while ((entry = readdir(entries))) {
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, kept) != 0)
            unlinkat(dirfd(entries), entry->d_name, 0);
    }
    closedir(entries);
}

static void sweep_locked(hl_runtime *runtime, const hl__code_place *place, const char *name)
{
    hl__code_document document;
    hl_status status = hl__code_find(runtime, name, &document);
    int folder;

    if (status != HL_OK && status != HL_ERR_NOT_FOUND)
        return;
    folder = openat(place->folder, name, OPEN_FOLDER);
    if (folder >= 0)
        sweep_files(folder, status == HL_OK ? document.file + strlen(name) + 1 : "");
    if (status != HL_OK)
        unlinkat(place->folder, name, AT_REMOVEDIR);
    hl__code_document_cleanup(&document);
}

void hl__code_sweep(hl_runtime *runtime, const hl__code_place *place, const char *name)
{
    hl__error_copy error;

    hl__error_save(&error);
    sweep_locked(runtime, place, name);
    hl__error_restore(&error);
}

static void sweep_module(hl_runtime *runtime, const hl__code_place *place, const char *name)
{
    int lock;

    if (hl__module_name_check("sweep modules", "name", name) != HL_OK || hl__code_lock(place, name, 0, &lock) != HL_OK)
        return;
    sweep_locked(runtime, place, name);
    close(lock);
}

static void sweep_place(hl_runtime *runtime, const hl__code_place *place)
{
    DIR *entries = opendir(place->path);
    struct dirent *entry;

    while (entries && (entry = readdir(entries))) {
        if (entry->d_name[0] != '.')
            sweep_module(runtime, place, entry->d_name);
    }
    if (entries)
        closedir(entries);
}

/* Whether the runtime has a place that was used before. */
static bool has_place(hl_runtime *runtime)
{
    char *path = NULL;
    bool has = hl__code_place_path(runtime, &path) == HL_OK && access(path, F_OK) == 0;

    free(path);
    return has;
}

void hl__code_opened(hl_runtime *runtime)
{
    hl__code_place place = HL__CODE_PLACE_INIT;
    hl__error_copy error;

    hl__error_save(&error);
    if (has_place(runtime) && hl__code_place_open(runtime, &place) == HL_OK) {
        hl__compile_sweep(&place);
        sweep_place(runtime, &place);
    }
    hl__code_place_close(&place);
    hl__error_restore(&error);
}

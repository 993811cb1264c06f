/* The libraries that a plugin library brings with it, for a process that does not look for them by itself: a worker,
 * which knows the library as an open file without a folder. Called by isolated_bind.c. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "library/library_file.h"

/* The first place that has it. */
static bool write_found(void *out, const char *path)
{
    if (!path || access(path, R_OK) != 0)
        return true;
    fwrite(path, strlen(path) + 1, 1, (FILE *)out);
    return false;
}

static void write_besides(const hl__library_file *file, FILE *out)
{
    char folder[PATH_MAX];
    size_t folder_len = (size_t)(strrchr(file->path, '/') - file->path);

    memcpy(folder, file->path, folder_len);
    folder[folder_len] = '\0';
    for (size_t i = 0; i < file->facts.needed_len; i++) {
        const char *name = file->facts.needed[i];

        if (name[0] == '/')
            write_found(out, name);
        else if (!strchr(name, '/'))
            hl__facts_places(&file->facts, folder, name, false, write_found, out);
    }
}

hl_status hl__library_besides(const hl__library_file *file, char **paths, size_t *len)
{
    FILE *out = open_memstream(paths, len);

    if (!out)
        return hl__fail_memory("read library");
    write_besides(file, out);
    return fclose(out) == 0 ? HL_OK : hl__fail_memory("read library");
}

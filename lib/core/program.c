/* Finding the helper programs that belong to the library: by environment, beside the library, where it was installed.
 * Called by whatever starts a helper. */
#include "core/program.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The file that this code was mapped from. For a static build that is the program, whose name as the dynamic linker
 * knows it is whatever argv[0] said. */
static bool own_file(char *path, size_t path_len)
{
    static const char here = 0;
    Dl_info info;
    ssize_t len;

    if (dladdr(&here, &info) && info.dli_fname && info.dli_fname[0] == '/')
        return (size_t)snprintf(path, path_len, "%s", info.dli_fname) < path_len;
    len = readlink("/proc/self/exe", path, path_len - 1);
    if (len <= 0)
        return false;
    path[len] = '\0';
    return true;
}

static bool try_beside(const char *folder, const char *up, const char *name, char *buffer, size_t buffer_len)
{
    int len = snprintf(buffer, buffer_len, "%s/%s/libexec/hookline/%s", folder, up, name);

    return len > 0 && (size_t)len < buffer_len && access(buffer, X_OK) == 0;
}

const char *hl__program_find(const char *environment_variable, const char *name, const char *compiled_in, char *buffer,
                             size_t buffer_len)
{
    const char *named = secure_getenv(environment_variable);
    char folder[PATH_MAX];

    if (named && named[0])
        return named;
    if (!own_file(folder, sizeof(folder)))
        return compiled_in;
    *strrchr(folder, '/') = '\0';
    /* lib/libhookline.so, and lib/x86_64-linux-gnu/libhookline.so */
    if (try_beside(folder, "..", name, buffer, buffer_len) || try_beside(folder, "../..", name, buffer, buffer_len))
        return buffer;
    return compiled_in;
}

/* Finding what belongs to the library: by environment, beside the library, where it was installed. Called by whatever
 * starts a helper or a compiler. */
#include "core/program.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/linking.h"

/* The file that this code was mapped from. For a static build that is the program, whose name as the dynamic linker
 * knows it is whatever argv[0] said. */
static bool own_file(char *path, size_t path_len)
{
    static const char here = 0;
    Dl_info info;
    ssize_t len;
    bool known;

    hl__linking_begin();
    known = dladdr(&here, &info) && info.dli_fname && info.dli_fname[0] == '/';
    hl__linking_end();
    if (known)
        return (size_t)snprintf(path, path_len, "%s", info.dli_fname) < path_len;
    len = readlink("/proc/self/exe", path, path_len - 1);
    if (len <= 0)
        return false;
    path[len] = '\0';
    return true;
}

static bool is_there(const char *path, size_t len, size_t room)
{
    return len < room && access(path, F_OK) == 0;
}

/* Looks for prefix/name from lib/libhookline.so, and from lib/x86_64-linux-gnu/libhookline.so. */
static bool find_installed(const char *name, char *buffer, size_t buffer_len)
{
    char folder[PATH_MAX];

    if (!own_file(folder, sizeof(folder)))
        return false;
    *strrchr(folder, '/') = '\0';
    return is_there(buffer, (size_t)snprintf(buffer, buffer_len, "%s/../%s", folder, name), buffer_len) ||
           is_there(buffer, (size_t)snprintf(buffer, buffer_len, "%s/../../%s", folder, name), buffer_len);
}

const char *hl__program_find(const char *environment_variable, const char *name, const char *compiled_in, char *buffer,
                             size_t buffer_len)
{
    const char *named = secure_getenv(environment_variable);
    char installed[128];

    if (named && named[0])
        return named;
    snprintf(installed, sizeof(installed), "libexec/hookline/%s", name);
    return find_installed(installed, buffer, buffer_len) ? buffer : compiled_in;
}

const char *hl__headers_find(const char *environment_variable, const char *compiled_in, char *buffer, size_t buffer_len)
{
    const char *named = secure_getenv(environment_variable);
    static const char header[] = "/hookline/module.h";

    if (named && named[0])
        return named;
    if (!find_installed("include/hookline/module.h", buffer, buffer_len))
        return compiled_in;
    buffer[strlen(buffer) - strlen(header)] = '\0';
    return buffer;
}

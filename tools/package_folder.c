/* Folders for `hookline pack`. See package_folder.h. */
#include "package_folder.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <hookline/abi.h>

#ifdef __GLIBC__
#define LIBC "gnu"
#else
#define LIBC "musl"
#endif

void *package_file_read(const char *path, size_t *len)
{
    FILE *file = fopen(path, "re");
    struct stat status;
    void *bytes = NULL;

    if (!file)
        return NULL;
    if (fstat(fileno(file), &status) == 0)
        bytes = malloc((size_t)status.st_size + 1);
    if (bytes) {
        *len = fread(bytes, 1, (size_t)status.st_size, file);
        if (*len != (size_t)status.st_size) {
            errno = EIO;
            free(bytes);
            bytes = NULL;
        }
    }
    fclose(file);
    return bytes;
}

static bool write_file(const char *path, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "we");
    bool written;

    if (!file)
        return false;
    written = fwrite(bytes, 1, len, file) == len;
    return fclose(file) == 0 && written;
}

static json_t *manifest_of(const struct package_folder *folder)
{
    json_t *plugins = json_array();
    struct utsname machine;

    for (size_t i = 0; folder->plugins[i]; i++)
        json_array_append_new(plugins, json_string(folder->plugins[i]));
    if (uname(&machine) != 0)
        machine.machine[0] = '\0';
    return json_pack("{s:s, s:s, s:i, s:s, s:s, s:[{s:s++, s:o}]}", "app", folder->app, "version", folder->version,
                     "abi", HL_ABI, "architecture", machine.machine, "libc", LIBC, "libraries", "file", "lib/",
                     folder->app, ".so", "plugins", plugins);
}

static bool write_manifest(const char *path, const struct package_folder *folder)
{
    json_t *manifest = manifest_of(folder);
    bool written;

    errno = ENOMEM;
    written = manifest && json_dump_file(manifest, path, JSON_INDENT(2)) == 0;
    json_decref(manifest);
    return written;
}

bool package_folder_write(const char *path, const struct package_folder *folder)
{
    char file[PATH_MAX + 256];

    snprintf(file, sizeof(file), "%.*s/lib", PATH_MAX, path);
    if (mkdir(path, 0755) != 0 || mkdir(file, 0755) != 0)
        return false;
    snprintf(file, sizeof(file), "%.*s/lib/%s.so", PATH_MAX, path, folder->app);
    if (!write_file(file, folder->library, folder->library_len))
        return false;
    snprintf(file, sizeof(file), "%.*s/hookline.json", PATH_MAX, path);
    return write_manifest(file, folder);
}

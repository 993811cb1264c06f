/* Writing the folder that a package is made of. Used by the demo and the bench, which pack plugin libraries of their
 * own. */
#ifndef HL_TOOLS_PACKAGE_FOLDER_H
#define HL_TOOLS_PACKAGE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

struct package_folder {
    const char *app;
    const char *version;
    const void *library; /* bytes of its one library, lib/APP.so */
    size_t library_len;
    const char *const *plugins; /* names, NULL-terminated */
};

/* The whole of a file, owned by the caller; NULL with errno. */
void *package_file_read(const char *path, size_t *len);
/* Makes `path` and in it hookline.json and lib/APP.so. False with errno; what was written stays. */
bool package_folder_write(const char *path, const struct package_folder *folder);

#endif

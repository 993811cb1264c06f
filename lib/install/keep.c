/* The package that a version was unpacked from, kept beside it byte for byte: VERSION-SHA8.package and its signature. A
 * bundle is made of them. A version that came from a folder has none. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "install/folder.h"
#include "install/installation.h"

#define ACTION "install"
#define TEXT "text" /* the signature's file, in the staging folder */

static hl_status fail_write(void)
{
    return hl__fail_errno(hl__disk_status(errno), errno, ACTION, "package", "Cannot keep the package.");
}

static hl_status write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, bytes, len);

        if (written < 0 && errno != EINTR)
            return fail_write();
        if (written > 0) {
            bytes += written;
            len -= (size_t)written;
        }
    }
    return HL_OK;
}

/* Only what is whole gets its name. */
static hl_status place(const hl__installation *in, const char *from, int fd, int app_folder, const char *name)
{
    if (fchmod(fd, 0444) == 0 && fsync(fd) == 0 && renameat(in->staging.folder, from, app_folder, name) == 0)
        return HL_OK;
    return fail_write();
}

static hl_status keep_signature(const hl__installation *in, int app_folder, const char *name)
{
    int to = openat(in->staging.folder, TEXT, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    hl_status status;

    if (to < 0)
        return fail_write();
    status = write_all(to, in->signature, in->signature_len);
    if (status == HL_OK)
        status = place(in, TEXT, to, app_folder, name);
    close(to);
    return status;
}

static bool make_name(const char *version_folder, const char *suffix, char out[NAME_MAX + 1])
{
    const char *slash = strrchr(version_folder, '/');

    return snprintf(out, NAME_MAX + 1, "%s" HL__PACKAGE_SUFFIX "%s", slash ? slash + 1 : version_folder, suffix) <=
           NAME_MAX;
}

hl_status hl__keep_package(hl__installation *in, int app_folder)
{
    char name[NAME_MAX + 1];
    hl_status status = HL_OK;

    if (in->package < 0 || !make_name(in->version.folder, HL__SIGNATURE_SUFFIX, name))
        return HL_OK;
    if (in->signature)
        status = keep_signature(in, app_folder, name);
    if (status != HL_OK || !make_name(in->version.folder, "", name))
        return status;
    return place(in, HL__STAGING_PACKAGE, in->package, app_folder, name);
}

void hl__forget_package(int app_folder, const char *version_folder)
{
    char name[NAME_MAX + 32];

    snprintf(name, sizeof(name), "%s" HL__PACKAGE_SUFFIX, version_folder);
    unlinkat(app_folder, name, 0);
    strncat(name, HL__SIGNATURE_SUFFIX, sizeof(name) - strlen(name) - 1);
    unlinkat(app_folder, name, 0);
}

bool hl__is_package_of(const hl__app_version *version, const char *name)
{
    char own[NAME_MAX + 1];

    if (!version)
        return false;
    return (make_name(version->folder, "", own) && strcmp(own, name) == 0) ||
           (make_name(version->folder, HL__SIGNATURE_SUFFIX, own) && strcmp(own, name) == 0);
}

char *hl__package_path(const hl__app_version *version, const char *suffix)
{
    char *path = NULL;

    return asprintf(&path, "%s" HL__PACKAGE_SUFFIX "%s", version->folder, suffix) < 0 ? NULL : path;
}

/* The package that a version was unpacked from, kept beside it byte for byte: VERSION-SHA8.package and its signature. A
 * bundle is made of them. A version that came from a folder has none. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "install/folder.h"
#include "install/installation.h"

#define ACTION "install"
#define PIECE ((size_t)128 << 10)
#define COPY "copy" /* in the staging folder */

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

static hl_status copy_bytes(int from, int to)
{
    char *piece = malloc(PIECE);
    hl_status status = piece ? HL_OK : hl__fail_memory(ACTION);
    off_t at = 0;
    ssize_t len = 1;

    while (status == HL_OK && len != 0) {
        len = pread(from, piece, PIECE, at);
        if (len > 0)
            status = write_all(to, piece, (size_t)len);
        else if (len < 0 && errno != EINTR)
            status = fail_write();
        at += len > 0 ? len : 0;
    }
    free(piece);
    return status;
}

/* Made in the staging folder, so that only whole ones get their name. */
static hl_status keep_file(hl__installation *in, int app_folder, const char *name, const char *text, size_t len)
{
    int to = openat(in->staging.folder, COPY, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0444);
    hl_status status;

    if (to < 0)
        return fail_write();
    status = text ? write_all(to, text, len) : copy_bytes(in->package, to);
    if (status == HL_OK && fsync(to) < 0)
        status = fail_write();
    close(to);
    if (status == HL_OK && renameat(in->staging.folder, COPY, app_folder, name) < 0)
        status = fail_write();
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
        status = keep_file(in, app_folder, name, in->signature, in->signature_len);
    if (status != HL_OK || !make_name(in->version.folder, "", name))
        return status;
    return keep_file(in, app_folder, name, NULL, 0);
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

/* Unpacking bundles, by the same reader and the same rules as packages; see bundle.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "install/archive_reader.h"
#include "install/bundle.h"
#include "install/lockfile.h"
#include "install/package_writer.h"

/* hookline.lock, or a file right below packages/. */
static bool is_known(const hl__member *member)
{
    size_t len = strlen(HL__BUNDLE_PACKAGES);
    const char *path = member->path;

    if (member->folder)
        return path[0] == '\0' || strcmp(path, HL__BUNDLE_PACKAGES) == 0;
    if (strcmp(path, HL__LOCKFILE_NAME) == 0)
        return true;
    return strncmp(path, HL__BUNDLE_PACKAGES "/", len + 1) == 0 && !strchr(path + len + 1, '/');
}

static hl_status copy_content(hl__reader *reader, hl__writer *writer)
{
    const void *bytes;
    size_t len = 1;
    hl_status status = HL_OK;

    while (status == HL_OK && len > 0) {
        status = hl__reader_content(reader, &bytes, &len);
        if (status == HL_OK && len > 0)
            status = hl__writer_add(writer, bytes, len);
    }
    return status;
}

static hl_status take_member(hl__reader *reader, const hl__member *member, hl__writer *writer)
{
    hl_status status;

    if (!is_known(member))
        return hl__member_refused(member->path, "has no place in a bundle");
    if (member->folder)
        return HL_OK;
    status = hl__writer_begin(writer, member->path, false);
    if (status == HL_OK)
        status = copy_content(reader, writer);
    return status == HL_OK ? hl__writer_end(writer) : status;
}

static hl_status unpack(int fd, int folder, const hl__archive_limits *limits)
{
    const hl__member *member = NULL;
    hl__writer *writer = NULL;
    hl__reader *reader = NULL;
    hl_status status = hl__reader_open(fd, limits, NULL, NULL, &reader);

    if (status == HL_OK)
        status = hl__writer_new(folder, &writer);
    while (status == HL_OK) {
        status = hl__reader_next(reader, &member);
        if (status != HL_OK || !member)
            break;
        status = take_member(reader, member, writer);
    }
    hl__writer_free(writer);
    hl__reader_close(reader);
    return status;
}

hl_status hl__bundle_unpack(const char *path, int folder, const hl__archive_limits *limits)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    hl_status status;

    if (fd < 0)
        return hl__fail_errno(errno == ENOENT ? HL_ERR_NOT_FOUND : HL_ERR_SYSTEM, errno, "install", "bundle",
                              "Cannot open the bundle %s.", path);
    status = unpack(fd, folder, limits);
    close(fd);
    return status;
}

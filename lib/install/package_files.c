/* The files of an unpacked package, held against the hashes that were taken when it was installed. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "install/names.h"
#include "install/package_rules.h"
#include "install/tree.h"

typedef struct check {
    const hl__package_files *expected;
    bool *seen; /* one for each row */
} check;

void hl__package_files_free(hl__package_files *files)
{
    for (size_t i = 0; i < files->len; i++)
        free(files->rows[i].path);
    free(files->rows);
    memset(files, 0, sizeof(*files));
}

hl_status hl__package_files_digest(const hl__package_files *files, char out[HL__SHA256_TEXT])
{
    hl__digest *digest;
    hl_status status = hl__digest_new(&digest);

    if (status != HL_OK)
        return status;
    for (size_t i = 0; i < files->len; i++) {
        hl__digest_add(digest, files->rows[i].path, strlen(files->rows[i].path) + 1);
        hl__digest_add(digest, files->rows[i].sha256, HL__SHA256_TEXT);
    }
    return hl__digest_end(digest, out);
}

static hl_status differs(const char *path, const char *how)
{
    char shown[HL__SHOWN_MAX];

    hl__shown(path, shown);
    return hl__fail(HL_ERR_CHECKSUM, HL__PACKAGE_ACTION, shown,
                    "The installed file %s %s; somebody changed the installation. Install the version anew.", shown,
                    how);
}

static int compare_path(const void *path, const void *row)
{
    return strcmp(path, ((const hl__package_file *)row)->path);
}

static hl_status check_content(const hl__tree_entry *entry, const hl__package_file *row)
{
    char sha256[HL__SHA256_TEXT];
    hl_status status;
    int fd;

    if ((uint64_t)entry->stat.st_size != row->bytes)
        return differs(row->path, "has another size than when it was installed");
    fd = openat(entry->parent, entry->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return hl__fail_errno(HL_ERR_SYSTEM, errno, HL__PACKAGE_ACTION, row->path, "%s cannot be opened", row->path);
    status = hl__digest_fd(fd, sha256);
    close(fd);
    if (status == HL_OK && !hl__digest_same(sha256, row->sha256))
        return differs(row->path, "has another content than when it was installed");
    return status;
}

static hl_status check_entry(void *user, const hl__tree_entry *entry, bool *skip)
{
    const check *check = user;
    const hl__package_file *row;

    (void)skip;
    if (S_ISDIR(entry->stat.st_mode))
        return HL_OK;
    row = check->expected->len
              ? bsearch(entry->path, check->expected->rows, check->expected->len, sizeof(*row), compare_path)
              : NULL;
    if (!row || !S_ISREG(entry->stat.st_mode))
        return differs(entry->path, "was not there when it was installed");
    check->seen[row - check->expected->rows] = true;
    return check_content(entry, row);
}

hl_status hl__package_files_check(int folder, const hl__package_files *expected)
{
    check check = {expected, calloc(expected->len + 1, sizeof(bool))};
    hl_status status = check.seen ? HL_OK : hl__fail_memory(HL__PACKAGE_ACTION);

    if (status == HL_OK)
        status = hl__tree_walk(folder, UINT64_MAX, check_entry, &check);
    for (size_t i = 0; status == HL_OK && i < expected->len; i++) {
        if (!check.seen[i])
            status = differs(expected->rows[i].path, "is missing");
    }
    free(check.seen);
    return status;
}

/* The bytes of a package: a tar in gzip, the same for the same files. Owners, times and the umask of whoever packs
 * are left out; the order is that of the list. Used by pack.c. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/error.h"
#include "install/folder.h"
#include "install/pack.h"
#include "install/tree.h"

#define ACTION HL__PACK_ACTION
#define READ_BYTES ((size_t)64 * 1024)

typedef struct output {
    struct archive *archive;
    struct archive_entry *entry;
    char *buffer;
} output;

static hl_status fail_write(const output *out)
{
    int error = archive_errno(out->archive);
    const char *reason = archive_error_string(out->archive);

    return hl__fail(error > 0 ? hl__disk_status(error) : HL_ERR_SYSTEM, ACTION, "out_folder",
                    "The package cannot be written (%s).", reason ? reason : "no reason given");
}

static hl_status changed(const char *path)
{
    return hl__fail(HL_ERR_SYSTEM, ACTION, path,
                    "%s changed while it was packed; pack again when nothing writes to it.", path);
}

static hl_status write_header(const output *out, const hl__package_file *row, const char *top)
{
    char *path;

    if (asprintf(&path, "%s/%s", top, row->path) < 0)
        return hl__fail_memory(ACTION);
    archive_entry_clear(out->entry);
    archive_entry_set_pathname(out->entry, path);
    archive_entry_set_filetype(out->entry, AE_IFREG);
    archive_entry_set_perm(out->entry, row->executable ? 0755 : 0644);
    archive_entry_set_size(out->entry, (int64_t)row->bytes);
    archive_entry_set_mtime(out->entry, 0, 0);
    free(path);
    return archive_write_header(out->archive, out->entry) == ARCHIVE_OK ? HL_OK : fail_write(out);
}

static hl_status write_content(const output *out, const hl__package_file *row, int fd)
{
    uint64_t left = row->bytes;

    for (;;) {
        ssize_t got = read(fd, out->buffer, READ_BYTES);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, row->path, "%s cannot be read", row->path);
        if ((uint64_t)got > left || (got == 0 && left > 0))
            return changed(row->path);
        if (got == 0)
            return HL_OK;
        if (archive_write_data(out->archive, out->buffer, (size_t)got) != got)
            return fail_write(out);
        left -= (uint64_t)got;
    }
}

static hl_status write_file(const output *out, int folder, const hl__package_file *row, const char *top)
{
    int fd = hl__tree_open(folder, row->path, O_RDONLY | O_NONBLOCK);
    hl_status status;

    if (fd < 0)
        return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, row->path, "%s cannot be opened", row->path);
    status = write_header(out, row, top);
    if (status == HL_OK)
        status = write_content(out, row, fd);
    close(fd);
    return status;
}

/* Names beyond ASCII are written as UTF-8, whatever the process's locale is. */
static hl_status write_files(const output *out, int folder, const hl__pack_list *list, const char *top)
{
    locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t before = locale ? uselocale(locale) : (locale_t)0;
    hl_status status = HL_OK;

    for (size_t i = 0; status == HL_OK && i < list->len; i++)
        status = write_file(out, folder, &list->rows[i], top);
    if (locale) {
        uselocale(before);
        freelocale(locale);
    }
    return status;
}

static hl_status begin(const output *out, int fd)
{
    if (!out->archive || !out->entry || !out->buffer)
        return hl__fail_memory(ACTION);
    if (archive_write_set_format_pax_restricted(out->archive) == ARCHIVE_OK &&
        archive_write_add_filter_gzip(out->archive) == ARCHIVE_OK &&
        archive_write_set_filter_option(out->archive, "gzip", "timestamp", NULL) == ARCHIVE_OK &&
        archive_write_set_filter_option(out->archive, "gzip", "compression-level", "9") == ARCHIVE_OK &&
        archive_write_open_fd(out->archive, fd) == ARCHIVE_OK)
        return HL_OK;
    return fail_write(out);
}

hl_status hl__pack_write(int folder, const hl__pack_list *list, const char *top, int fd)
{
    output out = {archive_write_new(), archive_entry_new(), malloc(READ_BYTES)};
    hl_status status = begin(&out, fd);

    if (status == HL_OK)
        status = write_files(&out, folder, list, top);
    if (status == HL_OK && archive_write_close(out.archive) != ARCHIVE_OK)
        status = fail_write(&out);
    archive_write_free(out.archive);
    archive_entry_free(out.entry);
    free(out.buffer);
    return status;
}

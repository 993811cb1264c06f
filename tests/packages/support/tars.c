/* Archives for the tests of packages. */
#include "tests/packages/support/tars.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

#define HOLE ((int64_t)1 << 20)

static void check(struct archive *archive, int answer)
{
    if (answer != ARCHIVE_OK && answer != ARCHIVE_WARN)
        fail_msg("the test's archive: %s", archive_error_string(archive));
}

static struct archive *begin(const char *path, const char *format, const char *filter)
{
    struct archive *archive = archive_write_new();

    assert_non_null(archive);
    check(archive, archive_write_set_format_by_name(archive, format));
    if (strcmp(filter, "none") != 0)
        check(archive, archive_write_add_filter_by_name(archive, filter));
    check(archive, archive_write_open_filename(archive, path));
    return archive;
}

static unsigned type_of(char kind)
{
    switch (kind) {
    case 'd':
        return AE_IFDIR;
    case 'l':
        return AE_IFLNK;
    case 'c':
        return AE_IFCHR;
    case 'b':
        return AE_IFBLK;
    case 'p':
        return AE_IFIFO;
    default:
        return AE_IFREG;
    }
}

static void add(struct archive *archive, const tar_member *member)
{
    struct archive_entry *entry = archive_entry_new();
    int64_t len = member->content ? (int64_t)strlen(member->content) : 0;

    archive_entry_set_pathname(entry, member->path);
    archive_entry_set_filetype(entry, type_of(member->kind));
    archive_entry_set_perm(entry, member->mode ? member->mode : member->kind == 'd' ? 0755 : 0644);
    archive_entry_set_size(entry, len + (member->sparse ? HOLE : 0));
    if (member->kind == 'l')
        archive_entry_set_symlink(entry, member->target);
    if (member->kind == 'h')
        archive_entry_set_hardlink(entry, member->target);
    if (member->kind == 'c' || member->kind == 'b')
        archive_entry_set_rdev(entry, 0x103);
    if (member->sparse)
        archive_entry_sparse_add_entry(entry, 0, len);
    check(archive, archive_write_header(archive, entry));
    if (len)
        assert_int_equal(archive_write_data(archive, member->content, (size_t)len), len);
    archive_entry_free(entry);
}

int tar_make(const char *path, const char *format, const char *filter, const tar_member *members, size_t len)
{
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t before = uselocale(utf8);
    struct archive *archive = begin(path, format, filter);

    for (size_t i = 0; i < len; i++)
        add(archive, &members[i]);
    check(archive, archive_write_close(archive));
    archive_write_free(archive);
    uselocale(before);
    freelocale(utf8);
    return place_open(path);
}

/* ---- any bytes ---- */

struct tar_raw {
    struct archive *archive;
    const char *path;
};

tar_raw *tar_raw_begin(const char *path, const char *filter)
{
    tar_raw *raw = malloc(sizeof(*raw));
    struct archive_entry *entry = archive_entry_new();

    assert_non_null(raw);
    raw->archive = begin(path, "raw", filter);
    raw->path = path;
    archive_entry_set_filetype(entry, AE_IFREG);
    check(raw->archive, archive_write_header(raw->archive, entry));
    archive_entry_free(entry);
    return raw;
}

void tar_raw_add(tar_raw *raw, const void *bytes, size_t len)
{
    assert_int_equal(archive_write_data(raw->archive, bytes, len), len);
}

void tar_raw_header(tar_raw *raw, const char *name, char kind, uint64_t size)
{
    char header[513] = "";
    unsigned sum = 0;

    snprintf(header, 100, "%s", name);
    memcpy(header + 100, "0000644\0000000000\0000000000", 24);
    snprintf(header + 124, 12, "%011llo", (unsigned long long)size);
    memcpy(header + 136, "00000000000\0        ", 20);
    header[156] = kind;
    memcpy(header + 257, "ustar\00000", 8);
    for (size_t i = 0; i < 512; i++)
        sum += (unsigned char)header[i];
    snprintf(header + 148, 8, "%06o", sum);
    header[155] = ' ';
    tar_raw_add(raw, header, 512);
}

int tar_raw_end(tar_raw *raw)
{
    int fd;

    check(raw->archive, archive_write_close(raw->archive));
    archive_write_free(raw->archive);
    fd = place_open(raw->path);
    free(raw);
    return fd;
}

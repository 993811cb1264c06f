/* The one file that reads with libarchive. Formats are tar and zip, filters those that libarchive itself has: none that
 * would start a program. The library's own extraction is not used: it works by paths, and takes owners and modes. */
#include "install/archive_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "install/names.h"

#define READ_BYTES ((size_t)64 * 1024)
#define RATIO_FLOOR ((uint64_t)16 << 20)
#define FILTERS_MAX 1 /* a compressed archive, but none that was compressed again */

struct hl__reader {
    struct archive *archive;
    struct archive_entry *entry;
    hl__rules *rules;
    const hl__archive_limits *limits;
    hl__archive_progress_fn *progress;
    void *user;
    locale_t locale; /* names are UTF-8, whatever the process's locale says; 0: there is none on this system */
    int fd, read_error;
    int64_t at, size;
    uint64_t told, before_first; /* bytes that may still be read before there is a member */
    uint64_t content;
    hl__member member;
    char *name; /* the member's path, owned */
    char buffer[READ_BYTES];
};

/* ---- bytes for libarchive ---- */

static la_ssize_t read_bytes(struct archive *archive, void *user, const void **bytes)
{
    hl__reader *reader = user;
    ssize_t got;

    *bytes = reader->buffer;
    do
        got = pread(reader->fd, reader->buffer, READ_BYTES, reader->at);
    while (got < 0 && errno == EINTR);
    if (got < 0) {
        reader->read_error = errno;
        archive_set_error(archive, errno, "it cannot be read");
        return -1;
    }
    reader->at += got;
    if (!reader->name && (uint64_t)got > reader->before_first) {
        reader->before_first = 0;
        archive_set_error(archive, EFBIG, "its directory is too large");
        return -1;
    }
    reader->before_first -= reader->name ? 0 : (uint64_t)got;
    return got;
}

static la_int64_t skip_bytes(struct archive *archive, void *user, la_int64_t wanted)
{
    hl__reader *reader = user;
    int64_t left = reader->size > reader->at ? reader->size - reader->at : 0;

    (void)archive;
    if (wanted > left)
        wanted = left;
    reader->at += wanted;
    return wanted;
}

static la_int64_t seek_bytes(struct archive *archive, void *user, la_int64_t offset, int whence)
{
    hl__reader *reader = user;
    int64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? reader->at : reader->size;

    if (offset < -from || offset > reader->size - from) {
        archive_set_error(archive, EINVAL, "it refers to a place outside of itself");
        return ARCHIVE_FATAL;
    }
    reader->at = from + offset;
    return reader->at;
}

/* ---- failures ---- */

static hl_status fail_read(hl__reader *reader)
{
    const char *reason = archive_error_string(reader->archive);
    char shown[HL__SHOWN_MAX];

    if (reader->read_error)
        return hl__fail_errno(HL_ERR_SYSTEM, reader->read_error, HL__PACKAGE_ACTION, "", "The package cannot be read");
    if (archive_errno(reader->archive) == ENOMEM)
        return hl__fail_memory(HL__PACKAGE_ACTION);
    if (!reader->before_first)
        return hl__limit_reached("entries", reader->limits->entries);
    return hl__fail(HL_ERR_ARCHIVE, HL__PACKAGE_ACTION, "",
                    "The package is no archive, damaged or cut off (%s); fetch or pack it anew, as .tar.gz.",
                    hl__shown(reason ? reason : "no reason given", shown));
}

static hl_status tell(hl__reader *reader)
{
    uint64_t done = (uint64_t)(reader->at < reader->size ? reader->at : reader->size);

    if (!reader->progress || done == reader->told)
        return HL_OK;
    reader->told = done;
    if (reader->progress(reader->user, done, (uint64_t)reader->size))
        return HL_OK;
    return hl__fail(HL_ERR_CANCELLED, HL__PACKAGE_ACTION, "progress", "The progress function ended the operation.");
}

/* What came out of the filters counts too: headers can be bombs as well. */
static hl_status check_ratio(hl__reader *reader)
{
    int64_t stream = archive_filter_bytes(reader->archive, 0);
    uint64_t bytes = hl__rules_bytes(reader->rules);

    if (stream > 0 && (uint64_t)stream > bytes)
        bytes = (uint64_t)stream;
    if (bytes > RATIO_FLOOR && bytes / ((uint64_t)reader->size + 1) >= reader->limits->ratio)
        return hl__limit_reached("ratio", reader->limits->ratio);
    return HL_OK;
}

/* ---- members ---- */

static const char *type_problem(struct archive_entry *entry)
{
    if (archive_entry_hardlink(entry) || archive_entry_hardlink_utf8(entry))
        return "is a hard link; packages hold folders and regular files only";
    switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
    case AE_IFDIR:
        return NULL;
    case AE_IFLNK:
        return "is a symbolic link; packages hold folders and regular files only";
    case AE_IFCHR:
    case AE_IFBLK:
        return "is a device; packages hold folders and regular files only";
    case AE_IFIFO:
        return "is a pipe; packages hold folders and regular files only";
    default:
        return "is of an unknown kind; packages hold folders and regular files only";
    }
}

static const char *entry_problem(struct archive_entry *entry)
{
    const char *problem = type_problem(entry);

    if (problem)
        return problem;
    if (archive_entry_perm(entry) & (S_ISUID | S_ISGID | S_ISVTX))
        return "has a setuid, setgid or sticky bit; pack it with `hookline pack`, which leaves them out";
    if (archive_entry_sparse_count(entry) > 0)
        return "is sparse; pack it without --sparse";
    if (archive_entry_is_encrypted(entry) || archive_entry_is_data_encrypted(entry))
        return "is encrypted; packages are signed, not encrypted";
    if (archive_entry_filetype(entry) == AE_IFDIR && archive_entry_size(entry) > 0)
        return "is a folder with content of its own";
    return NULL;
}

/* "./a/" is "a"; everything else has to be plain already. */
static hl_status take_name(hl__reader *reader)
{
    const char *name = archive_entry_pathname(reader->entry);
    size_t len;

    free(reader->name);
    reader->name = strdup(name ? name : "");
    if (!reader->name)
        return hl__fail_memory(HL__PACKAGE_ACTION);
    if (!reader->name[0])
        return hl__member_refused("", "has no name");
    len = strlen(reader->name);
    if (reader->member.folder && len > 1 && reader->name[len - 1] == '/')
        reader->name[--len] = '\0';
    reader->member.path = reader->name;
    if (strncmp(reader->name, "./", 2) == 0)
        reader->member.path = reader->name + 2;
    else if (strcmp(reader->name, ".") == 0 && reader->member.folder)
        reader->member.path = "";
    return HL_OK;
}

static hl_status take_member(hl__reader *reader)
{
    int64_t bytes = archive_entry_size_is_set(reader->entry) ? archive_entry_size(reader->entry) : 0;
    const char *problem;
    hl_status status;

    reader->content = 0;
    reader->member.folder = archive_entry_filetype(reader->entry) == AE_IFDIR;
    reader->member.executable = !reader->member.folder && (archive_entry_perm(reader->entry) & 0111) != 0;
    status = take_name(reader);
    if (status != HL_OK)
        return status;
    problem = entry_problem(reader->entry);
    if (problem || bytes < 0)
        return hl__member_refused(reader->name, problem ? problem : "has a negative size");
    return hl__rules_member(reader->rules, reader->member.path, reader->member.folder, (uint64_t)bytes);
}

/* Anything but a clean answer is refused: what has to be guessed is guessed differently by others. */
hl_status hl__reader_next(hl__reader *reader, const hl__member **member)
{
    locale_t before = reader->locale ? uselocale(reader->locale) : (locale_t)0;
    int answer = archive_read_next_header(reader->archive, &reader->entry);
    hl_status status = HL_OK;

    *member = NULL;
    if (answer == ARCHIVE_OK)
        status = take_member(reader);
    else if (answer != ARCHIVE_EOF)
        status = fail_read(reader);
    if (before)
        uselocale(before);
    if (status == HL_OK)
        status = check_ratio(reader);
    if (status == HL_OK)
        status = tell(reader);
    if (status == HL_OK && answer == ARCHIVE_OK)
        *member = &reader->member;
    return status;
}

static hl_status end_of_content(const hl__reader *reader)
{
    if (archive_entry_size_is_set(reader->entry) && (uint64_t)archive_entry_size(reader->entry) != reader->content)
        return hl__member_refused(reader->name, "has another size than it says");
    return HL_OK;
}

hl_status hl__reader_content(hl__reader *reader, const void **bytes, size_t *len)
{
    la_int64_t offset;
    hl_status status;
    int answer;

    *len = 0;
    do
        answer = archive_read_data_block(reader->archive, bytes, len, &offset);
    while (answer == ARCHIVE_OK && *len == 0);
    if (answer == ARCHIVE_EOF) {
        *len = 0;
        return end_of_content(reader);
    }
    if (answer != ARCHIVE_OK)
        return fail_read(reader);
    if (offset < 0 || (uint64_t)offset != reader->content)
        return hl__member_refused(reader->name, "is sparse; pack it without --sparse");
    reader->content += *len;
    status = hl__rules_content(reader->rules, *len);
    if (status == HL_OK)
        status = check_ratio(reader);
    return status == HL_OK ? tell(reader) : status;
}

const hl__rules *hl__reader_rules(const hl__reader *reader)
{
    return reader->rules;
}

/* ---- begin and end ---- */

/* A filter that this libarchive lacks would be a program to start: the answer is then a warning. */
static bool is_built_in(int (*support)(struct archive *))
{
    struct archive *archive = archive_read_new();
    bool result = archive && support(archive) == ARCHIVE_OK;

    archive_read_free(archive);
    return result;
}

static int support(struct archive *archive)
{
    static int (*const filters[])(
        struct archive *) = {archive_read_support_filter_gzip, archive_read_support_filter_bzip2,
                             archive_read_support_filter_xz, archive_read_support_filter_zstd};
    int answer = archive_read_support_format_tar(archive);

    if (answer == ARCHIVE_OK)
        answer = archive_read_support_format_zip_seekable(archive);
    for (size_t i = 0; answer == ARCHIVE_OK && i < sizeof(filters) / sizeof(filters[0]); i++) {
        if (is_built_in(filters[i]))
            answer = filters[i](archive);
    }
    return answer;
}

static int set_callbacks(hl__reader *reader)
{
    archive_read_set_read_callback(reader->archive, read_bytes);
    archive_read_set_skip_callback(reader->archive, skip_bytes);
    archive_read_set_seek_callback(reader->archive, seek_bytes);
    return archive_read_set_callback_data(reader->archive, reader);
}

static hl_status measure(hl__reader *reader)
{
    struct stat found;

    if (fstat(reader->fd, &found) != 0)
        return hl__fail_errno(HL_ERR_SYSTEM, errno, HL__PACKAGE_ACTION, "", "The package cannot be examined");
    if (!S_ISREG(found.st_mode))
        return hl__fail(HL_ERR_ARCHIVE, HL__PACKAGE_ACTION, "", "The package is no regular file.");
    reader->size = found.st_size;
    return HL_OK;
}

static hl_status begin(hl__reader *reader)
{
    hl_status status = measure(reader);
    int answer;

    if (status == HL_OK)
        status = hl__rules_new(reader->limits, &reader->rules);
    if (status != HL_OK)
        return status;
    reader->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    reader->before_first = reader->limits->entries * 256 + ((uint64_t)4 << 20);
    reader->archive = archive_read_new();
    if (!reader->archive)
        return hl__fail_memory(HL__PACKAGE_ACTION);
    answer = support(reader->archive);
    if (answer == ARCHIVE_OK)
        answer = set_callbacks(reader);
    if (answer == ARCHIVE_OK)
        answer = archive_read_open1(reader->archive);
    if (answer != ARCHIVE_OK)
        return fail_read(reader);
    if (archive_filter_count(reader->archive) > FILTERS_MAX + 1)
        return hl__fail(HL_ERR_ARCHIVE, HL__PACKAGE_ACTION, "", "The package was compressed more than once.");
    return HL_OK;
}

hl_status hl__reader_open(int fd, const hl__archive_limits *limits, hl__archive_progress_fn *progress, void *user,
                          hl__reader **out)
{
    hl__reader *reader = calloc(1, sizeof(*reader));
    hl_status status;

    *out = NULL;
    if (!reader)
        return hl__fail_memory(HL__PACKAGE_ACTION);
    reader->fd = fd;
    reader->limits = limits;
    reader->progress = progress;
    reader->user = user;
    status = begin(reader);
    if (status == HL_OK)
        *out = reader;
    else
        hl__reader_close(reader);
    return status;
}

void hl__reader_close(hl__reader *reader)
{
    if (!reader)
        return;
    archive_read_free(reader->archive);
    hl__rules_free(reader->rules);
    if (reader->locale)
        freelocale(reader->locale);
    free(reader->name);
    free(reader);
}

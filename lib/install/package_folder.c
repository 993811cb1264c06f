/* A package that is a folder on disk: for developing, and what packing begins with. What lies beside a package's own
 * files (sources, objects, repositories) is passed over; what belongs to it keeps the same rules as in an archive. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "install/names.h"
#include "install/package_folder.h"
#include "install/package_writer.h"

#define ACTION HL__PACKAGE_ACTION
#define READ_BYTES ((size_t)64 * 1024)

/* ---- the manifest ---- */

/* Bytes of a descriptor until the buffer is full or the file ends; -1 with errno. */
static ssize_t read_some(int fd, char *buffer, size_t room)
{
    size_t have = 0;

    while (have < room) {
        ssize_t got = read(fd, buffer + have, room - have);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        have += (size_t)got;
    }
    return (ssize_t)have;
}

static hl_status open_regular(int parent, const char *name, const char *path, int *out)
{
    struct stat found;

    *out = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (*out < 0)
        return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, path, "%s cannot be opened", path);
    if (fstat(*out, &found) == 0 && S_ISREG(found.st_mode))
        return HL_OK;
    close(*out);
    *out = -1;
    return hl__member_refused(path, "is no regular file");
}

static hl_status open_manifest(int from, int *out)
{
    struct stat found;

    if (fstatat(from, HL__MANIFEST_NAME, &found, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
        return hl__fail(HL_ERR_MANIFEST, ACTION, HL__MANIFEST_NAME,
                        "There is no %s in the folder; docs/guide/9-packages.md shows what one looks like.",
                        HL__MANIFEST_NAME);
    return open_regular(from, HL__MANIFEST_NAME, HL__MANIFEST_NAME, out);
}

static hl_status read_manifest(int from, char **text, size_t *len)
{
    int fd = -1;
    hl_status status = open_manifest(from, &fd);
    ssize_t got;

    *text = NULL;
    if (status != HL_OK)
        return status;
    *text = malloc(HL__MANIFEST_BYTES_MAX + 1);
    got = *text ? read_some(fd, *text, HL__MANIFEST_BYTES_MAX + 1) : 0;
    if (!*text)
        status = hl__fail_memory(ACTION);
    else if (got < 0)
        status = hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, HL__MANIFEST_NAME, "The manifest cannot be read");
    else if ((size_t)got > HL__MANIFEST_BYTES_MAX)
        status = hl__fail(HL_ERR_LIMIT, ACTION, HL__MANIFEST_NAME,
                          "The manifest has more than %zu bytes, which is what "
                          "it may have.",
                          HL__MANIFEST_BYTES_MAX);
    else
        (*text)[got] = '\0';
    *len = got < 0 ? 0 : (size_t)got;
    close(fd);
    return status;
}

/* ---- what belongs to it ---- */

/* The first part of the path is exactly this name, or begins with it. */
static bool first_part_is(const char *path, const char *name, bool whole)
{
    size_t len = strcspn(name, "/");

    return strncmp(path, name, len) == 0 && (!whole || path[len] == '\0' || path[len] == '/');
}

/* Texts that people look for, at the top only. */
static bool is_text_file(const hl__tree_entry *entry)
{
    static const char *const begins[] = {"README", "LICENSE", "LICENCE", "COPYING", "NOTICE", "CHANGELOG"};

    for (size_t i = 0; S_ISREG(entry->stat.st_mode) && i < sizeof(begins) / sizeof(begins[0]); i++) {
        if (!strchr(entry->path, '/') && first_part_is(entry->path, begins[i], false))
            return true;
    }
    return false;
}

static bool belongs(const hl__manifest *manifest, const hl__tree_entry *entry)
{
    return strcmp(entry->path, HL__MANIFEST_NAME) == 0 || first_part_is(entry->path, "lib", true) ||
           first_part_is(entry->path, "priv", true) ||
           (manifest->data[0] && first_part_is(entry->path, manifest->data, true)) || is_text_file(entry);
}

static const char *entry_problem(const struct stat *found)
{
    if (S_ISLNK(found->st_mode))
        return "is a symbolic link; packages hold folders and regular files only";
    if (!S_ISREG(found->st_mode) && !S_ISDIR(found->st_mode))
        return "is neither a folder nor a regular file";
    if (found->st_mode & (S_ISUID | S_ISGID | S_ISVTX) && S_ISREG(found->st_mode))
        return "has a setuid, setgid or sticky bit; take it away with chmod";
    return NULL;
}

typedef struct course {
    const hl__manifest *manifest;
    hl__rules *rules;
    hl__package_visit_fn *visit;
    void *user;
} course;

static hl_status visit_entry(void *user, const hl__tree_entry *entry, bool *skip)
{
    course *course = user;
    const char *problem;
    hl_status status;

    *skip = !belongs(course->manifest, entry);
    if (*skip)
        return HL_OK;
    problem = entry_problem(&entry->stat);
    if (problem)
        return hl__member_refused(entry->path, problem);
    status = hl__rules_member(course->rules, entry->path, S_ISDIR(entry->stat.st_mode), (uint64_t)entry->stat.st_size);
    return status == HL_OK ? course->visit(course->user, course->rules, entry) : status;
}

hl_status hl__folder_visit(int from, const hl__archive_limits *limits, const hl__manifest *manifest,
                           hl__package_visit_fn *visit, void *user)
{
    course course = {manifest, NULL, visit, user};
    hl_status status = hl__rules_new(limits, &course.rules);

    if (status == HL_OK)
        status = hl__tree_walk(from, limits->entries, visit_entry, &course);
    if (status == HL_OK)
        status = hl__rules_end(course.rules);
    hl__rules_free(course.rules);
    return status;
}

/* ---- examining ---- */

static hl_status count(void *user, hl__rules *rules, const hl__tree_entry *entry)
{
    (void)user;
    return S_ISREG(entry->stat.st_mode) ? hl__rules_content(rules, (size_t)entry->stat.st_size) : HL_OK;
}

hl_status hl__folder_manifest(int from, char **text, size_t *len, hl__manifest *manifest)
{
    hl_status status = read_manifest(from, text, len);

    memset(manifest, 0, sizeof(*manifest));
    if (status == HL_OK)
        status = hl__manifest_parse(*text, *len, manifest);
    if (status == HL_OK)
        return HL_OK;
    free(*text);
    *text = NULL;
    *len = 0;
    return status;
}

hl_status hl__folder_examine(int from, const hl__archive_limits *limits, char **manifest, size_t *manifest_len)
{
    hl__manifest parsed;
    hl_status status = hl__folder_manifest(from, manifest, manifest_len, &parsed);

    if (status == HL_OK)
        status = hl__folder_visit(from, limits, &parsed, count, NULL);
    hl__manifest_cleanup(&parsed);
    if (status == HL_OK)
        return HL_OK;
    free(*manifest);
    *manifest = NULL;
    *manifest_len = 0;
    return status;
}

/* ---- copying ---- */

typedef struct copy {
    hl__writer *writer;
    hl__archive_progress_fn *progress;
    void *user;
    uint64_t done;
    char *buffer;
} copy;

static hl_status copy_piece(copy *copy, hl__rules *rules, size_t len)
{
    hl_status status = hl__rules_content(rules, len);

    if (status == HL_OK)
        status = hl__writer_add(copy->writer, copy->buffer, len);
    copy->done += len;
    if (status == HL_OK && copy->progress && !copy->progress(copy->user, copy->done, 0))
        return hl__fail(HL_ERR_CANCELLED, ACTION, "progress", "The progress function ended the operation.");
    return status;
}

static hl_status copy_content(copy *copy, hl__rules *rules, int fd, const char *path)
{
    hl_status status = HL_OK;
    ssize_t got = 1;

    while (status == HL_OK && got > 0) {
        got = read_some(fd, copy->buffer, READ_BYTES);
        if (got < 0)
            status = hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, path, "%s cannot be read", path);
        else if (got > 0)
            status = copy_piece(copy, rules, (size_t)got);
    }
    return status;
}

static hl_status copy_entry(void *user, hl__rules *rules, const hl__tree_entry *entry)
{
    copy *copy = user;
    hl_status status;
    int fd;

    if (S_ISDIR(entry->stat.st_mode))
        return hl__writer_folder(copy->writer, entry->path);
    status = open_regular(entry->parent, entry->name, entry->path, &fd);
    if (status != HL_OK)
        return status;
    status = hl__writer_begin(copy->writer, entry->path, (entry->stat.st_mode & 0111) != 0);
    if (status == HL_OK)
        status = copy_content(copy, rules, fd, entry->path);
    if (status == HL_OK)
        status = hl__writer_end(copy->writer);
    close(fd);
    return status;
}

static hl_status copy_all(int from, int folder, const hl__archive_limits *limits, const hl__manifest *manifest,
                          copy *copy, hl__package_files *files)
{
    hl_status status = hl__writer_new(folder, &copy->writer);

    if (status == HL_OK && !(copy->buffer = malloc(READ_BYTES)))
        status = hl__fail_memory(ACTION);
    if (status == HL_OK)
        status = hl__folder_visit(from, limits, manifest, copy_entry, copy);
    if (status == HL_OK)
        status = hl__writer_finish(copy->writer, files);
    hl__writer_free(copy->writer);
    free(copy->buffer);
    return status;
}

hl_status hl__folder_copy(int from, int folder, const hl__archive_limits *limits, hl__archive_progress_fn *progress,
                          void *user, hl__package_files *files)
{
    copy copy = {NULL, progress, user, 0, NULL};
    hl__manifest manifest;
    char *text;
    size_t len;
    hl_status status = hl__folder_manifest(from, &text, &len, &manifest);

    memset(files, 0, sizeof(*files));
    if (status == HL_OK)
        status = copy_all(from, folder, limits, &manifest, &copy, files);
    free(text);
    hl__manifest_cleanup(&manifest);
    return status;
}

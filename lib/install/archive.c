/* The two journeys through a package archive: examining and unpacking. Both go through archive_reader.c, so that
 * what is unpacked has passed the same rules as what was examined. */
#include "install/archive.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "install/archive_reader.h"
#include "install/manifest.h"
#include "install/package_writer.h"

/* ---- examining ---- */

/* A growing text of at most HL__MANIFEST_BYTES_MAX. */
typedef struct text {
    char *bytes;
    size_t len;
} text;

static hl_status append(text *to, const void *bytes, size_t len)
{
    char *grown;

    if (len > HL__MANIFEST_BYTES_MAX - to->len)
        return hl__fail(HL_ERR_LIMIT, HL__PACKAGE_ACTION, HL__MANIFEST_NAME,
                        "The manifest has more than %zu bytes, which is what it may have.", HL__MANIFEST_BYTES_MAX);
    grown = realloc(to->bytes, to->len + len + 1);
    if (!grown)
        return hl__fail_memory(HL__PACKAGE_ACTION);
    to->bytes = grown;
    memcpy(grown + to->len, bytes, len);
    to->len += len;
    grown[to->len] = '\0';
    return HL_OK;
}

/* All of a member's content, kept where `to` is given. */
static hl_status read_content(hl__reader *reader, text *to)
{
    hl_status status = to ? append(to, "", 0) : HL_OK;

    while (status == HL_OK) {
        const void *bytes;
        size_t len;

        status = hl__reader_content(reader, &bytes, &len);
        if (status != HL_OK || len == 0)
            break;
        if (to)
            status = append(to, bytes, len);
    }
    return status;
}

/* The manifest is the member with which the rules first know of one. */
static hl_status examine_member(hl__reader *reader, const hl__member *member, text *manifest)
{
    const char *top;
    bool is_manifest = !manifest->bytes && hl__rules_manifest(hl__reader_rules(reader), &top);

    return member->folder ? HL_OK : read_content(reader, is_manifest ? manifest : NULL);
}

static hl_status examine(hl__reader *reader, text *manifest)
{
    const hl__member *member;
    hl_status status;

    while ((status = hl__reader_next(reader, &member)) == HL_OK && member) {
        status = examine_member(reader, member, manifest);
        if (status != HL_OK)
            return status;
    }
    return status == HL_OK ? hl__rules_end(hl__reader_rules(reader)) : status;
}

hl_status hl__archive_examine(int fd, const hl__archive_limits *limits, char **manifest, size_t *manifest_len)
{
    hl__reader *reader;
    text found = {NULL, 0};
    hl_status status = hl__reader_open(fd, limits, NULL, NULL, &reader);

    *manifest = NULL;
    *manifest_len = 0;
    if (status == HL_OK)
        status = examine(reader, &found);
    hl__reader_close(reader);
    if (status != HL_OK) {
        free(found.bytes);
        return status;
    }
    *manifest = found.bytes;
    *manifest_len = found.len;
    return HL_OK;
}

/* ---- unpacking ---- */

/* The folder that all lies in, "" for none. The manifest is the first member of a package that Hookline packed, so that
 * this ends at once. Owned by the caller. */
static hl_status find_top(int fd, const hl__archive_limits *limits, char **top)
{
    const char *found;
    const hl__member *member = NULL;
    hl__reader *reader;
    hl_status status = hl__reader_open(fd, limits, NULL, NULL, &reader);

    *top = NULL;
    while (status == HL_OK) {
        status = hl__reader_next(reader, &member);
        if (status != HL_OK || !member || hl__rules_manifest(hl__reader_rules(reader), &found))
            break;
        if (!member->folder)
            status = read_content(reader, NULL);
    }
    if (status == HL_OK && !member)
        status = hl__rules_end(hl__reader_rules(reader));
    if (status == HL_OK && !(*top = strdup(found)))
        status = hl__fail_memory(HL__PACKAGE_ACTION);
    hl__reader_close(reader);
    return status;
}

/* The member's path below the folder that all lies in; NULL for that folder itself and what it lies in. */
static hl_status below(const hl__member *member, const char *top, const char **path)
{
    size_t len = strlen(top);

    *path = NULL;
    if (!member->path[0] || (member->folder && strcmp(member->path, top) == 0))
        return HL_OK;
    if (len == 0)
        *path = member->path;
    else if (strncmp(member->path, top, len) == 0 && member->path[len] == '/')
        *path = member->path + len + 1;
    else
        return hl__member_refused(member->path, "lies outside of the folder that holds the manifest");
    return HL_OK;
}

static hl_status write_file(hl__reader *reader, hl__writer *writer, const char *path, bool executable)
{
    hl_status status = hl__writer_begin(writer, path, executable);

    while (status == HL_OK) {
        const void *bytes;
        size_t len;

        status = hl__reader_content(reader, &bytes, &len);
        if (status != HL_OK || len == 0)
            break;
        status = hl__writer_add(writer, bytes, len);
    }
    return status == HL_OK ? hl__writer_end(writer) : status;
}

static hl_status unpack(hl__reader *reader, hl__writer *writer, const char *top)
{
    const hl__member *member;
    const char *path;
    hl_status status;

    while ((status = hl__reader_next(reader, &member)) == HL_OK && member) {
        status = below(member, top, &path);
        if (status == HL_OK && path && member->folder)
            status = hl__writer_folder(writer, path);
        else if (status == HL_OK && path)
            status = write_file(reader, writer, path, member->executable);
        if (status != HL_OK)
            return status;
    }
    return status == HL_OK ? hl__rules_end(hl__reader_rules(reader)) : status;
}

hl_status hl__archive_unpack(int fd, int folder, const hl__archive_limits *limits, hl__archive_progress_fn *progress,
                             void *user, hl__package_files *files)
{
    hl__reader *reader = NULL;
    hl__writer *writer = NULL;
    char *top;
    hl_status status;

    memset(files, 0, sizeof(*files));
    status = find_top(fd, limits, &top);
    if (status == HL_OK)
        status = hl__reader_open(fd, limits, progress, user, &reader);
    if (status == HL_OK)
        status = hl__writer_new(folder, &writer);
    if (status == HL_OK)
        status = unpack(reader, writer, top);
    if (status == HL_OK)
        status = hl__writer_finish(writer, files);
    hl__writer_free(writer);
    hl__reader_close(reader);
    free(top);
    return status;
}

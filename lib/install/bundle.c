/* hl_bundle_write: everything that is installed, as one file to carry to where there is no network. The same content
 * gives the same bytes. */
#include "install/bundle.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "install/folder.h"
#include "install/installation.h"
#include "install/lockfile.h"
#include "install/outfile.h"

#define ACTION "bundle"
#define PIECE ((size_t)64 << 10)

typedef struct bundling {
    hl__apps_place place;
    hl__apps apps;
    hl__outfile file;
    struct archive *archive;
    struct archive_entry *entry;
    char *piece;
} bundling;

char *hl__bundle_member(const hl__app *app)
{
    char *name = NULL;

    return asprintf(&name, HL__BUNDLE_PACKAGES "/%s-%s" HL__PACKAGE_SUFFIX, app->name, app->active.version) < 0 ? NULL
                                                                                                                : name;
}

static hl_status fail_write(const bundling *to)
{
    const char *reason = archive_error_string(to->archive);

    return hl__fail(hl__disk_status(archive_errno(to->archive)), ACTION, "path", "Cannot write %s (%s).", to->file.path,
                    reason ? reason : "no reason given");
}

/* ---- members ----------------------------------------------------------------------------------------------------- */

static hl_status begin_member(const bundling *to, const char *name, uint64_t bytes)
{
    archive_entry_clear(to->entry);
    archive_entry_set_pathname(to->entry, name);
    archive_entry_set_filetype(to->entry, AE_IFREG);
    archive_entry_set_perm(to->entry, 0644);
    archive_entry_set_size(to->entry, (int64_t)bytes);
    archive_entry_set_mtime(to->entry, 0, 0);
    return archive_write_header(to->archive, to->entry) == ARCHIVE_OK ? HL_OK : fail_write(to);
}

static hl_status add_bytes(const bundling *to, const void *bytes, size_t len)
{
    return archive_write_data(to->archive, bytes, len) == (la_ssize_t)len ? HL_OK : fail_write(to);
}

static hl_status add_content(const bundling *to, int fd, hl__digest *digest)
{
    hl_status status = HL_OK;
    ssize_t len = 1;

    while (status == HL_OK && len != 0) {
        len = read(fd, to->piece, PIECE);
        if (len < 0 && errno != EINTR)
            return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "package", "Cannot read a package.");
        if (len > 0) {
            hl__digest_add(digest, to->piece, (size_t)len);
            status = add_bytes(to, to->piece, (size_t)len);
        }
    }
    return status;
}

static hl_status add_opened(const bundling *to, const char *name, int fd, char sha256[HL__SHA256_TEXT])
{
    hl__digest *digest = NULL;
    struct stat about;
    hl_status status;

    if (fstat(fd, &about) < 0)
        return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "package", "Cannot look at a package.");
    status = begin_member(to, name, (uint64_t)about.st_size);
    if (status == HL_OK)
        status = hl__digest_new(&digest);
    if (status == HL_OK)
        status = add_content(to, fd, digest);
    if (status == HL_OK)
        return hl__digest_end(digest, sha256);
    hl__digest_free(digest);
    return status;
}

static int open_kept(const bundling *to, const hl__app *app, const char *suffix)
{
    char *path = hl__package_path(&app->active, suffix);
    int fd = path ? openat(to->place.folder, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;

    free(path);
    return fd;
}

static hl_status add_package(const bundling *to, const hl__app *app, const char *name)
{
    int fd = open_kept(to, app, "");
    char sha256[HL__SHA256_TEXT];
    hl_status status;

    if (fd < 0)
        return hl__fail(HL_ERR_NOT_FOUND, ACTION, app->name,
                        "There is no package of %s %s: it was installed from a folder. Pack the folder with "
                        "`hookline pack` and install the package.",
                        app->name, app->active.version);
    status = add_opened(to, name, fd, sha256);
    close(fd);
    if (status != HL_OK || hl__digest_same(sha256, app->active.sha256))
        return status;
    return hl__fail(HL_ERR_CHECKSUM, ACTION, app->name, "The package that is kept of %s %s was changed on disk.",
                    app->name, app->active.version);
}

static hl_status add_signature(const bundling *to, const hl__app *app, const char *name)
{
    int fd = open_kept(to, app, HL__SIGNATURE_SUFFIX);
    char sha256[HL__SHA256_TEXT], *signature = NULL;
    hl_status status;

    if (fd < 0)
        return HL_OK;
    if (asprintf(&signature, "%s" HL__SIGNATURE_SUFFIX, name) < 0)
        signature = NULL;
    status = signature ? add_opened(to, signature, fd, sha256) : hl__fail_memory(ACTION);
    free(signature);
    close(fd);
    return status;
}

static hl_status add_app(const bundling *to, const hl__app *app)
{
    char *name = hl__bundle_member(app);
    hl_status status = name ? add_package(to, app, name) : hl__fail_memory(ACTION);

    if (status == HL_OK)
        status = add_signature(to, app, name);
    free(name);
    return status;
}

static hl_status add_lockfile(const bundling *to)
{
    char *text = NULL;
    hl_status status = hl__lockfile_encode(&to->apps, &text);

    if (status == HL_OK)
        status = begin_member(to, HL__LOCKFILE_NAME, strlen(text));
    if (status == HL_OK)
        status = add_bytes(to, text, strlen(text));
    free(text);
    return status;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static hl_status begin(bundling *to, const char *path)
{
    hl_status status = hl__outfile_begin(ACTION, path, &to->file);

    if (status != HL_OK)
        return status;
    to->archive = archive_write_new();
    to->entry = archive_entry_new();
    to->piece = malloc(PIECE);
    if (!to->archive || !to->entry || !to->piece)
        return hl__fail_memory(ACTION);
    if (archive_write_set_format_pax_restricted(to->archive) == ARCHIVE_OK &&
        archive_write_open_fd(to->archive, to->file.fd) == ARCHIVE_OK)
        return HL_OK;
    return fail_write(to);
}

static hl_status add_all(bundling *to)
{
    hl_status status = add_lockfile(to);

    for (size_t i = 0; status == HL_OK && i < to->apps.len; i++)
        status = add_app(to, &to->apps.rows[i]);
    if (status == HL_OK && archive_write_close(to->archive) != ARCHIVE_OK)
        status = fail_write(to);
    return status;
}

static void end(bundling *to)
{
    archive_write_free(to->archive);
    archive_entry_free(to->entry);
    free(to->piece);
    hl__outfile_cleanup(&to->file);
    hl__apps_free(&to->apps);
    hl__apps_place_close(&to->place);
}

/* Under the lock of the apps: no version goes away meanwhile. */
hl_status hl_bundle_write(hl_runtime *runtime, const char *path)
{
    bundling to = {.place = {.folder = -1, .lock = -1}, .file = HL__OUTFILE_INIT};
    hl_status status = path ? HL_OK : hl__fail(HL_ERR_INVALID, ACTION, "path", "Say where the bundle shall be.");

    if (status == HL_OK)
        status = hl__apps_place_open(runtime, &to.place);
    if (status == HL_OK)
        status = hl__apps_place_lock(&to.place, HL__APPS_LOCK_MS);
    if (status == HL_OK)
        status = hl__apps_read(runtime, &to.apps);
    if (status == HL_OK)
        status = begin(&to, path);
    if (status == HL_OK)
        status = add_all(&to);
    if (status == HL_OK)
        status = hl__outfile_place(ACTION, &to.file);
    end(&to);
    return status == HL_OK ? HL_OK : hl__fail_as(ACTION);
}

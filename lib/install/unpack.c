/* A package's files into the staging folder, and the record of the version that they are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/error.h"
#include "install/folder.h"
#include "install/installation.h"
#include "install/placing.h"

#define ACTION "install"
#define SHORT_DIGITS 8

static hl_status unpack_archive(hl__installation *in)
{
    int folder = hl__folder_open(ACTION, in->staging.folder, HL__STAGING_FILES, 0755);
    hl_status status;

    if (folder < 0)
        return hl_last_error()->status;
    status =
        hl__archive_unpack(in->package, folder, &in->policy.archive, hl__course_bytes, &in->course, &in->version.files);
    close(folder);
    return status;
}

/* A folder was copied to where archives are unpacked when it was admitted. */
static hl_status unpack_files(hl__installation *in)
{
    hl_status status = in->package >= 0 ? unpack_archive(in) : HL_OK;

    in->course.report->unpacked_bytes = in->version.files.bytes;
    if (in->package < 0)
        in->course.report->bytes = in->version.files.bytes;
    return status;
}

/* ---- the record -------------------------------------------------------------------------------------------------- */

static const hl__package_file *find_file(const hl__package_files *files, const char *path)
{
    for (size_t i = 0; i < files->len; i++) {
        if (strcmp(files->rows[i].path, path) == 0)
            return &files->rows[i];
    }
    return NULL;
}

/* The manifest's lists move into the record. */
static hl_status take_library(hl__installation *in, hl__manifest_library *from)
{
    hl__app_library *library = &in->version.libraries[in->version.libraries_len];
    const hl__package_file *file = find_file(&in->version.files, from->file);

    if (!file)
        return hl__fail(HL_ERR_MANIFEST, ACTION, "libraries", "The manifest names %s, which is not in the package.",
                        from->file);
    *library = (hl__app_library){.file = from->file,
                                 .plugins = from->plugins,
                                 .isolation = from->isolation,
                                 .plugins_len = from->plugins_len};
    memcpy(library->sha256, file->sha256, sizeof(library->sha256));
    *from = (hl__manifest_library){0};
    in->version.libraries_len++;
    return HL_OK;
}

static hl_status take_libraries(hl__installation *in)
{
    hl_status status = HL_OK;

    in->version.libraries = calloc(in->manifest.libraries_len + 1, sizeof(*in->version.libraries));
    if (!in->version.libraries)
        return hl__fail_memory(ACTION);
    for (size_t i = 0; status == HL_OK && i < in->manifest.libraries_len; i++)
        status = take_library(in, &in->manifest.libraries[i]);
    return status;
}

static void take_lists(hl__manifest *from, hl__app_version *to)
{
    to->needs = from->needs;
    to->needs_len = from->needs_len;
    to->conflicts = from->conflicts;
    to->conflicts_len = from->conflicts_len;
    to->capabilities = from->capabilities;
    to->capabilities_len = from->capabilities_len;
    from->needs = from->conflicts = NULL;
    from->capabilities = NULL;
    from->needs_len = from->conflicts_len = from->capabilities_len = 0;
}

static hl_status name_folder(hl__installation *in)
{
    if (asprintf(&in->version.folder, "%s/%s-%.*s", in->manifest.app, in->manifest.version_text, SHORT_DIGITS,
                 in->course.report->sha256) >= 0)
        return HL_OK;
    in->version.folder = NULL;
    return hl__fail_memory(ACTION);
}

static hl_status make_record(hl__installation *in)
{
    const hl_install_report *report = in->course.report;
    hl__app_version *version = &in->version;

    version->version = strdup(in->manifest.version_text);
    version->source = strdup(report->source);
    version->origin = in->origin;
    in->origin = (hl__origin){0};
    version->sha256 = strdup(report->sha256);
    version->key = strdup(report->key);
    version->installed_at = (int64_t)time(NULL);
    take_lists(&in->manifest, version);
    if (!version->version || !version->source || !version->sha256 || !version->key)
        return hl__fail_memory(ACTION);
    return take_libraries(in);
}

hl_status hl__unpack(hl__installation *in)
{
    hl_status status = unpack_files(in);

    if (status == HL_OK)
        status = make_record(in);
    return status == HL_OK ? name_folder(in) : status;
}

/* An unpacked version into its place beside the others, and back out again when the installation fails after all. */
#include "install/placing.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "install/folder.h"
#include "install/installation.h"

#define ACTION "install"
#define OPEN_FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* The name of the version's folder in the app's. */
static const char *folder_name(const hl__app_version *version)
{
    return strrchr(version->folder, '/') + 1;
}

/* What lies there of an app that is not installed was left by a process that was killed. */
static int open_app_folder(hl__installation *in)
{
    int folder;

    if (!in->old && hl__folder_remove(in->place.folder, in->manifest.app) != HL_OK)
        return -1;
    folder = hl__folder_open(ACTION, in->place.folder, in->manifest.app, 0755);
    if (folder >= 0 && hl__folder_sync(in->place.folder) != HL_OK) {
        close(folder);
        return -1;
    }
    return folder;
}

static bool is_the_same(int app_folder, const hl__app_version *version)
{
    int folder = openat(app_folder, folder_name(version), OPEN_FOLDER);
    bool same = folder >= 0 && hl__package_files_check(folder, &version->files) == HL_OK;

    if (folder >= 0)
        close(folder);
    return same;
}

/* The version to roll back to stays as it is, whatever the package brings. */
static bool is_kept(const hl__installation *in)
{
    return in->old && in->old->before && strcmp(in->old->before->folder, in->version.folder) == 0;
}

/* Another folder of this name is of a version that is not installed any more. */
static hl_status replace(hl__installation *in, int app_folder)
{
    const char *name = folder_name(&in->version);
    bool exists;
    hl_status status = hl__folder_remove(app_folder, name);

    if (status == HL_OK)
        status = hl__folder_place(ACTION, in->staging.folder, HL__STAGING_FILES, app_folder, name, &exists);
    if (status == HL_OK && exists)
        status = hl__fail(HL_ERR_SYSTEM, ACTION, "folder", "%s/%s was made by somebody else.", in->place.path,
                          in->version.folder);
    return status;
}

static hl_status place_files(hl__installation *in, int app_folder)
{
    bool exists, kept = is_kept(in);
    hl_status status =
        hl__folder_place(ACTION, in->staging.folder, HL__STAGING_FILES, app_folder, folder_name(&in->version), &exists);

    if (status != HL_OK)
        return status;
    in->placed = !kept;
    if (!exists || is_the_same(app_folder, &in->version))
        return HL_OK;
    if (kept)
        return hl__fail(HL_ERR_CHECKSUM, ACTION, "folder",
                        "%s/%s, the version to roll back to, was changed on disk; `hookline uninstall` and install.",
                        in->place.path, in->version.folder);
    return replace(in, app_folder);
}

static hl_status place_data(hl__installation *in, int app_folder)
{
    int folder = openat(app_folder, folder_name(&in->version), OPEN_FOLDER);
    hl_status status;

    if (folder < 0)
        return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "folder", "Cannot open %s/%s.", in->place.path,
                              in->version.folder);
    status =
        hl__data_place(folder, &in->version.files, in->manifest.data, in->staging.folder, app_folder, &in->data_placed);
    close(folder);
    return status;
}

hl_status hl__put_in_place(hl__installation *in)
{
    int app_folder = open_app_folder(in);
    hl_status status;

    if (app_folder < 0)
        return hl_last_error()->status;
    status = hl__keep_package(in, app_folder);
    if (status == HL_OK)
        status = place_files(in, app_folder);
    if (status == HL_OK)
        status = place_data(in, app_folder);
    close(app_folder);
    return status;
}

/* What cannot be deleted now is an orphan that hl_gc deletes. */
void hl__take_out_of_place(hl__installation *in)
{
    int app_folder = in->manifest.app ? openat(in->place.folder, in->manifest.app, OPEN_FOLDER) : -1;
    hl__error_copy error;

    if (app_folder < 0)
        return;
    hl__error_save(&error);
    if (in->version.folder && !is_kept(in))
        hl__forget_package(app_folder, folder_name(&in->version));
    if (in->placed && hl__folder_remove(app_folder, folder_name(&in->version)) == HL_OK)
        in->placed = false;
    if (in->data_placed && hl__folder_remove(app_folder, HL__APP_DATA) == HL_OK)
        in->data_placed = false;
    close(app_folder);
    if (!in->old)
        unlinkat(in->place.folder, in->manifest.app, AT_REMOVEDIR);
    hl__error_restore(&error);
}

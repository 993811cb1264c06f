/* Whether a package may be installed at all: its manifest, and the rules about names, versions and other apps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "install/installation.h"
#include "install/lockfile.h"
#include "install/report.h"

#define ACTION "install"

/* ---- the manifest ------------------------------------------------------------------------------------------------ */

/* A folder is read from its copy, which nobody else can change. */
static hl_status read_manifest_text(hl__installation *in, char **text, size_t *len)
{
    hl_status status;

    if (in->package >= 0)
        return hl__archive_examine(in->package, &in->policy.archive, text, len);
    status = hl__private_folder(in);
    return status == HL_OK ? hl__folder_examine(in->folder, &in->policy.archive, text, len) : status;
}

/* A folder is known by all of its files. */
static hl_status hash_folder(hl__installation *in)
{
    char sha256[HL__SHA256_TEXT];
    hl_status status = hl__package_files_digest(&in->version.files, sha256);

    if (status == HL_OK)
        status = hl__report_set(&in->course.report->sha256, sha256);
    if (status != HL_OK || !in->spec.sha256 || hl__digest_same(in->spec.sha256, sha256))
        return status;
    return hl__fail(HL_ERR_CHECKSUM, ACTION, "sha256",
                    "The folder has the checksum %s over all of its files and should have %s; nothing of it was used. "
                    "Look what has changed in it, or give this checksum.",
                    sha256, in->spec.sha256);
}

static hl_status report_manifest(const hl__manifest *manifest, hl_install_report *report)
{
    hl_status status = hl__report_set(&report->app, manifest->app);

    if (status == HL_OK)
        status = hl__report_set(&report->version, manifest->version_text);
    for (size_t i = 0; status == HL_OK && i < manifest->warnings_len; i++)
        status = hl__report_warn(report, "%s", manifest->warnings[i]);
    return status;
}

hl_status hl__admit_text(hl__installation *in, char **text, size_t *len)
{
    hl_status status;

    *text = NULL;
    *len = 0;
    status = read_manifest_text(in, text, len);
    return status == HL_OK && in->package < 0 ? hash_folder(in) : status;
}

hl_status hl__admit_manifest(hl__installation *in, const char *text, size_t len)
{
    hl_status status = hl__manifest_parse(text, len, &in->manifest);

    return status == HL_OK ? report_manifest(&in->manifest, in->course.report) : status;
}

static hl_status read_manifest(hl__installation *in)
{
    char *text = NULL;
    size_t len = 0;
    hl_status status = hl__admit_text(in, &text, &len);

    if (status == HL_OK)
        status = hl__admit_manifest(in, text, len);
    free(text);
    return status == HL_OK ? hl__manifest_fits(&in->manifest) : status;
}

/* ---- what the caller expects (X-029) ----------------------------------------------------------------------------- */

static hl_status check_wishes(const hl__installation *in)
{
    const hl__manifest *manifest = &in->manifest;

    if (in->spec.app && strcmp(in->spec.app, manifest->app) != 0)
        return hl__fail(HL_ERR_MANIFEST, ACTION, "app", "The package is of app %s, not of %s.", manifest->app,
                        in->spec.app);
    if (in->spec.version && strcmp(in->spec.version, manifest->version_text) != 0)
        return hl__fail(HL_ERR_VERSION, ACTION, "version", "The package has version %s, not %s.",
                        manifest->version_text, in->spec.version);
    return HL_OK;
}

/* ---- the rules --------------------------------------------------------------------------------------------------- */

/* Names that other things in the folder of apps have. */
static hl_status check_name_is_free(const char *app)
{
    if (!hl__apps_name_is_own(app))
        return HL_OK;
    return hl__fail(HL_ERR_PROTECTED, ACTION, "app", "No app can have the name %s: Hookline uses it itself.", app);
}

/* IN-10: the same version again is refused too; what runs is never replaced under its own name. */
hl_status hl__admit_version(const hl__installation *in)
{
    hl__version active;
    hl_status status;

    if (!in->old)
        return HL_OK;
    status = hl__version_parse(ACTION, "version", in->old->active.version, &active);
    if (status != HL_OK || hl__version_compare(&in->manifest.version, &active) > 0)
        return status;
    return hl__fail(HL_ERR_VERSION, ACTION, "version",
                    "Version %s of %s is installed and the package has %s; only a newer one can replace it. "
                    "`hookline rollback` goes back.",
                    in->old->active.version, in->manifest.app, in->manifest.version_text);
}

/* The rules about other apps speak of a version's record: of what is known of it by now. */
hl_status hl__admit_needs(const hl__installation *in)
{
    const hl__manifest *manifest = &in->manifest;
    hl__app_version view = {.version = manifest->version_text,
                            .needs = manifest->needs,
                            .needs_len = manifest->needs_len,
                            .conflicts = manifest->conflicts,
                            .conflicts_len = manifest->conflicts_len};

    return hl__apps_check(&in->apps, manifest->app, &view);
}

hl_status hl__admit_lockfile(const hl__installation *in)
{
    char *path = NULL;
    hl_status status;

    if (!(in->spec.flags & HL_INSTALL_LOCKED))
        return HL_OK;
    if (asprintf(&path, "%s/%s", in->place.store, HL__LOCKFILE_NAME) < 0)
        return hl__fail_memory(ACTION);
    status = hl__lockfile_check(path, in->manifest.app, in->manifest.version_text, in->course.report->sha256);
    free(path);
    return status;
}

hl_status hl__admit_name(const hl__installation *in)
{
    hl_status status = check_wishes(in);

    if (status == HL_OK)
        status = check_name_is_free(in->manifest.app);
    return status == HL_OK ? hl__policy_check_app(&in->policy, ACTION, in->manifest.app) : status;
}

hl_status hl__admit(hl__installation *in)
{
    hl_status status = read_manifest(in);

    if (status != HL_OK)
        return status;
    in->old = hl__apps_find(&in->apps, in->manifest.app);
    if (in->old)
        status = hl__report_set(&in->course.report->before, in->old->active.version);
    if (status == HL_OK)
        status = hl__admit_name(in);
    if (status == HL_OK)
        status = hl__admit_version(in);
    if (status == HL_OK && !in->planned)
        status = hl__admit_needs(in);
    return status == HL_OK ? hl__admit_lockfile(in) : status;
}

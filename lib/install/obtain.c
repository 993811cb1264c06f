/* Getting hold of a package: opening what lies on this disk, or downloading it into the staging folder. From here on the
 * opened descriptor is the package; no path is looked at again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "install/fetch.h"
#include "install/folder.h"
#include "install/installation.h"
#include "install/report.h"
#include "install/spec.h"

#define ACTION "install"
#define SUFFIX ".minisig"

/* What was asked for, so that it can be had again; a bundle knows it better. */
static hl_status keep_origin(hl__installation *in, hl_source_type type, const char *location, const char *tag,
                             const char *asset)
{
    if (in->origin.location || hl__origin_set(&in->origin, type, location, tag, asset))
        return HL_OK;
    return hl__fail_memory(ACTION);
}

/* ---- signatures ---------------------------------------------------------------------------------------------------- */

static hl_status read_signature(hl__installation *in, int fd)
{
    ssize_t len;

    in->signature = malloc(HL__SIGNATURE_BYTES_MAX + 1);
    if (!in->signature)
        return hl__fail_memory(ACTION);
    len = pread(fd, in->signature, HL__SIGNATURE_BYTES_MAX + 1, 0);
    if (len < 0)
        return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "signature", "Cannot read the signature.");
    if (len > HL__SIGNATURE_BYTES_MAX)
        return hl__fail(HL_ERR_SIGNATURE, ACTION, "signature", "The signature is longer than %d bytes.",
                        HL__SIGNATURE_BYTES_MAX);
    in->signature_len = (size_t)len;
    return HL_OK;
}

/* A signature that lies beside a package counts; one that the caller names must be there. */
static hl_status read_signature_file(hl__installation *in, const char *path, bool needed)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    hl_status status;

    if (fd < 0 && errno == ENOENT && !needed)
        return HL_OK;
    if (fd < 0)
        return hl__fail_errno(HL_ERR_SIGNATURE, errno, ACTION, "signature", "Cannot open the signature %s.", path);
    status = read_signature(in, fd);
    close(fd);
    return status;
}

static hl_status find_local_signature(hl__installation *in)
{
    char *path = NULL;
    hl_status status;

    if (in->spec.signature)
        return read_signature_file(in, in->spec.signature, true);
    if (asprintf(&path, "%s" SUFFIX, in->spec.location) < 0)
        return hl__fail_memory(ACTION);
    status = read_signature_file(in, path, false);
    free(path);
    return status;
}

/* ---- from this disk (IN-02, SE-05) --------------------------------------------------------------------------------- */

static hl_status open_local(hl__installation *in)
{
    const char *location = in->spec.location;
    int fd = open(location, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return hl__fail_errno(errno == ENOENT ? HL_ERR_NOT_FOUND : HL_ERR_SYSTEM, errno, ACTION, "location",
                              "Cannot open %s.", location);
    in->package = fd;
    if (fstat(fd, &in->seen) < 0)
        return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "location", "Cannot look at %s.", location);
    if (S_ISREG(in->seen.st_mode))
        return find_local_signature(in);
    if (!S_ISDIR(in->seen.st_mode))
        return hl__fail(HL_ERR_INVALID, ACTION, "location", "%s is neither a package file nor a folder.", location);
    if (in->spec.signature)
        return hl__fail(HL_ERR_SIGNATURE, ACTION, "signature",
                        "A folder cannot have a signature; pack it with `hookline pack` and sign the package.");
    in->folder = fd;
    in->package = -1;
    return HL_OK;
}

/* The report tells where a local package lay, from the root. */
static hl_status obtain_local(hl__installation *in)
{
    hl_status status = open_local(in);
    char *path;

    if (status != HL_OK)
        return status;
    path = realpath(in->spec.location, NULL);
    status = hl__report_set(&in->course.report->source, in->from ? in->from : path ? path : in->spec.location);
    if (status == HL_OK)
        status = keep_origin(in, HL_SOURCE_PATH, path ? path : in->spec.location, NULL, NULL);
    free(path);
    return status;
}

/* ---- from elsewhere ------------------------------------------------------------------------------------------------- */

static int open_download(const hl__installation *in, const char *name)
{
    int fd = openat(in->staging.folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        hl__fail_errno(hl__disk_status(errno), errno, ACTION, "staging", "Cannot make a file in %s.", in->staging.path);
    return fd;
}

/* What is not there is not signed; that the network failed is said as it is. */
static hl_status refuse_unsigned(hl__installation *in, const char *url)
{
    char reason[300];

    snprintf(reason, sizeof(reason), "%s", hl_last_error()->message);
    return hl__fail(HL_ERR_SIGNATURE, ACTION, "signature",
                    "The package needs a signature, and %s cannot be had: %s Publish one, or list the source under "
                    "\"unsigned\" in %s.",
                    url, reason, in->policy.path);
}

static hl_status fetch_signature(hl__installation *in, const char *url)
{
    int fd = open_download(in, "signature");
    char *final_url = NULL;
    hl_status status;

    if (fd < 0)
        return hl_last_error()->status;
    status = hl__fetch(&in->policy, url, fd, HL__SIGNATURE_BYTES_MAX, NULL, NULL, &final_url);
    if (status == HL_OK)
        status = read_signature(in, fd);
    free(final_url);
    close(fd);
    return status == HL_ERR_DOWNLOAD ? refuse_unsigned(in, url) : status;
}

static hl_status need_signature(hl__installation *in, const char *url, const char *signature_url)
{
    const char *repository = hl__install_spec_is_github(&in->spec) ? in->spec.location : NULL;

    if (in->spec.signature)
        return read_signature_file(in, in->spec.signature, true);
    if (!hl__policy_needs_signature(&in->policy, url, repository))
        return HL_OK;
    if (!signature_url)
        return hl__fail(HL_ERR_SIGNATURE, ACTION, "signature",
                        "The release has no signature of this package; publish one, or list %s under \"unsigned\" in "
                        "%s.",
                        in->spec.location, in->policy.path);
    return fetch_signature(in, signature_url);
}

static hl_status fetch_package(hl__installation *in, const char *url)
{
    char *final_url = NULL;
    hl_status status;

    in->package = open_download(in, "package");
    if (in->package < 0)
        return hl_last_error()->status;
    status =
        hl__fetch(&in->policy, url, in->package, in->policy.download_bytes, hl__course_bytes, &in->course, &final_url);
    if (status == HL_OK)
        status = hl__report_set(&in->course.report->source, final_url ? final_url : url);
    free(final_url);
    if (status == HL_OK && fstat(in->package, &in->seen) < 0)
        status = hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "staging", "Cannot look at the download.");
    return status;
}

static hl_status download(hl__installation *in, const char *url, const char *signature_url)
{
    hl_status status = hl__course_step(&in->course, HL_STEP_DOWNLOAD);

    if (status == HL_OK)
        status = fetch_package(in, url);
    return status == HL_OK ? need_signature(in, url, signature_url) : status;
}

static hl_status obtain_url(hl__installation *in)
{
    hl_status status = hl__policy_check_url(&in->policy, in->spec.location);
    char *signature_url = NULL;

    if (status != HL_OK)
        return status;
    if (asprintf(&signature_url, "%s" SUFFIX, in->spec.location) < 0)
        return hl__fail_memory(ACTION);
    status = download(in, in->spec.location, signature_url);
    free(signature_url);
    return status == HL_OK ? keep_origin(in, HL_SOURCE_URL, in->spec.location, NULL, NULL) : status;
}

static hl_status obtain_release(hl__installation *in)
{
    hl_status status = hl__policy_check_repository(&in->policy, in->spec.location);
    hl__asset asset = {0};

    if (status == HL_OK)
        status = hl__course_step(&in->course, HL_STEP_RESOLVE);
    if (status == HL_OK)
        status = hl__github_resolve(&in->policy, &in->spec, &asset);
    if (status == HL_OK)
        status = download(in, asset.url, asset.signature_url);
    if (status == HL_OK)
        status = keep_origin(in, HL_SOURCE_GITHUB_TAG, in->spec.location, asset.tag, asset.name);
    hl__asset_cleanup(&asset);
    return status;
}

hl_status hl__obtain(hl__installation *in)
{
    hl_status status = hl__report_set(&in->course.report->source, in->spec.location);

    if (status != HL_OK)
        return status;
    if (hl__install_spec_is_local(&in->spec))
        return obtain_local(in);
    return hl__install_spec_is_github(&in->spec) ? obtain_release(in) : obtain_url(in);
}

/* Getting hold of a package: copying what lies on this disk, or downloading it, into the staging folder. From here on
 * the descriptor of that private file is the package; no path is looked at again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "install/fetch.h"
#include "install/installation.h"
#include "install/report.h"
#include "install/spec.h"
#include "install/url.h"

#define ACTION "install"
#define SUFFIX ".minisig"

static hl_status report_url(hl__installation *in, const char *url)
{
    char *shown = hl__url_shown(url);
    hl_status status = shown ? hl__report_set(&in->course.report->source, shown) : hl__fail_memory(ACTION);

    free(shown);
    return status;
}

/* What was asked for, so that it can be had again; a bundle knows it better. */
static hl_status keep_origin(hl__installation *in, hl_source_type type, const char *location, const char *tag,
                             const char *asset)
{
    if (in->origin.location || hl__origin_set(&in->origin, type, location, tag, asset))
        return HL_OK;
    return hl__fail_memory(ACTION);
}

/* ---- signatures -------------------------------------------------------------------------------------------------- */

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

/* ---- from this disk (IN-02, SE-05) ------------------------------------------------------------------------------- */

static hl_status take_file(hl__installation *in, int fd, uint64_t len)
{
    hl_status status = hl__private_package(in, fd, len);

    close(fd);
    return status == HL_OK ? find_local_signature(in) : status;
}

static hl_status take_folder(hl__installation *in, int fd)
{
    in->folder = fd;
    if (!in->spec.signature)
        return HL_OK;
    return hl__fail(HL_ERR_SIGNATURE, ACTION, "signature",
                    "A folder cannot have a signature; pack it with `hookline pack` and sign the package.");
}

static hl_status open_local(hl__installation *in)
{
    const char *location = in->spec.location;
    int fd = open(location, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat about;

    if (fd < 0)
        return hl__fail_errno(errno == ENOENT ? HL_ERR_NOT_FOUND : HL_ERR_SYSTEM, errno, ACTION, "location",
                              "Cannot open %s.", location);
    if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode))
        return take_file(in, fd, (uint64_t)about.st_size);
    if (fstat(fd, &about) == 0 && S_ISDIR(about.st_mode))
        return take_folder(in, fd);
    close(fd);
    return hl__fail(HL_ERR_INVALID, ACTION, "location", "%s is neither a package file nor a folder.", location);
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

/* ---- from elsewhere ---------------------------------------------------------------------------------------------- */

/* What is not there is not signed; that the network failed is said as it is. */
static hl_status refuse_unsigned(hl__installation *in, const char *url)
{
    char reason[300], shown[300];

    hl__url_show(url, shown, sizeof(shown));
    snprintf(reason, sizeof(reason), "%s", hl_last_error()->message);
    return hl__fail(HL_ERR_SIGNATURE, ACTION, "signature",
                    "The package needs a signature, and %s cannot be had: %s Publish one, or list the source under "
                    "\"unsigned\" in %s.",
                    shown, reason, in->policy.path);
}

static hl_status fetch_signature(hl__installation *in, const char *url)
{
    int fd = hl__private_file(in, "signature");
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

/* A repository that is named as unsigned may keep its packages anywhere; a host speaks for itself only, so that both
 * the one that was asked and the one that answered have to be named. */
static bool may_be_unsigned(const hl__installation *in, const char *asked, const char *answered)
{
    const hl__policy *policy = &in->policy;

    if (hl__install_spec_is_github(&in->spec) && !hl__policy_needs_signature(policy, NULL, in->spec.location))
        return true;
    return !hl__policy_needs_signature(policy, asked, NULL) && !hl__policy_needs_signature(policy, answered, NULL);
}

static hl_status need_signature(hl__installation *in, const char *url, const char *answered, const char *signature_url)
{
    if (in->spec.signature)
        return read_signature_file(in, in->spec.signature, true);
    if (may_be_unsigned(in, url, answered))
        return HL_OK;
    if (!signature_url)
        return hl__fail(HL_ERR_SIGNATURE, ACTION, "signature",
                        "The release has no signature of this package; publish one, or list %s under \"unsigned\" in "
                        "%s.",
                        in->spec.location, in->policy.path);
    return fetch_signature(in, signature_url);
}

/* *answered, owned by the caller, is where it came from in the end. */
static hl_status fetch_package(hl__installation *in, const char *url, char **answered)
{
    hl_status status;

    in->package = hl__private_file(in, HL__STAGING_PACKAGE);
    if (in->package < 0)
        return hl_last_error()->status;
    status =
        hl__fetch(&in->policy, url, in->package, in->policy.download_bytes, hl__course_bytes, &in->course, answered);
    return status == HL_OK ? report_url(in, *answered) : status;
}

static hl_status download(hl__installation *in, const char *url, const char *signature_url)
{
    hl_status status = hl__course_step(&in->course, HL_STEP_DOWNLOAD);
    char *answered = NULL;

    if (status == HL_OK)
        status = fetch_package(in, url, &answered);
    if (status == HL_OK)
        status = need_signature(in, url, answered, signature_url);
    free(answered);
    return status;
}

/* What a query was needed for is not kept: such a source has to be named anew. */
static hl_status keep_url(hl__installation *in)
{
    char *shown = hl__url_shown(in->spec.location);
    hl_status status = shown ? keep_origin(in, HL_SOURCE_URL, shown, NULL, NULL) : hl__fail_memory(ACTION);

    free(shown);
    return status;
}

/* The report has it already; the same address twice says nothing. */
static hl_status keep_answered(hl__installation *in)
{
    const char *answered = in->course.report->source;

    if (strcmp(answered, in->origin.location) == 0 || hl__origin_set_answered(&in->origin, answered))
        return HL_OK;
    return hl__fail_memory(ACTION);
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
    if (status == HL_OK)
        status = keep_url(in);
    return status == HL_OK ? keep_answered(in) : status;
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
    bool named = hl__install_spec_is_local(&in->spec) || hl__install_spec_is_github(&in->spec);
    hl_status status =
        named ? hl__report_set(&in->course.report->source, in->spec.location) : report_url(in, in->spec.location);

    if (status != HL_OK)
        return status;
    if (hl__install_spec_is_local(&in->spec))
        return obtain_local(in);
    return hl__install_spec_is_github(&in->spec) ? obtain_release(in) : obtain_url(in);
}

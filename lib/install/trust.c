/* Whether the package is the one that was meant: its checksum and its signature. What is looked at is the private copy
 * that everything after it is taken from too. */
#include <errno.h>
#include <sys/stat.h>

#include "core/error.h"
#include "install/installation.h"
#include "install/report.h"

#define ACTION "install"

/* SE-07, X-020: compared before anything of the package is read. */
static hl_status check_pin(const hl__installation *in, const char *sha256)
{
    if (!in->spec.sha256 || hl__digest_same(in->spec.sha256, sha256))
        return HL_OK;
    return hl__fail(
        HL_ERR_CHECKSUM, ACTION, "sha256",
        "The package has the checksum %s and should have %s; nothing of it was used. Fetch it anew, or give "
        "the checksum that its publisher tells.",
        sha256, in->spec.sha256);
}

hl_status hl__check_signature(hl__installation *in)
{
    char key_id[HL__KEY_ID_TEXT];
    hl_status status;

    if (!in->signature)
        return HL_OK;
    status = hl__signature_verify(in->signature, in->signature_len, in->package, in->policy.keys, in->policy.keys_len,
                                  key_id);
    return status == HL_OK ? hl__report_set(&in->course.report->key, key_id) : status;
}

/* A folder's checksum is taken over the copies of its files, when they are examined. */
hl_status hl__check_checksum(hl__installation *in)
{
    char sha256[HL__SHA256_TEXT];
    struct stat about;
    hl_status status;

    if (in->package < 0)
        return HL_OK;
    if (fstat(in->package, &about) < 0)
        return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "location", "Cannot look at the package.");
    in->course.report->bytes = (uint64_t)about.st_size;
    status = hl__digest_fd(in->package, sha256);
    if (status == HL_OK)
        status = hl__report_set(&in->course.report->sha256, sha256);
    if (status == HL_OK)
        status = check_pin(in, sha256);
    return status;
}

hl_status hl__check_trust(hl__installation *in)
{
    hl_status status = hl__check_checksum(in);

    return status == HL_OK ? hl__check_signature(in) : status;
}

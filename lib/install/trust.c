/* Whether the opened package is the one that was meant: its checksum, its signature, and that nobody writes to it while
 * it is installed. */
#include <string.h>

#include "core/error.h"
#include "install/installation.h"
#include "install/report.h"

#define ACTION "install"

/* SE-07, X-020: compared before anything of the package is read. */
static hl_status check_pin(const hl__installation *in, const char *sha256)
{
    if (!in->spec.sha256 || hl__digest_same(in->spec.sha256, sha256))
        return HL_OK;
    return hl__fail(HL_ERR_CHECKSUM, ACTION, "sha256",
                    "The package has the checksum %s and should have %s; nothing of it was used.", sha256,
                    in->spec.sha256);
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

/* A folder's checksum is its manifest's, which is read later. */
hl_status hl__check_checksum(hl__installation *in)
{
    char sha256[HL__SHA256_TEXT];
    hl_status status;

    if (in->package < 0)
        return HL_OK;
    in->course.report->bytes = (uint64_t)in->seen.st_size;
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

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* The time of the last change cannot be set back: a file that was written to since has another one. */
hl_status hl__check_untouched(const hl__installation *in)
{
    struct stat now;

    if (in->package < 0)
        return HL_OK;
    if (fstat(in->package, &now) == 0 && now.st_size == in->seen.st_size && same_time(&now.st_ctim, &in->seen.st_ctim))
        return HL_OK;
    return hl__fail(HL_ERR_CHECKSUM, ACTION, "location",
                    "The package was written to while it was being installed; nothing of it was used.");
}

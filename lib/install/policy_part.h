/* What the files of the policy share: its fields are read in policy_fields.c, its file in policy.c. */
#ifndef HL_INSTALL_POLICY_PART_H
#define HL_INSTALL_POLICY_PART_H

#include <jansson.h>

#include "install/policy.h"
#include "install/url.h"

#define HL__POLICY_ACTION "read policy"
#define HL__POLICY_BYTES_MAX ((size_t)1 << 20)
#define HL__TOKEN_BYTES_MAX 1024

/* HL_ERR_POLICY over a field of the file; its path is put before the message. */
hl_status hl__policy_refuse(const hl__policy *policy, const char *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Reads every field of the document into the policy. */
hl_status hl__policy_read_fields(hl__policy *policy, json_t *document);

/* A file that is only believed when nobody else can have written it, or read it. */
typedef struct hl__policy_file {
    const char *field; /* that names it */
    const char *path;
    unsigned forbidden; /* bits that its mode must not have */
    uint32_t owner;     /* it may belong to this user, to this process's and to root */
    size_t most;        /* bytes */
} hl__policy_file;

/* Its text, owned by the caller. HL_ERR_NOT_FOUND where there is none; everything else is HL_ERR_POLICY. */
hl_status hl__policy_read_file(const hl__policy *policy, const hl__policy_file *file, char **text, size_t *len);

/* "owner/repository" in GitHub's letters. */
bool hl__policy_is_repository(const char *text);

/* Whether two addresses are one place for a rule: the same host and port; http only where the rule is for http. */
bool hl__policy_host_fits(const char *host, uint16_t port, bool http, const hl__url *url);

#endif

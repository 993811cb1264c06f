/* What may be installed from where. The policy of a store is the file install.json in its folder; without one nothing
 * remote is allowed and every limit has its default (closed by default: SE-02..SE-04).
 *
 *   {"hosts": ["packages.example.org", "http://build.internal:8080"], "repositories": ["owner/repository"],
 *    "keys": ["RWQ..."], "unsigned": ["owner/repository", "packages.example.org"], "protected": ["billing"],
 *    "limits": {"download_bytes": N, "download_seconds": N, "stall_seconds": N, "redirects": N, "entries": N,
 *               "unpacked_bytes": N, "name_bytes": N, "ratio": N},
 *    "keep": 1, "github_api": "https://api.github.com", "ca_file": "/path", "token_file": "/path"} */
#ifndef HL_INSTALL_POLICY_H
#define HL_INSTALL_POLICY_H

#include "install/archive.h"
#include "install/minisign.h"

#define HL__POLICY_NAME "install.json"

typedef struct hl__policy_host {
    char *host;    /* lowercase, without a dot at the end */
    uint16_t port; /* 443 or 80 where none is named */
    bool http;     /* listed with http://: plain http is allowed */
} hl__policy_host;

typedef struct hl__policy {
    char *path; /* the file, for messages */
    hl__policy_host *hosts;
    size_t hosts_len, hosts_room;
    char **repositories; /* "owner/repository", lowercase */
    size_t repositories_len, repositories_room;
    char **unsigned_sources; /* hosts and repositories whose packages need no signature */
    size_t unsigned_len, unsigned_room;
    char **protected_apps; /* beyond "hookline" */
    size_t protected_len, protected_room;
    hl__public_key *keys;
    size_t keys_len, keys_room;
    hl__archive_limits archive;
    uint64_t download_bytes;
    uint32_t download_seconds; /* for the whole download */
    uint32_t stall_seconds;    /* without any progress */
    uint32_t redirects;
    uint32_t keep;    /* versions beside the active one that hl_gc leaves */
    char *github_api; /* without a slash at the end */
    char *ca_file;    /* NULL: the system's */
    char *token;      /* of token_file, sent to github_api only; NULL: none */
} hl__policy;

/* Reads a folder's policy. A policy that cannot be understood refuses everything: HL_ERR_POLICY naming the field.
 * Unknown fields are refused too: a mistyped rule must not be no rule. Freed with hl__policy_cleanup, also after a
 * failure. */
hl_status hl__policy_load(const char *store_folder, hl__policy *out);
void hl__policy_cleanup(hl__policy *policy);

/* HL_ERR_POLICY naming the rule and the line to add (SE-03, SE-04, SE-14, X-017). `repository` requests may also go to
 * the API's host and to what it names as asset host only if that is listed. */
hl_status hl__policy_check_url(const hl__policy *policy, const char *url);
hl_status hl__policy_check_repository(const hl__policy *policy, const char *repository);
/* HL_ERR_PROTECTED (SE-02, X-023). */
hl_status hl__policy_check_app(const hl__policy *policy, const char *action, const char *app);
/* Whether a package from this URL, or of this repository (may be NULL), has to be signed. */
bool hl__policy_needs_signature(const hl__policy *policy, const char *url, const char *repository);

#endif

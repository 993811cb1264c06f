/* Downloads with libcurl: to a file, never into memory; every address is held against the policy before it is used. */
#ifndef HL_INSTALL_FETCH_H
#define HL_INSTALL_FETCH_H

#include <hookline/install.h>

#include "install/policy.h"

/* False cancels: HL_ERR_CANCELLED. total 0: not known yet. */
typedef bool hl__fetch_progress_fn(void *user, uint64_t done, uint64_t total);

/* Downloads url into the open, empty file `fd`, at most `most` bytes. Redirects are followed one by one, each checked
 * (SE-14); a transfer that breaks is resumed where it stopped, a few times; content is taken as it comes, never decoded
 * (SE-13). *final_url (owned by the caller) is where it came from in the end. HL_ERR_POLICY, HL_ERR_LIMIT,
 * HL_ERR_DOWNLOAD with the reason, HL_ERR_CANCELLED, HL_ERR_STORE_FULL for a full disk. Proxies come from the
 * environment. */
hl_status hl__fetch(const hl__policy *policy, const char *url, int fd, uint64_t most, hl__fetch_progress_fn *progress,
                    void *user, char **final_url);

/* A release's asset. */
typedef struct hl__asset {
    char *name;
    char *url;
    char *signature_url; /* of the asset named like it with ".minisig" behind; NULL: the release has none */
    char *tag;
} hl__asset;

/* Asks the release API and chooses the asset: the one named, else the one package for this processor and C library
 * (`-x86_64-gnu` or the like in its name, or one package alone). HL_ERR_ASSET lists what there is (DL-02..DL-05,
 * */
hl_status hl__github_resolve(const hl__policy *policy, const hl_install_spec *spec, hl__asset *out);
void hl__asset_cleanup(hl__asset *asset);

/* The choice alone, from the text of the API's answer: for tests and fuzzing. */
hl_status hl__github_choose(const char *text, size_t len, const char *wished, hl__asset *out);

#endif

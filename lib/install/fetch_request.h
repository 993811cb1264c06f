/* A download with all that one can ask for; called by hl__fetch and by the release API. */
#ifndef HL_INSTALL_FETCH_REQUEST_H
#define HL_INSTALL_FETCH_REQUEST_H

#include "install/fetch.h"

#define HL__FETCH_ACTION "download"

typedef struct hl__fetch_request {
    const hl__policy *policy;
    const char *url;
    int fd;
    uint64_t most;
    bool api; /* the policy's release API: its host needs no entry, the token is sent, redirects are refused */
    hl__fetch_progress_fn *progress; /* may be NULL */
    void *user;
} hl__fetch_request;

/* As hl__fetch. */
hl_status hl__fetch_run(const hl__fetch_request *request, char **final_url);

#endif

/* Downloads: from redirect to redirect, and again where a transfer breaks. Called by the installation; see fetch.h. */
#include "install/fetch.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/error.h"
#include "install/exchange.h"
#include "install/url.h"

#define REQUESTS_MAX 5 /* the first, and those that bring the rest */
#define PAUSE_NS INT64_C(100000000)

/* The chain begins at the first address each time: what it leads to may be good for a few minutes only. */
typedef struct chain {
    hl__transfer transfer;
    char *url; /* where it is */
    uint32_t redirects;
} chain;

static hl_status check_address(const chain *chain)
{
    const hl__fetch_request *request = chain->transfer.request;
    char shown[256];

    if (!request->api)
        return hl__policy_check_url(request->policy, chain->url);
    if (chain->redirects == 0)
        return HL_OK;
    hl__url_show(request->url, shown, sizeof(shown));
    return hl__fail(HL_ERR_DOWNLOAD, HL__FETCH_ACTION, "location",
                    "%s: the repository has moved. Give its new name, and list that in the policy.", shown);
}

static hl_status check_redirects(const chain *chain)
{
    uint32_t most = chain->transfer.request->policy->redirects;

    if (chain->redirects <= most)
        return HL_OK;
    return hl__fail(
        HL_ERR_LIMIT, HL__FETCH_ACTION, "limits.redirects",
        "The server leads on more than %u times, perhaps in a circle; the policy's \"limits\" can allow more.", most);
}

/* Follows redirects from the first address to an answer. */
static hl__outcome follow(chain *chain)
{
    hl__transfer *transfer = &chain->transfer;
    hl__outcome outcome = HL__EXCHANGE_REDIRECT;
    char *next = strdup(transfer->request->url);

    for (chain->redirects = 0; outcome == HL__EXCHANGE_REDIRECT; chain->redirects++) {
        free(chain->url);
        chain->url = next;
        next = NULL;
        transfer->status = chain->url ? check_redirects(chain) : hl__fail_memory(HL__FETCH_ACTION);
        if (transfer->status == HL_OK)
            transfer->status = check_address(chain);
        outcome = transfer->status == HL_OK ? hl__exchange(transfer, chain->url, &next) : HL__EXCHANGE_FAILED;
    }
    return outcome;
}

/* A server that stays silent from the start is not asked again: each time would cost the whole patience. */
static bool may_go_on(const chain *chain, unsigned requests)
{
    return requests < REQUESTS_MAX && (!chain->transfer.stalled || chain->transfer.came > 0);
}

static hl_status fail_broken(const chain *chain, unsigned requests)
{
    const hl__transfer *transfer = &chain->transfer;
    char shown[300];

    hl__url_show(chain->url, shown, sizeof(shown));
    return hl__fail(HL_ERR_DOWNLOAD, HL__FETCH_ACTION, "location",
                    "%s: %s, after %llu bytes, at try %u. Try again when the network is better.", shown,
                    transfer->reason, (unsigned long long)transfer->done, requests);
}

static void pause_before(unsigned requests)
{
    struct timespec pause = {0, PAUSE_NS * requests};

    nanosleep(&pause, NULL);
}

static hl_status run(chain *chain)
{
    hl__outcome outcome = follow(chain);
    unsigned requests = 1;

    while (outcome == HL__EXCHANGE_BROKEN && may_go_on(chain, requests)) {
        pause_before(requests);
        requests++;
        outcome = follow(chain);
    }
    if (outcome == HL__EXCHANGE_BROKEN)
        return fail_broken(chain, requests);
    return outcome == HL__EXCHANGE_DONE ? HL_OK : chain->transfer.status;
}

/* The last word on progress: all that came is all there is. */
static hl_status tell_end(const hl__transfer *transfer)
{
    const hl__fetch_request *request = transfer->request;

    if (!request->progress || request->progress(request->user, transfer->done, transfer->done))
        return HL_OK;
    return hl__fail(HL_ERR_CANCELLED, HL__FETCH_ACTION, "", "The download was cancelled.");
}

hl_status hl__fetch_run(const hl__fetch_request *request, char **final_url)
{
    chain chain = {.url = NULL};
    hl_status status = hl__transfer_init(&chain.transfer, request);

    *final_url = NULL;
    if (status == HL_OK)
        status = run(&chain);
    if (status == HL_OK)
        status = tell_end(&chain.transfer);
    if (status == HL_OK) {
        *final_url = chain.url;
        chain.url = NULL;
    }
    free(chain.url);
    hl__transfer_cleanup(&chain.transfer);
    return status;
}

hl_status hl__fetch(const hl__policy *policy, const char *url, int fd, uint64_t most, hl__fetch_progress_fn *progress,
                    void *user, char **final_url)
{
    const hl__fetch_request request = {policy, url, fd, most, false, progress, user};

    return hl__fetch_run(&request, final_url);
}

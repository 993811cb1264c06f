/* What to say when a server answers something other than content. Called for each such answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/error.h"
#include "install/exchange.h"
#include "install/url.h"

static bool is_rate_limit(const hl__transfer *transfer, long code)
{
    return code == 429 ||
           (code == 403 && (strcmp(transfer->answer.rate_left, "0") == 0 || transfer->answer.retry_after[0]));
}

/* " until 2026-01-31 13:00 UTC", or nothing where the server did not say. */
static void say_when(const hl__answer *answer, char *out, size_t out_len)
{
    time_t at = (time_t)strtoll(answer->rate_reset, NULL, 10);
    struct tm parts;

    out[0] = '\0';
    if (strspn(answer->retry_after, "0123456789") && strlen(answer->retry_after) < 10)
        snprintf(out, out_len, " for %.9s seconds", answer->retry_after);
    else if (at > 0 && strlen(answer->rate_reset) < 12 && gmtime_r(&at, &parts))
        strftime(out, out_len, " until %Y-%m-%d %H:%M UTC", &parts);
}

static hl_status refuse_rate(const hl__transfer *transfer, const char *shown, long code)
{
    const char *remedy = "wait, and try again";
    char when[64];

    if (transfer->request->api && !transfer->request->policy->token)
        remedy = "wait, or name a \"token_file\" in the policy, which gives more";
    say_when(&transfer->answer, when, sizeof(when));
    return hl__fail(HL_ERR_DOWNLOAD, HL__FETCH_ACTION, "location",
                    "%s: the server answers %ld: too many requests; it refuses more%s; %s.", shown, code, when, remedy);
}

static const char *remedy_of(const hl__transfer *transfer, long code)
{
    bool api = transfer->request->api;

    if (code == 404 && api)
        return "there is no such repository or release; a private one needs a \"token_file\" in the policy";
    if ((code == 401 || code == 403) && api)
        return "the token of the policy's \"token_file\" is missing, wrong, or may not read this repository";
    if (code == 404 || code == 410)
        return "there is nothing at this address";
    if (code == 401 || code == 403)
        return "it does not give this to everybody";
    if (code >= 500)
        return "it has trouble; try again later";
    return "only 200 with the content is taken";
}

hl_status hl__answer_refuse(const hl__transfer *transfer, const char *url, long code)
{
    char shown[300];

    hl__url_show(url, shown, sizeof(shown));
    if (code == 0)
        return hl__fail(HL_ERR_DOWNLOAD, HL__FETCH_ACTION, "location",
                        "%s: the server leads elsewhere, but not to an address.", shown);
    if (is_rate_limit(transfer, code))
        return refuse_rate(transfer, shown, code);
    return hl__fail(HL_ERR_DOWNLOAD, HL__FETCH_ACTION, "location", "%s: the server answers %ld: %s.", shown, code,
                    remedy_of(transfer, code));
}

/* The site: what the server does with a request, whoever brought it. Used by http.c and input.c. */
#ifndef SITE_H
#define SITE_H

#include <hookline/hookline.h>

#include "http_event.h"

/* Typed calls: http_request_call takes a struct http_exchange and nothing else. */
HL_TYPED_CALLS(http_request)
HL_TYPED_CALLS(http_response)
HL_TYPED_CALLS(http_log)

struct site {
    hl_runtime *runtime;
    hl_subscription *subscription;
    http_request_event request;
    http_response_event response;
    http_log_event log;
    bool timed; /* count the time of every dispatch */
};

/* Opens the store, the three events and the server's own plugins. On failure hl_last_error tells why, and site_close
 * cleans up. */
hl_status site_open(struct site *site, const char *store, bool timed);
void site_close(struct site *site);

/* Runs `request` and `response`. Afterwards the exchange has its status and headers. Returns the verdict of
 * `request`. */
int64_t site_answer(struct site *site, struct http_exchange *exchange);

/* Runs `log`, when the answer is out. */
void site_log(struct site *site, struct http_exchange *exchange);

#endif

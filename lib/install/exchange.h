/* One request and its answer: the part of a download that talks to libcurl. Called by fetch.c only. */
#ifndef HL_INSTALL_EXCHANGE_H
#define HL_INSTALL_EXCHANGE_H

#include <curl/curl.h>

#include "install/fetch_request.h"

#define HL__HEADER_TEXT 256

/* What is remembered of an answer's header. */
typedef struct hl__answer {
    char etag[HL__HEADER_TEXT];
    char retry_after[HL__HEADER_TEXT];
    char rate_left[HL__HEADER_TEXT];  /* requests that the release API still allows */
    char rate_reset[HL__HEADER_TEXT]; /* seconds since 1970 */
    uint64_t range_begin;
    uint64_t range_total; /* 0: not told */
    bool has_range;
} hl__answer;

/* A download from its first request to its last. */
typedef struct hl__transfer {
    const hl__fetch_request *request;
    CURL *easy;
    uint64_t done;  /* bytes that the file has */
    uint64_t total; /* 0: not known */
    uint64_t deadline_ns;
    char validator[HL__HEADER_TEXT]; /* tells a server that the file has not changed; "": it cannot be resumed */
    /* of the exchange that is going on */
    hl__answer answer;
    char *location; /* where a redirect leads; NULL: it did not say */
    bool begun;     /* its content is what was asked for, and is being written */
    bool unwanted;  /* its content is not */
    bool stalled;
    uint64_t came; /* bytes */
    uint64_t heard_ns;
    hl_status status; /* of a failure that no further request can help; the thread's error is set */
    char reason[CURL_ERROR_SIZE];
} hl__transfer;

typedef enum hl__outcome {
    HL__EXCHANGE_DONE = 1,
    HL__EXCHANGE_REDIRECT, /* to *next */
    HL__EXCHANGE_BROKEN,   /* reason tells; another request may bring the rest */
    HL__EXCHANGE_FAILED    /* status tells */
} hl__outcome;

hl_status hl__transfer_init(hl__transfer *transfer, const hl__fetch_request *request);
void hl__transfer_cleanup(hl__transfer *transfer);

/* Sends one request for `url`, which has been checked, and takes its answer. *next is owned by the caller. */
hl__outcome hl__exchange(hl__transfer *transfer, const char *url, char **next);

/* Fails over what a server answered other than content: 404 and the like. */
hl_status hl__answer_refuse(const hl__transfer *transfer, const char *url, long code);

#endif

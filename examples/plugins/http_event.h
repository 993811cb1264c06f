/* The events of the example HTTP server, shared by the server and its plugins.
 *
 *   request   before the answer is made; a plugin that answers itself sets `status` and halts
 *   response  before the answer is sent; plugins may change the status and add headers
 *   log       after it was sent; nothing that is changed here has an effect
 *
 * All three see the same struct, which belongs to one exchange and one thread. */
#ifndef HTTP_EVENT_H
#define HTTP_EVENT_H

#include <stdio.h>

#include <hookline/plugin.h>
#include <hookline/typed.h>

#define HTTP_HEADERS_MAX 8

struct http_header {
    char name[32];
    char value[96];
};

struct http_exchange {
    char method[16];
    char path[256];
    char client[48];      /* address of the peer, as text */
    int64_t time_ns;      /* when the request came, nanoseconds since 1970 */
    uint64_t duration_ns; /* log: until the answer was handed to the network */
    uint64_t bytes;       /* of the answer's body */
    uint32_t status;      /* request: 0 until somebody answers */
    uint32_t headers_len;
    struct http_header headers[HTTP_HEADERS_MAX]; /* to add to the answer */
};

/* clang-format off */
#define HTTP_EXCHANGE_FIELDS                                     \
    HL_FIELD(struct http_exchange, char[16], method),            \
    HL_FIELD(struct http_exchange, char[256], path),             \
    HL_FIELD(struct http_exchange, char[48], client),            \
    HL_FIELD(struct http_exchange, int64_t, time_ns),            \
    HL_FIELD(struct http_exchange, uint64_t, duration_ns),       \
    HL_FIELD(struct http_exchange, uint64_t, bytes),             \
    HL_FIELD(struct http_exchange, uint32_t, status),            \
    HL_FIELD(struct http_exchange, uint32_t, headers_len),       \
    HL_FIELD(struct http_exchange, struct http_header[HTTP_HEADERS_MAX], headers)
/* clang-format on */

HL_TYPED_EVENT(http_request, "request", struct http_exchange, HTTP_EXCHANGE_FIELDS)
HL_TYPED_EVENT(http_response, "response", struct http_exchange, HTTP_EXCHANGE_FIELDS)
HL_TYPED_EVENT(http_log, "log", struct http_exchange, HTTP_EXCHANGE_FIELDS)

/* Adds a header to the answer. False when there is no room for it; longer names and values are cut. */
static inline bool http_add_header(struct http_exchange *exchange, const char *name, const char *value)
{
    struct http_header *header;

    if (exchange->headers_len >= HTTP_HEADERS_MAX)
        return false;
    header = &exchange->headers[exchange->headers_len++];
    snprintf(header->name, sizeof(header->name), "%s", name);
    snprintf(header->value, sizeof(header->value), "%s", value);
    return true;
}

#endif

/* The answers of the tests' server; see answer.h. */
#include "tests/packages/support/answer.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PIECE_BYTES 16384
#define NEVER UINT64_MAX
#define RESET_PAUSE_MS 50
#define KEYS_MAX 1000

unsigned char test_made_up_byte(uint64_t at)
{
    return (unsigned char)(at * 31 + (at >> 8) * 7 + (at >> 16));
}

static const char *name_of(unsigned code)
{
    switch (code) {
    case 200:
        return "OK";
    case 206:
        return "Partial Content";
    case 404:
        return "Not Found";
    default:
        return "Something";
    }
}

void test_answer_code(const test_wire *wire, unsigned code, const char *query)
{
    static const char body[] = "<html>this is no package</html>\n";
    char head[4096], target[2048] = "", location[2064] = "", rate[128] = "";

    if (test_query(query, "redirect", target, sizeof(target)))
        snprintf(location, sizeof(location), "Location: %s\r\n", target);
    if (test_query_has(query, "rate"))
        snprintf(rate, sizeof(rate), "X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 1900000000\r\n");
    snprintf(head, sizeof(head),
             "HTTP/1.1 %u %s\r\n%s%sSet-Cookie: a=b\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", code,
             name_of(code), location, rate, strlen(body));
    if (test_wire_send(wire, head, strlen(head)))
        test_wire_send(wire, body, strlen(body));
}

/* ---- content ---- */

/* How one answer goes out. */
typedef struct sending {
    const test_wire *wire;
    const test_content *content;
    const char *query;
    uint64_t at, end;
    uint64_t reset_at, stall_at, close_at; /* bytes of this answer; NEVER */
    uint64_t drip_ms;
    bool chunked, rotten;
} sending;

static size_t piece(const sending *sending, unsigned char *bytes, size_t len)
{
    const test_content *content = sending->content;

    if (content->fd >= 0) {
        ssize_t got = pread(content->fd, bytes, len, (off_t)sending->at);

        len = got > 0 ? (size_t)got : 0;
    } else if (content->text) {
        memcpy(bytes, content->text + sending->at, len);
    } else {
        for (size_t i = 0; i < len; i++)
            bytes[i] = test_made_up_byte(sending->at + i);
    }
    if (sending->rotten && len > 0 && sending->at <= content->len / 2 && sending->at + len > content->len / 2)
        bytes[content->len / 2 - sending->at] ^= 1;
    return len;
}

static bool send_piece(const sending *sending, const unsigned char *bytes, size_t len)
{
    char head[32];

    if (!sending->chunked)
        return test_wire_send(sending->wire, bytes, len);
    snprintf(head, sizeof(head), "%zx\r\n", len);
    return test_wire_send(sending->wire, head, strlen(head)) && test_wire_send(sending->wire, bytes, len) &&
           test_wire_send(sending->wire, "\r\n", 2);
}

static void sleep_ms(uint64_t ms)
{
    struct timespec pause = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};

    nanosleep(&pause, NULL);
}

static size_t next_len(const sending *sending, uint64_t sent)
{
    const uint64_t ends[] = {sending->end - sending->at, sending->reset_at - sent, sending->stall_at - sent,
                             sending->close_at - sent};
    uint64_t len = sending->drip_ms ? 1 : PIECE_BYTES;

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        len = ends[i] < len ? ends[i] : len;
    return (size_t)len;
}

static void send_body(sending *sending)
{
    unsigned char bytes[PIECE_BYTES];
    uint64_t sent = 0;
    size_t len;

    while ((len = next_len(sending, sent)) > 0) {
        len = piece(sending, bytes, len);
        if (len == 0 || !send_piece(sending, bytes, len))
            return;
        sending->at += len;
        sent += len;
        if (sending->drip_ms)
            sleep_ms(sending->drip_ms);
    }
    if (sent == sending->reset_at) {
        sleep_ms(RESET_PAUSE_MS); /* what has not been read yet would be lost with the reset */
        test_wire_reset(sending->wire);
    } else if (sent == sending->stall_at) {
        test_wire_wait(sending->wire);
    } else if (sent != sending->close_at && sending->chunked) {
        test_wire_send(sending->wire, "0\r\n\r\n", 5);
    }
}

/* "bytes=N-", if the server does that and the content is what the client has the beginning of. */
static uint64_t wanted_begin(const test_request *request, const char *query, const test_content *content,
                             const char *etag)
{
    uint64_t begin = 0;
    char off[8];

    if (test_query(query, "ranges", off, sizeof(off)) || sscanf(request->range, "bytes=%" SCNu64 "-", &begin) != 1)
        return 0;
    if (request->if_range[0] && strcmp(request->if_range, etag) != 0)
        return 0;
    return begin < content->len ? begin : 0;
}

static void make_etag(const char *query, const test_content *content, char *out, size_t out_len)
{
    static atomic_uint count;
    char how[16] = "";

    test_query(query, "etag", how, sizeof(how));
    if (strcmp(how, "none") == 0)
        out[0] = '\0';
    else if (strcmp(how, "weak") == 0)
        snprintf(out, out_len, "W/%s", content->etag);
    else if (strcmp(how, "changing") == 0)
        snprintf(out, out_len, "\"%u\"", atomic_fetch_add(&count, 1));
    else
        snprintf(out, out_len, "%s", content->etag);
}

/* What the head says of the length: the truth, a lie, nothing, or that chunks follow. */
static void make_length(const char *query, const sending *sending, char *out, size_t out_len)
{
    char claim[32];

    if (sending->chunked)
        snprintf(out, out_len, "Transfer-Encoding: chunked\r\n");
    else if (!test_query(query, "length", claim, sizeof(claim)))
        snprintf(out, out_len, "Content-Length: %" PRIu64 "\r\n", sending->end - sending->at);
    else if (strcmp(claim, "none") == 0)
        out[0] = '\0';
    else
        snprintf(out, out_len, "Content-Length: %s\r\n", claim);
}

static bool send_head(const sending *sending, const char *query, const char *etag)
{
    uint64_t begin = sending->at;
    char head[1024], length[64], range[128] = "", tag[128] = "";

    make_length(query, sending, length, sizeof(length));
    if (etag[0])
        snprintf(tag, sizeof(tag), "ETag: %s\r\n", etag);
    if (begin > 0 && test_query_has(query, "wrong_range"))
        begin--;
    if (sending->at > 0)
        snprintf(range, sizeof(range), "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n", begin,
                 sending->end - 1, sending->content->len);
    snprintf(head, sizeof(head), "HTTP/1.1 %s\r\n%s%s%s%sSet-Cookie: a=b\r\nConnection: close\r\n\r\n",
             sending->at > 0 ? "206 Partial Content" : "200 OK", length, range, tag,
             test_query_has(query, "gzip") ? "Content-Encoding: gzip\r\n" : "");
    return test_wire_send(sending->wire, head, strlen(head));
}

/* Whether the query has a key of "once" that an earlier one had. */
static bool was_seen(const char *query)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static char keys[KEYS_MAX][32];
    static size_t keys_len;
    char key[32];
    bool seen = false;

    if (!test_query(query, "once", key, sizeof(key)))
        return false;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < keys_len && !seen; i++)
        seen = strcmp(keys[i], key) == 0;
    if (!seen && keys_len < KEYS_MAX)
        memcpy(keys[keys_len++], key, sizeof(key));
    pthread_mutex_unlock(&lock);
    return seen;
}

void test_answer_content(const test_wire *wire, const test_request *request, const char *query,
                         const test_content *content)
{
    bool spared = was_seen(query);
    sending sending = {.wire = wire, .content = content, .query = query, .end = content->len};
    char etag[96];

    make_etag(query, content, etag, sizeof(etag));
    sending.at = wanted_begin(request, query, content, etag);
    sending.reset_at = spared ? NEVER : test_query_number(query, "reset", NEVER);
    sending.stall_at = spared ? NEVER : test_query_number(query, "stall", NEVER);
    sending.close_at = spared ? NEVER : test_query_number(query, "close", NEVER);
    sending.drip_ms = test_query_number(query, "drip", 0);
    sending.chunked = test_query_has(query, "chunked");
    sending.rotten = test_query_has(query, "rotten");
    if (send_head(&sending, query, etag))
        send_body(&sending);
}

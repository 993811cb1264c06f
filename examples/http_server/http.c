/* The site over HTTP: one exchange for each request, answered with a line of text. See http.h. */
#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "stats.h"

#define IDLE_S 30
#define STOP_STEPS 200
#define STOP_STEP_US 10000

struct http {
    struct MHD_Daemon *daemon;
    struct site *site;
    unsigned in_flight; /* requests whose `log` event has not run yet */
};

/* One request, from its first header to its last byte. */
struct request {
    struct http_exchange exchange;
    uint64_t begun_ns;
    bool answered;
};

/* ---- a request ------------------------------------------------------------------------------------------------- */

static void set_client(struct http_exchange *exchange, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr_in *address = info ? (const struct sockaddr_in *)info->client_addr : NULL;

    if (!address || !inet_ntop(AF_INET, &address->sin_addr, exchange->client, sizeof(exchange->client)))
        snprintf(exchange->client, sizeof(exchange->client), "unknown");
}

static struct request *request_new(struct MHD_Connection *connection, const char *url, const char *method)
{
    struct request *request = calloc(1, sizeof(*request));
    struct http_exchange *exchange;
    struct timespec now;

    if (!request)
        return NULL;
    exchange = &request->exchange;
    clock_gettime(CLOCK_REALTIME, &now);
    exchange->time_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    request->begun_ns = stats_now_ns();
    snprintf(exchange->method, sizeof(exchange->method), "%s", method);
    if ((size_t)snprintf(exchange->path, sizeof(exchange->path), "%s", url) >= sizeof(exchange->path))
        exchange->status = MHD_HTTP_URI_TOO_LONG;
    set_client(exchange, connection);
    return request;
}

static enum MHD_Result send_text(struct MHD_Connection *connection, const struct http_exchange *exchange,
                                 unsigned status, char *text, size_t text_len)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(text_len, text, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result;

    if (!response)
        return MHD_NO;
    for (uint32_t i = 0; exchange && i < exchange->headers_len; i++)
        MHD_add_response_header(response, exchange->headers[i].name, exchange->headers[i].value);
    result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result send_answer(struct http *http, struct MHD_Connection *connection, struct request *request)
{
    struct http_exchange *exchange = &request->exchange;
    char text[sizeof(exchange->path) + 16];

    request->answered = true;
    __atomic_fetch_add(&http->in_flight, 1, __ATOMIC_RELAXED);
    site_answer(http->site, exchange);
    exchange->bytes = (uint64_t)snprintf(text, sizeof(text), "%u %s\n", exchange->status, exchange->path);
    return send_text(connection, exchange, exchange->status, text, (size_t)exchange->bytes);
}

/* What --stats adds. It passes no event: it must not count itself. */
static enum MHD_Result send_stats(struct MHD_Connection *connection)
{
    char *text = NULL;
    size_t text_len = 0;
    FILE *file = open_memstream(&text, &text_len);
    enum MHD_Result result = MHD_NO;

    if (!file)
        return MHD_NO;
    stats_write(file);
    if (fclose(file) == 0)
        result = send_text(connection, NULL, MHD_HTTP_OK, text, text_len);
    free(text);
    return result;
}

/* Called with the headers, then with each part of the body, which is dropped, then to answer. */
static enum MHD_Result handle(void *user, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *body, size_t *body_len, void **per_request)
{
    struct http *http = (struct http *)user;

    (void)version;
    (void)body;
    if (!*per_request) {
        *per_request = request_new(connection, url, method);
        return *per_request ? MHD_YES : MHD_NO;
    }
    if (*body_len > 0) {
        *body_len = 0;
        return MHD_YES;
    }
    if (http->site->timed && strcmp(url, "/stats") == 0)
        return send_stats(connection);
    return send_answer(http, connection, (struct request *)*per_request);
}

static void completed(void *user, struct MHD_Connection *connection, void **per_request,
                      enum MHD_RequestTerminationCode why)
{
    struct http *http = (struct http *)user;
    struct request *request = (struct request *)*per_request;

    (void)connection;
    (void)why;
    if (request && request->answered) {
        request->exchange.duration_ns = stats_now_ns() - request->begun_ns;
        site_log(http->site, &request->exchange);
        __atomic_fetch_sub(&http->in_flight, 1, __ATOMIC_RELEASE);
    }
    free(request);
    *per_request = NULL;
}

/* ---- starting and stopping ------------------------------------------------------------------------------------- */

struct http *http_start(struct site *site, uint16_t port, unsigned threads)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct http *http = calloc(1, sizeof(*http));

    if (!http)
        return NULL;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    http->site = site;
    errno = 0;
    http->daemon = MHD_start_daemon(MHD_USE_AUTO_INTERNAL_THREAD | MHD_USE_ITC, port, NULL, NULL, handle, http,
                                    MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address, MHD_OPTION_THREAD_POOL_SIZE,
                                    threads > 1 ? threads : 0U, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
                                    MHD_OPTION_NOTIFY_COMPLETED, completed, http, MHD_OPTION_END);
    if (http->daemon)
        return http;
    free(http);
    return NULL;
}

uint16_t http_port(const struct http *http)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_BIND_PORT);

    return info ? info->port : 0;
}

void http_stop(struct http *http)
{
    int listener;

    if (!http)
        return;
    listener = MHD_quiesce_daemon(http->daemon);
    for (int i = 0; i < STOP_STEPS && __atomic_load_n(&http->in_flight, __ATOMIC_ACQUIRE) > 0; i++)
        usleep(STOP_STEP_US);
    MHD_stop_daemon(http->daemon);
    if (listener >= 0)
        close(listener);
    free(http);
}

/* The site: three events, the plugins that the server brings itself, and an exchange's way through them. This is the
 * part that shows Hookline; everything else is an ordinary server. */
#include "site.h"

#include <string.h>

#include "stats.h"

/* ---- the server's own plugins ---------------------------------------------------------------------------------- */

static const char *const folders[] = {"/hello", "/files/", "/users/"};

static bool known_path(const char *path)
{
    if (strcmp(path, "/") == 0)
        return true;
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        if (strncmp(path, folders[i], strlen(folders[i])) == 0)
            return true;
    return false;
}

/* Decides what the path means, unless a plugin before it has. */
static hl_reply route(void *self, struct http_exchange *exchange, const void *meta)
{
    (void)self;
    (void)meta;
    if (exchange->status == 0)
        exchange->status = known_path(exchange->path) ? 200 : 404;
    return hl_next(exchange);
}
HL_TYPED_PLUGIN(http_request, route)

static hl_reply content_type(void *self, struct http_exchange *exchange, const void *meta)
{
    (void)meta;
    http_add_header(exchange, "Content-Type", (const char *)self);
    return hl_next(exchange);
}
HL_TYPED_PLUGIN(http_response, content_type)

/* `self` is the plugin's own data: here two counters, which all threads share. */
struct traffic {
    uint64_t requests;
    uint64_t bytes;
};

static struct traffic traffic;

static hl_reply count_traffic(void *self, struct http_exchange *exchange, const void *meta)
{
    struct traffic *sum = (struct traffic *)self;

    (void)meta;
    __atomic_fetch_add(&sum->requests, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&sum->bytes, exchange->bytes, __ATOMIC_RELAXED);
    return hl_next(exchange);
}
HL_TYPED_PLUGIN(http_log, count_traffic)

static hl_health_state traffic_health(void *self, char *reason, size_t reason_len)
{
    struct traffic *sum = (struct traffic *)self;

    snprintf(reason, reason_len, "%llu requests so far",
             (unsigned long long)__atomic_load_n(&sum->requests, __ATOMIC_RELAXED));
    return HL_HEALTH_OK;
}

/* Registers the plugins, as at every start: their code lives in this program. HL_START starts what is new; a plugin
 * that an operator stopped stays stopped. */
static hl_status register_own(hl_runtime *runtime)
{
    hl_plugin_spec own[] = {
        HL_TYPED_PLUGIN_INIT("router", http_request, route),
        HL_TYPED_PLUGIN_INIT("content-type", http_response, content_type),
        HL_TYPED_PLUGIN_INIT("traffic", http_log, count_traffic),
    };
    hl_status status = HL_OK;

    own[0].priority = 90;
    own[1].priority = 20;
    own[1].self = (void *)(uintptr_t) "text/plain; charset=utf-8";
    own[2].self = &traffic;
    own[2].health = traffic_health;
    for (size_t i = 0; status == HL_OK && i < sizeof(own) / sizeof(own[0]); i++)
        status = hl_register(runtime, &own[i], HL_START);
    return status;
}

/* ---- what Hookline tells ---------------------------------------------------------------------------------------- */

static void print_log(void *user, hl_log_level level, const char *component, const char *line)
{
    (void)user;
    if (level <= HL_LOG_INFO)
        fprintf(stderr, "http-server: %s: %s\n", component, line);
}

static void on_notice(const hl_notice *notice, void *user)
{
    (void)user;
    stats_notice(notice);
    if (notice->kind == HL_NOTICE_SWAPPED || notice->kind == HL_NOTICE_COMPILED)
        fprintf(stderr, "http-server: %s: generation %llu %s\n", notice->event, (unsigned long long)notice->generation,
                notice->kind == HL_NOTICE_SWAPPED ? "runs" : "is compiled");
    if (notice->kind == HL_NOTICE_LOAD_FAILED || notice->kind == HL_NOTICE_COMPILE_FAILED)
        fprintf(stderr, "http-server: %s: %s\n", notice->event, notice->reason);
}

/* ---- opening and closing --------------------------------------------------------------------------------------- */

hl_status site_open(struct site *site, const char *store, bool timed)
{
    hl_options options = HL_OPTIONS_INIT;
    hl_status status;

    memset(site, 0, sizeof(*site));
    site->timed = timed;
    options.store = store;
    options.flags = HL_OPEN_RECORD_FAULTS; /* should a plugin end this process, the next start knows which */
    options.log = print_log;
    status = hl_open(&options, &site->runtime);
    if (status == HL_OK)
        status = hl_subscribe(site->runtime, on_notice, NULL, &site->subscription);
    if (status == HL_OK)
        status = http_request_open(site->runtime, &site->request);
    if (status == HL_OK)
        status = http_response_open(site->runtime, &site->response);
    if (status == HL_OK)
        status = http_log_open(site->runtime, &site->log);
    return status == HL_OK ? register_own(site->runtime) : status;
}

void site_close(struct site *site)
{
    hl_unsubscribe(site->subscription);
    hl_close(site->runtime);
    stats_free();
}

/* ---- an exchange ----------------------------------------------------------------------------------------------- */

/* A clock is read only where somebody wants to know: a dispatch takes less time than reading it. */
static uint64_t begin(const struct site *site)
{
    return site->timed ? stats_now_ns() : 0;
}

static void end(const struct site *site, enum stats_event event, uint64_t begun_ns)
{
    if (site->timed)
        stats_count(event, stats_now_ns() - begun_ns);
}

/* A chain that failed, or could not run because a plugin's code is missing. */
static void fail_exchange(struct http_exchange *exchange, int64_t verdict)
{
    exchange->status = verdict == HL_ERR_NOT_LOADED ? 503 : 500;
    exchange->headers_len = 0;
}

int64_t site_answer(struct site *site, struct http_exchange *exchange)
{
    uint64_t begun_ns = begin(site);
    hl_reply reply = http_request_call(site->request, exchange, NULL);
    int64_t verdict = reply.verdict;

    end(site, STATS_REQUEST, begun_ns);
    if (verdict < 0)
        fail_exchange(exchange, verdict);
    else if (exchange->status == 0)
        exchange->status = 404;

    begun_ns = begin(site);
    reply = http_response_call(site->response, exchange, NULL);
    end(site, STATS_RESPONSE, begun_ns);
    if (reply.verdict < 0)
        fail_exchange(exchange, reply.verdict);
    return verdict;
}

void site_log(struct site *site, struct http_exchange *exchange)
{
    uint64_t begun_ns = begin(site);
    hl_reply reply = http_log_call(site->log, exchange, NULL);

    end(site, STATS_LOG, begun_ns);
    if (reply.verdict < 0)
        fprintf(stderr, "http-server: log: %s\n", hl_last_error()->message);
}

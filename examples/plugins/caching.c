/* A plugin library with two plugins on one event, of which one depends on the other: `vary` runs after `cache-control`,
 * though its priority would put it first, and only while `cache-control` runs. */
#include "http_event.h"

static hl_reply cache_control(void *self, struct http_exchange *exchange, const void *meta)
{
    (void)self;
    (void)meta;
    http_add_header(exchange, "Cache-Control", exchange->status == 200 ? "max-age=60" : "no-store");
    return hl_next(exchange);
}
HL_TYPED_PLUGIN(http_response, cache_control)

static hl_reply vary(void *self, struct http_exchange *exchange, const void *meta)
{
    (void)self;
    (void)meta;
    http_add_header(exchange, "Vary", "Accept-Encoding");
    return hl_next(exchange);
}
HL_TYPED_PLUGIN(http_response, vary)

static const char *const vary_depends[] = {"cache-control", NULL};

static const hl_plugin_spec plugins[] = {
    {
        .size = sizeof(hl_plugin_spec),
        .name = "cache-control",
        .event = http_response_event_name,
        .call = cache_control_call,
        .contract = &http_response_contract,
        .priority = 70,
    },
    {
        .size = sizeof(hl_plugin_spec),
        .name = "vary",
        .event = http_response_event_name,
        .call = vary_call,
        .depends = vary_depends,
        .contract = &http_response_contract,
        .priority = 30,
    },
};

HL_PLUGIN_LIBRARY("caching", "1.0.0", plugins)

/* A plugin library with one plugin: every answer says what served it. The smallest useful typed plugin. */
#include "http_event.h"

/* The build makes a second version with another place in the chain. */
#ifndef ADD_HEADER_PRIORITY
#define ADD_HEADER_PRIORITY 50
#define ADD_HEADER_VERSION "1.0.0"
#endif

static hl_reply add_header(void *self, struct http_exchange *exchange, const void *meta)
{
    (void)meta;
    http_add_header(exchange, "X-Served-By", (const char *)self);
    return hl_next(exchange);
}
HL_TYPED_PLUGIN(http_response, add_header)

static const hl_plugin_spec plugins[] = {{
    .size = sizeof(hl_plugin_spec),
    .name = "add-header",
    .event = http_response_event_name,
    .call = add_header_call,
    .self = (void *)"hookline",
    .contract = &http_response_contract,
    .priority = ADD_HEADER_PRIORITY,
}};

HL_PLUGIN_LIBRARY("add-header", ADD_HEADER_VERSION, plugins)

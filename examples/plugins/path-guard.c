/* A plugin library that answers 403 to paths that no honest client asks for: with ".." in them, or with bytes that are
 * no printable text. Ends the chain, so that no other plugin sees such a path. */
#include <string.h>

#include "http_event.h"

static bool printable(const char *path)
{
    for (; *path; path++)
        if ((unsigned char)*path < ' ' || *path == 0x7f)
            return false;
    return true;
}

static hl_reply path_guard(void *self, struct http_exchange *exchange, const void *meta)
{
    (void)self;
    (void)meta;
    if (!strstr(exchange->path, "..") && printable(exchange->path))
        return hl_next(exchange);
    exchange->status = 403;
    return hl_halt(exchange);
}
HL_TYPED_PLUGIN(http_request, path_guard)

static const hl_plugin_spec plugins[] = {{
    .size = sizeof(hl_plugin_spec),
    .name = "path-guard",
    .event = http_request_event_name,
    .call = path_guard_call,
    .contract = &http_request_contract,
    .priority = 5,
}};

HL_PLUGIN_LIBRARY("path-guard", "1.0.0", plugins)

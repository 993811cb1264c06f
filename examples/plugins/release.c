/* A plugin library that is made to come as a package, in two versions: every answer says which version made it, and how
 * many answers there were. Shows functions that carry state from one version to the next. */
#include <string.h>

#include "http_event.h"

/* The build makes a second version with another place in the chain. */
#ifndef RELEASE_VERSION
#define RELEASE_VERSION "1.0.0"
#define RELEASE_PRIORITY 60
#endif

static uint64_t answers;

static hl_reply release(void *self, struct http_exchange *exchange, const void *meta)
{
    uint64_t number = __atomic_add_fetch((uint64_t *)self, 1, __ATOMIC_RELAXED);
    char value[64];

    (void)meta;
    snprintf(value, sizeof(value), RELEASE_VERSION " answer %llu", (unsigned long long)number);
    http_add_header(exchange, "X-Release", value);
    return hl_next(exchange);
}
HL_TYPED_PLUGIN(http_response, release)

static int64_t save(void *bytes, size_t room)
{
    uint64_t number = __atomic_load_n(&answers, __ATOMIC_RELAXED);

    if (room >= sizeof(number))
        memcpy(bytes, &number, sizeof(number));
    return sizeof(number);
}

static int restore(const void *bytes, size_t len, const char *from_version)
{
    (void)from_version;
    if (len != sizeof(answers))
        return -1;
    memcpy(&answers, bytes, len);
    return 0;
}

static const hl_plugin_spec plugins[] = {{
    .size = sizeof(hl_plugin_spec),
    .name = "release",
    .event = http_response_event_name,
    .call = release_call,
    .self = &answers,
    .contract = &http_response_contract,
    .priority = RELEASE_PRIORITY,
}};

HL_PLUGIN_LIBRARY_STATE("release", RELEASE_VERSION, plugins, NULL, NULL, save, restore)

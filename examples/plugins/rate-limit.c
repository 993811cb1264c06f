/* A plugin library that answers 429 to clients that ask too often: at most HTTP_RATE_LIMIT requests (100,000 unless the
 * environment says otherwise) a second from one address. Shows state behind `self`, ending a chain, and a load
 * function. */
#include <stdlib.h>

#include "http_event.h"

#define SLOTS 256
#define NS_PER_S INT64_C(1000000000)

/* One count for all addresses that share a slot: nobody gets more than the limit, few get less. The second and the
 * count are one word, so that threads need no lock. */
struct limiter {
    uint32_t limit;
    uint64_t slots[SLOTS]; /* high half: the second; low half: requests in it */
};

static struct limiter limiter;

static uint64_t *slot_of(struct limiter *limits, const char *client)
{
    uint32_t hash = UINT32_C(2166136261);

    for (; *client; client++)
        hash = (hash ^ (unsigned char)*client) * UINT32_C(16777619);
    return &limits->slots[hash % SLOTS];
}

static uint32_t count_request(uint64_t *slot, uint32_t second)
{
    uint64_t before = __atomic_load_n(slot, __ATOMIC_RELAXED);
    uint64_t after;

    do
        after = before >> 32 == second ? before + 1 : (uint64_t)second << 32 | 1;
    while (!__atomic_compare_exchange_n(slot, &before, after, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return (uint32_t)after;
}

static hl_reply rate_limit(void *self, struct http_exchange *exchange, const void *meta)
{
    struct limiter *limits = (struct limiter *)self;
    uint32_t second = (uint32_t)(exchange->time_ns / NS_PER_S);

    (void)meta;
    if (count_request(slot_of(limits, exchange->client), second) <= limits->limit)
        return hl_next(exchange);
    exchange->status = 429;
    http_add_header(exchange, "Retry-After", "1");
    return hl_halt(exchange);
}
HL_TYPED_PLUGIN(http_request, rate_limit)

/* Refuses a limit that is no positive number. */
static int load(void)
{
    const char *text = getenv("HTTP_RATE_LIMIT");
    char *end = NULL;
    unsigned long limit = text ? strtoul(text, &end, 10) : 100000;

    if (limit == 0 || limit > UINT32_MAX || (end && *end))
        return -1;
    limiter.limit = (uint32_t)limit;
    return 0;
}

static const hl_plugin_spec plugins[] = {{
    .size = sizeof(hl_plugin_spec),
    .name = "rate-limit",
    .event = http_request_event_name,
    .call = rate_limit_call,
    .self = &limiter,
    .contract = &http_request_contract,
    .priority = 10,
}};

HL_PLUGIN_LIBRARY_HOOKS("rate-limit", "1.0.0", plugins, load, NULL)

/* Stubs: what a chain calls in the place of a plugin that runs in workers. A stub carries the state there and back;
 * what comes back is checked, and goes into the caller's state only when the call went well. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/isolate.h"
#include "worker/isolated_inside.h"
#include "worker/plugin_call.h"

#define ACTION HL__WORKER_ACTION
#define STACK_BYTES 16384 /* of a state in its codec's form; larger ones are allocated */

/* One call's state on its way. */
typedef struct carried {
    const hl__isolated *isolated;
    void *state;
    const void *meta;
    hl_reply reply;
} carried;

/* ---- there ---- */

static hl_status refuse_encoding(const carried *carried, int64_t answer)
{
    return hl__fail(HL_ERR_PLUGIN, ACTION, carried->isolated->name,
                    "The event's codec cannot encode the state: it returned %lld.", (long long)answer);
}

/* The codec writes into memory of our own first: it may read what it wrote, and the worker can write to the area at any
 * time. Returns the length, or a negative status. */
static int64_t encode_large(const carried *carried, void *area, size_t room, size_t len)
{
    const hl_codec *codec = carried->isolated->codec;
    void *bytes = malloc(len);
    int64_t wrote;

    if (!bytes)
        return hl__fail_memory(ACTION);
    wrote = codec->encode(carried->state, bytes, len);
    if (wrote < 0)
        wrote = refuse_encoding(carried, wrote);
    else if ((uint64_t)wrote <= len && (uint64_t)wrote <= room)
        memcpy(area, bytes, (size_t)wrote);
    else
        wrote = hl__fail(HL_ERR_LIMIT, ACTION, carried->isolated->name,
                         "The state's codec asks for more room each time it is asked.");
    free(bytes);
    return wrote;
}

static int64_t encode(const carried *carried, void *area, size_t room)
{
    unsigned char bytes[STACK_BYTES];
    int64_t len = carried->isolated->codec->encode(carried->state, bytes, sizeof(bytes));

    if (len < 0)
        return refuse_encoding(carried, len);
    if ((uint64_t)len > room)
        return hl__fail(HL_ERR_LIMIT, ACTION, carried->isolated->name,
                        "The encoded state has %lld bytes; a worker takes %zu.", (long long)len, room);
    if ((uint64_t)len > sizeof(bytes))
        return encode_large(carried, area, room, (size_t)len);
    memcpy(area, bytes, (size_t)len);
    return len;
}

static int64_t fill_state(const carried *carried, void *area, size_t room)
{
    if (!carried->state)
        return 0;
    if (carried->isolated->codec)
        return encode(carried, area, room);
    memcpy(area, carried->state, carried->isolated->state_size);
    return (int64_t)carried->isolated->state_size;
}

static int64_t fill(void *user, void *area, size_t area_bytes, uint32_t *part)
{
    const carried *carried = user;
    size_t meta_size = carried->isolated->meta_size;
    int64_t len = fill_state(carried, area, area_bytes - hl__plugin_meta_at(meta_size));
    size_t at;

    if (len < 0)
        return len;
    *part = (uint32_t)len;
    if (!carried->meta || !meta_size)
        return len;
    at = hl__plugin_meta_at((size_t)len);
    memcpy((unsigned char *)area + at, carried->meta, meta_size);
    return (int64_t)(at + meta_size);
}

static uint32_t flags_of(const carried *carried)
{
    uint32_t flags = carried->state ? 0 : HL__PLUGIN_NO_STATE;

    if (carried->meta && carried->isolated->meta_size)
        flags |= HL__PLUGIN_META;
    if (carried->isolated->codec)
        flags |= HL__PLUGIN_ENCODED;
    return flags;
}

/* ---- and back ---- */

static hl_status refuse(const carried *carried, const char *what)
{
    return hl__fail(HL_ERR_PLUGIN, ACTION, carried->isolated->name, "A worker replied with %s.", what);
}

/* Decoded from a copy: what the codec has checked cannot change under it. */
static hl_status decode(const carried *carried, const void *area, size_t len)
{
    unsigned char small[STACK_BYTES];
    unsigned char *bytes = len > sizeof(small) ? malloc(len) : small;
    bool accepted;

    if (!bytes)
        return hl__fail_memory(ACTION);
    memcpy(bytes, area, len);
    accepted = carried->isolated->codec->decode(carried->state, bytes, len) != NULL;
    if (bytes != small)
        free(bytes);
    return accepted ? HL_OK : refuse(carried, "a state that the event's codec refuses");
}

static hl_status take_state(const carried *carried, const hl__reply_head *head, const void *area)
{
    if (!carried->state)
        return refuse(carried, "a state where it was given none");
    if (carried->isolated->codec)
        return decode(carried, area, head->len);
    if (head->len != carried->isolated->state_size)
        return refuse(carried, "a state of another size than the event's");
    memcpy(carried->state, area, head->len);
    return HL_OK;
}

/* The plugins behind this one are called with what it replies, and may rely on their state. */
static hl_status take_no_state(const carried *carried, int64_t verdict)
{
    return carried->state && verdict == HL_NEXT ? refuse(carried, "no state where it was given one") : HL_OK;
}

static hl_status take(void *user, const hl__reply_head *head, const void *area)
{
    carried *carried = user;
    hl_status status = HL_OK;

    carried->reply = (hl_reply){NULL, head->verdict};
    if (head->verdict != HL_NEXT && head->verdict != HL_HALT)
        return HL_OK;
    if (head->flags & HL__PLUGIN_NO_STATE)
        return take_no_state(carried, head->verdict);
    status = take_state(carried, head, area);
    carried->reply.state = carried->state;
    return status;
}

/* ---- the stubs ---- */

static hl_status call(const hl__isolated *isolated, carried *carried)
{
    hl__pool_call call = {.function = HL__PLUGIN_CALL,
                          .flags = flags_of(carried),
                          .fill = fill,
                          .take = take,
                          .user = carried};

    return hl__pool_call_worker(isolated->pool, &call);
}

static inline __attribute__((always_inline)) hl_reply call_or(void *self, void *state, const void *meta,
                                                              hl_on_failure policy)
{
    const hl__isolated *isolated = self;
    carried carried = {isolated, state, meta, {NULL, 0}};
    hl_status status = call(isolated, &carried);

    if (status == HL_OK)
        return carried.reply;
    if (status == HL_ERR_UNSUPPORTED && isolated->inline_call)
        return isolated->inline_call(isolated->inline_self, state, meta);
    if (policy == HL_SKIP_PLUGIN)
        return hl_next(state);
    if (policy == HL_HALT_CHAIN)
        return hl_halt(state);
    return hl_fail(status);
}

hl_reply hl__isolated_fail(void *self, void *state, const void *meta)
{
    return call_or(self, state, meta, HL_FAIL_CHAIN);
}

hl_reply hl__isolated_skip(void *self, void *state, const void *meta)
{
    return call_or(self, state, meta, HL_SKIP_PLUGIN);
}

hl_reply hl__isolated_halt(void *self, void *state, const void *meta)
{
    return call_or(self, state, meta, HL_HALT_CHAIN);
}

/* Calling functions of modules: the arguments are written into the worker's area, and the reply is copied out of it
 * before anything of it is looked at; see module_wire.h. A module that dies, hangs or lies is an answer here. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <hookline/modules.h>

#include "core/error.h"
#include "module/load.h"
#include "module/module_wire.h"
#include "module/value_tree.h"

#define TIMEOUT_MS 5000u           /* MX-01 */
#define KEPT_BYTES ((size_t)65536) /* of an area, after a call */

typedef struct call {
    const char *action;
    const hl_key *key;
    const char *function;
    size_t function_len;
    const hl_value *args;
    size_t args_len; /* in CBOR */
    uint64_t deadline_ns;
    size_t filled; /* bytes of the last request */
    bool begun;    /* by a worker that has ended since */
    hl_value **result;
} call;

/* ---- the request ------------------------------------------------------------------------------------------------- */

static hl_status check_call(const call *asked)
{
    hl_value_kind kind = hl_value_kind_of(asked->args);

    if (!asked->key || !asked->result)
        return hl__fail(HL_ERR_INVALID, asked->action, asked->key ? "result" : "key", "The pointer is NULL.");
    if (!asked->function || asked->function_len == 0 || asked->function_len > HL__MODULE_FUNCTION_MAX)
        return hl__fail(HL_ERR_INVALID, asked->action, "function", "A function's name has 1 to %d bytes.",
                        HL__MODULE_FUNCTION_MAX);
    if (kind != HL_VALUE_LIST && kind != HL_VALUE_NULL)
        return hl__fail(HL_ERR_INVALID, asked->action, "args", "Arguments are a list, or NULL for none.");
    return HL_OK;
}

static hl_status begin(hl_runtime *runtime, uint32_t timeout_ms, call *asked, hl__module_room **room)
{
    hl_status status;

    asked->deadline_ns = hl__now_ns() + (timeout_ms ? timeout_ms : TIMEOUT_MS) * UINT64_C(1000000);
    asked->function_len = asked->function ? strnlen(asked->function, HL__MODULE_FUNCTION_MAX + 1) : 0;
    if (asked->result)
        *asked->result = NULL;
    status = check_call(asked);
    if (status == HL_OK)
        status = hl__value_measure(asked->args, &asked->args_len);
    if (status == HL_OK)
        status = hl__module_room_need(runtime, asked->action, room);
    return status;
}

static int64_t fill(void *user, void *area, size_t area_bytes, uint32_t *part)
{
    call *asked = user;

    asked->filled = asked->function_len + asked->args_len;
    if (asked->filled > area_bytes)
        return hl__fail(HL_ERR_LIMIT, asked->action, "args", "The arguments have %zu bytes; the area has %zu.",
                        asked->args_len, area_bytes);
    memcpy(area, asked->function, asked->function_len);
    hl__value_write(asked->args, (char *)area + asked->function_len, asked->args_len);
    *part = (uint32_t)asked->function_len;
    return (int64_t)asked->filled;
}

/* ---- the reply --------------------------------------------------------------------------------------------------- */

/* Pages that a large call took go back to the system, the first ones excepted. */
static void give_back(const void *area, size_t used)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t)area + KEPT_BYTES + page - 1) & ~(page - 1);
    uintptr_t to = ((uintptr_t)area + used) & ~(page - 1);

    if (to > from)
        madvise((void *)from, to - from, MADV_REMOVE); /* without it they stay with the worker */
}

/* Printable, whatever the worker wrote. */
static void clean(char *sentence, size_t len)
{
    bool readable = hl__is_utf8(sentence, len);

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)sentence[i];

        if (c < 0x20 || c == 0x7f || (c >= 0x80 && !readable))
            sentence[i] = '?';
    }
    sentence[len] = '\0';
}

static hl_status checked_refusal(int64_t verdict)
{
    switch (verdict) {
    case HL_ERR_NOT_FOUND:
    case HL_ERR_INVALID:
    case HL_ERR_LIMIT:
    case HL_ERR_NO_MEMORY:
        return (hl_status)verdict;
    default:
        return HL_ERR_PLUGIN;
    }
}

/* A refusal is the worker program's; else it is the function's own word, whose status is told as the field. */
static hl_status take_failure(const call *asked, const hl__reply_head *reply, const void *area)
{
    char sentence[HL__MODULE_SENTENCE_MAX + 1];
    size_t len = reply->len < HL__MODULE_SENTENCE_MAX ? reply->len : HL__MODULE_SENTENCE_MAX;
    hl_status said = reply->verdict < 0 && reply->verdict >= INT32_MIN ? (hl_status)reply->verdict : HL_ERR_PLUGIN;

    memcpy(sentence, area, len);
    clean(sentence, len);
    if (reply->flags & HL__MODULE_REFUSED)
        return hl__fail(checked_refusal(reply->verdict), asked->action, "function", "%s", sentence);
    return hl__fail(HL_ERR_PLUGIN, asked->action, hl_status_name(said), "%s",
                    len > 0 ? sentence : hl_status_text(said));
}

static hl_status take_result(const call *asked, const hl__reply_head *reply, const void *area)
{
    void *copy = malloc((size_t)reply->len + 1);
    hl__error_copy error;
    hl_status status;

    if (!copy)
        return hl__fail_memory(asked->action);
    memcpy(copy, area, reply->len);
    status = hl__value_decode_until(copy, reply->len, asked->deadline_ns, asked->result);
    free(copy);
    if (status == HL_OK || status == HL_ERR_NO_MEMORY || status == HL_ERR_TIMEOUT)
        return status;
    hl__error_save(&error);
    return hl__fail(HL_ERR_PLUGIN, asked->action, "result", "What the module's worker replied is no value: %s",
                    error.message);
}

static hl_status take(void *user, const hl__reply_head *reply, const void *area)
{
    call *asked = user;
    hl_status status = reply->verdict == HL_OK ? take_result(asked, reply, area) : take_failure(asked, reply, area);

    give_back(area, asked->filled > reply->len ? asked->filled : reply->len);
    return status;
}

/* ---- the call ---------------------------------------------------------------------------------------------------- */

static hl_status call_worker(call *asked, hl__loaded *loaded)
{
    hl__pool_call request = {.function = HL__MODULE_CALL,
                             .fill = fill,
                             .take = take,
                             .user = asked,
                             .deadline_ns = asked->deadline_ns,
                             .begun = &asked->begun};

    return hl__pool_call_worker(loaded->pool, &request);
}

/* Loaded, and with its newest code: the usual case takes no lock. */
static hl_status find(hl__module_room *room, const call *asked, hl__want want, hl__loaded **out)
{
    *out = want == HL__WANT_HELD ? NULL : hl__loaded_find(room, asked->key);
    if (*out && !hl__loaded_is_outdated(*out) && !hl__loaded_is_dead(*out) &&
        (want == HL__WANT_AS_IT_IS || __atomic_load_n(&(*out)->hold->kept, __ATOMIC_ACQUIRE)))
        return HL_OK;
    hl__loaded_unref(*out);
    *out = NULL;
    return hl__load(room, asked->key, want, asked->deadline_ns, out);
}

/* Somebody released it, or its worker died, between finding and calling. What was begun is not done twice. */
static bool is_worth_another_try(hl_status status, const hl__loaded *loaded, const call *asked)
{
    return status == HL_ERR_NOT_LOADED && !asked->begun && hl__now_ns() < asked->deadline_ns &&
           (__atomic_load_n(&loaded->withdrawn, __ATOMIC_ACQUIRE) || hl__loaded_is_dead(loaded));
}

static hl_status try_call(hl__module_room *room, call *asked, hl__want want, bool *again)
{
    hl__loaded *loaded = NULL;
    hl_status status = find(room, asked, want, &loaded);

    *again = false;
    if (status != HL_OK)
        return status;
    status = call_worker(asked, loaded);
    *again = want != HL__WANT_AS_IT_IS && is_worth_another_try(status, loaded, asked);
    if (want == HL__WANT_HELD)
        hl__load_let_go(loaded, asked->deadline_ns);
    hl__loaded_unref(loaded);
    return status;
}

static hl_status run(hl_runtime *runtime, call *asked, uint32_t timeout_ms, hl__want want)
{
    hl__module_room *room = NULL;
    hl_status status = begin(runtime, timeout_ms, asked, &room);
    bool again = status == HL_OK;

    while (again)
        status = try_call(room, asked, want, &again);
    return status == HL_OK ? HL_OK : hl__fail_as(asked->action);
}

hl_status hl_module_execute(hl_runtime *runtime, const hl_key *key, const char *function, const hl_value *args,
                            uint32_t timeout_ms, hl_value **result)
{
    call asked = {.action = "execute module", .key = key, .function = function, .args = args, .result = result};

    return run(runtime, &asked, timeout_ms, HL__WANT_AS_IT_IS);
}

hl_status hl_module_run(hl_runtime *runtime, const hl_key *key, const char *function, const hl_value *args,
                        uint32_t timeout_ms, hl_value **result)
{
    call asked = {.action = "run module", .key = key, .function = function, .args = args, .result = result};

    return run(runtime, &asked, timeout_ms, HL__WANT_KEPT);
}

hl_status hl_module_run_and_release(hl_runtime *runtime, const hl_key *key, const char *function, const hl_value *args,
                                    uint32_t timeout_ms, hl_value **result)
{
    call asked = {.action = "run module", .key = key, .function = function, .args = args, .result = result};

    return run(runtime, &asked, timeout_ms, HL__WANT_HELD);
}

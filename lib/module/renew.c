/* New workers for a key; see renew.h. They are ready before those that they replace end, so that a reload that fails
 * changes nothing, and calls find the key loaded all the time. */
#include "module/renew.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "core/isolate.h"
#include "module/code.h"
#include "module/module_wire.h"

#define ACTION "load module"
#define GRACE_MS 500u     /* for running calls, and again for workers to end */
#define LOOK_NS 50000000u /* how often a load that waits looks whether the runtime closes */
#define DEFAULT_ISOLATION "{\"mode\":\"in_worker\",\"restart\":\"temporary\"}"

/* ---- starting ---------------------------------------------------------------------------------------------------- */

static hl_status start_pool(hl__loaded *loaded, const hl__code_document *code, int fd, const hl_isolation *isolation)
{
    char name[HL_KEY_TEXT];
    hl__pool_spec spec = {.runtime = loaded->room->runtime,
                          .kind = HL__WORKER_MODULE,
                          .name = name,
                          .event = "",
                          .version = code->version,
                          .entry = code->name,
                          .library_fd = fd,
                          .area_bytes = HL__MODULE_AREA_BYTES,
                          .isolation = isolation};

    hl_key_format(&loaded->key, name);
    loaded->temporary = isolation->restart == HL_TEMPORARY;
    memcpy(loaded->sha256, code->sha256, sizeof(loaded->sha256));
    return hl__pool_new(&spec, &loaded->pool);
}

static hl_status open_pool(hl__loaded *loaded, const hl_isolation *isolation)
{
    hl__code_document code = {0};
    int fd = -1;
    hl_status status = hl__code_open(loaded->room->runtime, loaded->document.module, &code, &fd);

    if (status == HL_OK)
        status = start_pool(loaded, &code, fd, isolation);
    if (fd >= 0)
        close(fd);
    hl__code_document_cleanup(&code);
    return status;
}

static bool is_closing(const hl__module_room *room)
{
    return __atomic_load_n(&room->closing, __ATOMIC_ACQUIRE);
}

/* A runtime that closes does not wait for a module that hangs in its load function. */
static hl_status await_ready(hl__loaded *loaded, uint64_t deadline_ns)
{
    hl_status status = HL_ERR_TIMEOUT;

    while (status == HL_ERR_TIMEOUT && !is_closing(loaded->room)) {
        uint64_t now = hl__now_ns();
        uint64_t until = deadline_ns > now + LOOK_NS ? now + LOOK_NS : deadline_ns;

        status = hl__pool_ready(loaded->pool, until);
        if (until == deadline_ns)
            break;
    }
    if (status == HL_ERR_TIMEOUT && is_closing(loaded->room))
        return hl__fail(HL_ERR_CLOSED, ACTION, "runtime", "The runtime was closed while the module was loading.");
    return status;
}

static hl_status start(hl__loaded *loaded, uint64_t deadline_ns)
{
    const char *text = loaded->document.isolation;
    hl_isolation *isolation = NULL;
    hl_status status = hl__isolation_read(text[0] ? text : DEFAULT_ISOLATION, &isolation);

    if (status == HL_OK)
        status = open_pool(loaded, isolation);
    if (status == HL_OK)
        status = await_ready(loaded, deadline_ns);
    free(isolation);
    return status;
}

/* ---- ending ------------------------------------------------------------------------------------------------------ */

static uint32_t grace_ms(uint64_t deadline_ns)
{
    uint64_t now = hl__now_ns();
    uint64_t left = deadline_ns > now ? (deadline_ns - now) / 1000000u : 0;

    return left < GRACE_MS ? (uint32_t)left : GRACE_MS;
}

void hl__renew_end(hl__loaded *loaded, uint64_t deadline_ns)
{
    hl__error_copy error;

    hl__error_save(&error);
    if (loaded->pool)
        hl__pool_end(loaded->pool, grace_ms(deadline_ns));
    hl__error_restore(&error);
}

/* ---- one for the other ------------------------------------------------------------------------------------------- */

hl_status hl__renew(hl__module_room *room, const hl_key *key, hl__key_found *found, hl__loaded *before,
                    uint64_t deadline_ns, hl__loaded **out)
{
    hl__loaded *made = NULL;
    hl__hold *hold =
        before && !hl__loaded_is_dead(before) ? before->hold : NULL; /* a death ends what was wanted before */
    hl_status status = hl__loaded_new(room, key, found, hold, &made);

    if (status != HL_OK)
        return status;
    status = start(made, deadline_ns);
    if (status == HL_OK)
        status = hl__loaded_publish(made, before);
    if (status == HL_OK) {
        if (before)
            hl__renew_end(before, deadline_ns);
        *out = made;
        return HL_OK;
    }
    hl__renew_end(made, 0);
    hl__loaded_unref(made);
    return status;
}

/* Carrying a library's state over to the version that replaces it, by the functions that both may have. Called through
 * the loader, while the old version still serves calls and before the new one serves any. */
#include <stdlib.h>

#include "core/error.h"
#include "library/library.h"

#define ACTION "carry state"
#define FIRST_ROOM ((size_t)4096)

static hl_status fail_save(const hl__library *from, int64_t result)
{
    return hl__fail(HL_ERR_LIBRARY, ACTION, "save", "The save function of %s failed: %s.", hl__loader.path(from),
                    hl_status_text((hl_status)(result < INT32_MIN ? HL_ERR_PLUGIN : result)));
}

static hl_status fail_size(const hl__library *from, int64_t len)
{
    return hl__fail(HL_ERR_LIMIT, ACTION, "save", "%s has %lld bytes of state to carry over; the limit is %zu.",
                    hl__loader.path(from), (long long)len, HL_SAVED_STATE_MAX);
}

/* The state may grow between two questions: it is asked until it fits. */
static hl_status save(const hl__library *from, void **bytes, size_t *len)
{
    hl_save_fn *ask = hl__loader.entry(from)->save;
    size_t room = FIRST_ROOM;

    for (;;) {
        int64_t got;

        *bytes = malloc(room);
        if (!*bytes)
            return hl__fail_memory(ACTION);
        got = ask(*bytes, room);
        if (got < 0)
            return fail_save(from, got);
        if ((uint64_t)got > HL_SAVED_STATE_MAX)
            return fail_size(from, got);
        *len = (size_t)got;
        if (*len <= room)
            return HL_OK;
        free(*bytes);
        *bytes = NULL;
        room = *len;
    }
}

static hl_status restore(const hl__library *from, const hl__library *to, const void *bytes, size_t len)
{
    const char *version = hl__loader.entry(from)->version;
    int result = hl__loader.entry(to)->restore(bytes, len, version ? version : "");

    if (result == 0)
        return HL_OK;
    return hl__fail(HL_ERR_LIBRARY, ACTION, "restore",
                    "The restore function of %s refused the state of version \"%s\": it returned %d.",
                    hl__loader.path(to), version ? version : "", result);
}

hl_status hl__library_carry(const hl__library *from, const hl__library *to)
{
    void *bytes = NULL;
    size_t len = 0;
    hl_status status = HL_OK;

    if (from == to || !hl__loader.entry(from)->save || !hl__loader.entry(to)->restore)
        return HL_OK;
    status = save(from, &bytes, &len);
    if (status == HL_OK)
        status = restore(from, to, bytes, len);
    free(bytes);
    return status;
}

/* The answer to the question "settle" of the control protocol: it waits until a change has arrived in this process and
 * is compiled. */
#include "observe/answers.h"

#include <time.h>

#include <hookline/hookline.h>

#include "core/error.h"
#include "observe/frame.h"

#define SETTLE_SLICE_MS 50

/* Whether this process has seen a plugin at a revision; revision 0: that it is gone. */
static hl_status has_arrived(hl_runtime *runtime, const json_t *plugin, bool *arrived)
{
    const char *name = json_string_value(json_object_get(plugin, "name"));
    uint64_t revision = (uint64_t)json_integer_value(json_object_get(plugin, "revision"));
    hl_plugin_info info;
    hl_status status;

    if (!name)
        return hl__fail(HL_ERR_INVALID, "answer", "plugins", "A plugin in the request has no name.");
    status = hl_plugin_get(runtime, name, &info);
    *arrived = status == HL_OK ? revision && info.revision >= revision : status == HL_ERR_NOT_FOUND && !revision;
    hl_plugin_info_cleanup(&info);
    return status == HL_ERR_NOT_FOUND ? HL_OK : status;
}

static hl_status wait_arrived(hl_runtime *runtime, const json_t *plugins, uint64_t deadline_ns)
{
    struct timespec pause = {0, 1000000};

    for (size_t i = 0; i < json_array_size(plugins);) {
        bool arrived = false;
        hl_status status = has_arrived(runtime, json_array_get(plugins, i), &arrived);

        if (status != HL_OK)
            return status;
        if (arrived) {
            i++;
            continue;
        }
        if (hl__deadline_ms(deadline_ns) == 0)
            return hl__fail(HL_ERR_TIMEOUT, "settle", "plugins", "The change has not arrived in this process in time.");
        nanosleep(&pause, NULL);
    }
    return HL_OK;
}

/* In slices, so that a runtime that closes meanwhile is noticed. */
static hl_status wait_compiled(hl_runtime *runtime, uint64_t deadline_ns)
{
    hl_status status;
    int ms;

    do {
        ms = hl__deadline_ms(deadline_ns);
        status = hl_wait_compiled(runtime, ms > SETTLE_SLICE_MS ? SETTLE_SLICE_MS : ms > 0 ? (uint32_t)ms : 1);
    } while (status == HL_ERR_TIMEOUT && ms > 0);
    return status;
}

json_t *hl__answer_settle(hl_runtime *runtime, const json_t *request)
{
    uint64_t deadline_ns = hl__deadline_in(hl__wanted_ms(request));
    hl_status status = wait_arrived(runtime, json_object_get(request, "plugins"), deadline_ns);

    if (status == HL_OK)
        status = wait_compiled(runtime, deadline_ns);
    return status == HL_OK ? json_pack("{s:b}", "settled", 1) : NULL;
}

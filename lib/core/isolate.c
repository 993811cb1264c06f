/* hl_isolate: the operator's word on how a plugin is isolated. Its new code is made ready before anything is changed,
 * so that a plugin whose workers cannot be started stays as it is. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/isolate.h"
#include "core/runtime.h"
#include "core/validate.h"
#include "core/verbs.h"

/* ---- whether a state can be carried to a worker ---- */

hl_status hl__check_carried(const hl__event_def *def, const char *action, const char *event)
{
    if (!def || !def->contract)
        return hl__fail(
            HL_ERR_CONTRACT, action, "contract",
            "Event \"%s\" has no contract, so its state cannot be carried to a worker; define the event with "
            "one.",
            event);
    if (!def->contract->state_size && !def->has_codec)
        return hl__fail(
            HL_ERR_CONTRACT, action, "contract",
            "The state of event \"%s\" has neither a size nor a codec, so it cannot be carried to a worker; "
            "give its contract one of them.",
            event);
    return HL_OK;
}

hl_status hl__check_carried_here(const hl__event_def *def, const char *action, const char *event)
{
    hl_status status = hl__check_carried(def, action, event);

    if (status == HL_OK && def->has_codec && !def->contract->codec)
        return hl__fail(
            HL_ERR_CONTRACT, action, "contract",
            "The state of event \"%s\" is carried to workers by a codec that this process does not have; it "
            "has to define the event with its contract.",
            event);
    return status;
}

hl_status hl__check_carried_event(hl_runtime *runtime, const char *action, const char *event)
{
    hl_status status = hl__lock(runtime, action);
    const hl__event_def *def;

    if (status != HL_OK)
        return status;
    def = hl__event_def_of(runtime, event);
    if (def)
        status = hl__check_carried(def, action, event);
    hl__unlock(runtime);
    return status;
}

/* ---- making ready ---- */

hl_status hl__code_in_worker(hl_runtime *runtime, const hl__record *record, hl__binding **out)
{
    hl_status status = hl__lock(runtime, "load");
    bool needed;

    *out = NULL;
    if (status != HL_OK)
        return status;
    needed = !(runtime->options.flags & HL_OPEN_RECORDS_ONLY) && hl__event_find(runtime, record->event) &&
             !hl__has_code(runtime, record);
    hl__unlock(runtime);
    return needed ? hl__code_of(runtime, record, out) : HL_OK;
}

/* The record as the operation would leave it, with a reference. Lock held. */
static hl_status foresee(hl_runtime *runtime, const hl__op *op, const hl__record **out)
{
    hl__draft draft;
    hl_status status;

    hl__draft_init(&draft, runtime->registry);
    status = hl__lifecycle_apply(&draft, op);
    if (status == HL_OK)
        *out = hl__record_ref(hl__draft_find(&draft, op->subject));
    hl__draft_cleanup(&draft);
    return status;
}

/* Whether this process calls the plugin, and would have to call it in another way than now. Lock held. */
static bool needs_code(hl_runtime *runtime, const hl__record *record)
{
    const hl__binding *binding = hl__bound_find(runtime, record->name);
    bool in_worker = hl__isolation_in_worker(record->isolation);

    if ((runtime->options.flags & HL_OPEN_RECORDS_ONLY) || !record->library[0] || !hl__status_active(record->status) ||
        !hl__event_find(runtime, record->event))
        return false;
    if (!binding || !binding->call || binding->owns_self != in_worker)
        return true;
    return in_worker && !hl__has_code(runtime, record);
}

static hl_status look(hl_runtime *runtime, const hl__op *op, const hl__record **record, bool *needed)
{
    hl_status status = hl__lock_fresh(runtime, "isolate");

    if (status != HL_OK)
        return status;
    status = foresee(runtime, op, record);
    if (status == HL_OK && hl__isolation_in_worker((*record)->isolation))
        status = hl__check_carried(hl__event_def_of(runtime, (*record)->event), "isolate", (*record)->event);
    *needed = status == HL_OK && needs_code(runtime, *record);
    hl__unlock(runtime);
    return status;
}

static hl_status make_ready(hl_runtime *runtime, hl__request *request)
{
    const hl__record *record = NULL;
    bool needed = false;
    hl_status status = look(runtime, &request->op, &record, &needed);

    if (needed)
        status = hl__code_of(runtime, record, &request->binding);
    hl__record_unref(record);
    return status == HL_OK ? HL_OK : hl__fail_as("isolate");
}

/* ---- the verb ---- */

hl_status hl__isolate_text(const char *name, const hl_isolation *isolation, char **text)
{
    hl_status status = hl__check_name("isolate", "name", name);

    if (status != HL_OK)
        return status;
    if (isolation)
        return hl__isolation_write(isolation, true, text);
    *text = strdup("");
    return *text ? HL_OK : hl__fail_memory("isolate");
}

hl_status hl_isolate(hl_runtime *runtime, const char *name, const hl_isolation *isolation, unsigned flags)
{
    hl__request request = {.op = {.verb = HL__ISOLATE, .scope = HL__ONE, .subject = name}};
    char *text = NULL;
    hl_status status = hl__check_flags("isolate", flags, HL_WAIT_COMPILED | HL_WAIT_IDLE);

    if (status == HL_OK && flags)
        status = hl__check_may_wait(runtime, "isolate");
    if (status == HL_OK)
        status = hl__isolate_text(name, isolation, &text);
    request.op.text = text;
    if (status == HL_OK)
        status = make_ready(runtime, &request);
    if (status == HL_OK)
        status = hl__commit(runtime, "isolate", &request, 1, flags, NULL);
    free(text);
    return status;
}

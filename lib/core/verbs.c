/* The public lifecycle verbs: each is a transaction of one operation. */
#include <stdlib.h>
#include <string.h>

#include "core/contract.h"
#include "core/error.h"
#include "core/order.h"
#include "core/runtime.h"
#include "core/validate.h"
#include "core/verbs.h"

/* ---- registering ---- */

static const hl_contract *known_contract(hl_runtime *runtime, const char *name)
{
    const struct hl__event *event = hl__event_find(runtime, name);
    const hl__event_def *def = event && event->def ? event->def : hl__registry_def(runtime->registry, name);

    return def ? def->contract : NULL;
}

hl_status hl__check_contract_of(hl_runtime *runtime, const char *action, const hl_plugin_spec *spec)
{
    hl_status status = hl__lock(runtime, action);

    if (status != HL_OK)
        return status;
    if (spec->contract)
        status = hl__contract_compare(known_contract(runtime, spec->event), spec->contract, spec->event, spec->name);
    hl__unlock(runtime);
    return status == HL_OK ? HL_OK : hl__fail_as(action);
}

static size_t count(const char *const *names)
{
    size_t len = 0;

    while (names && names[len])
        len++;
    return len;
}

hl__record *hl__candidate_new(const hl_plugin_spec *spec, const hl__source *source)
{
    hl__record from = {.name = spec->name,
                       .event = spec->event,
                       .extension = spec->extension ? spec->extension : source->extension,
                       .extra = spec->extra,
                       .depends = spec->depends,
                       .depends_len = count(spec->depends),
                       .priority = spec->priority,
                       .status = HL_REGISTERED,
                       .library = source->path,
                       .library_stamp = source->stamp,
                       .version = source->version,
                       .contract_hash = spec->contract ? hl_contract_hash(spec->contract) : 0,
                       .isolation = source->isolation};

    return hl__record_new(&from);
}

const hl__source hl__host_source = {"", "", "", "host", NULL};

/* The spec may be refused for its very name or event. */
static void notify_refused(hl_runtime *runtime, const hl_plugin_spec *spec, const hl__error_copy *error)
{
    bool named = hl__check_name("register", "event", spec->event) == HL_OK;
    hl_notice notice = {.kind = HL_NOTICE_REGISTER_ERROR,
                        .event = named ? spec->event : "",
                        .status = error->status,
                        .reason = error->message};

    if (hl__lock(runtime, "register") != HL_OK)
        return;
    hl__notify(runtime, &notice, NULL);
    hl__log(runtime, HL_LOG_ERROR, "event", "plugin \"%.255s\" was refused: %s", spec->name ? spec->name : "",
            error->message);
    hl__unlock(runtime);
}

static void tell_refused(hl_runtime *runtime, const hl_plugin_spec *spec)
{
    hl__error_copy error;

    hl__error_save(&error);
    if (spec->on_dependency_error)
        spec->on_dependency_error(spec->self, hl_last_error());
    notify_refused(runtime, spec, &error);
    hl__error_restore(&error);
}

static hl_status register_checked(hl_runtime *runtime, const hl_plugin_spec *spec, unsigned flags)
{
    hl__request request = {.op = {.verb = HL__REGISTER, .scope = HL__ONE, .start = flags & HL_START}};
    hl__record *candidate = hl__candidate_new(spec, &hl__host_source);
    hl_status status;

    if (!candidate)
        return hl__fail_memory("register");
    request.op.candidate = candidate;
    if (!(runtime->options.flags & HL_OPEN_RECORDS_ONLY)) {
        request.binding = hl__binding_new(spec, NULL, NULL, "", "");
        if (!request.binding) {
            hl__record_unref(candidate);
            return hl__fail_memory("register");
        }
    }
    status = hl__commit(runtime, "register", &request, 1, flags, NULL);
    hl__record_unref(candidate);
    return status;
}

hl_status hl_register(hl_runtime *runtime, const hl_plugin_spec *spec, unsigned flags)
{
    hl_plugin_spec checked;
    hl_status status = hl__check_spec("register", spec, &checked);

    if (status == HL_OK)
        status = hl__check_flags("register", flags, HL_START | HL_WAIT_COMPILED | HL_WAIT_IDLE);
    if (status == HL_OK)
        status = hl__check_contract_of(runtime, "register", &checked);
    if (status == HL_OK)
        status = register_checked(runtime, &checked, flags);
    if (status != HL_OK && checked.size)
        tell_refused(runtime, &checked);
    return status;
}

/* ---- the others ---- */

hl_status hl__check_subject(const hl__op *op)
{
    if (op->scope == HL__ALL)
        return HL_OK;
    return hl__check_name(hl__op_word(op), op->scope == HL__EVENT ? "event" : "name", op->subject);
}

static hl_status change(hl_runtime *runtime, hl__verb verb, hl__scope scope, const char *subject, unsigned flags)
{
    hl__request request = {.op = {.verb = verb, .scope = scope, .subject = subject}};
    hl_status status = hl__check_subject(&request.op);

    if (status == HL_OK)
        status = hl__check_flags(hl__op_word(&request.op), flags, HL_WAIT_COMPILED | HL_WAIT_IDLE);
    return status == HL_OK ? hl__commit(runtime, hl__op_word(&request.op), &request, 1, flags, NULL) : status;
}

hl_status hl_start(hl_runtime *runtime, const char *name, unsigned flags)
{
    return change(runtime, HL__START, HL__ONE, name, flags);
}

hl_status hl_stop(hl_runtime *runtime, const char *name, unsigned flags)
{
    return change(runtime, HL__STOP, HL__ONE, name, flags);
}

hl_status hl_restart(hl_runtime *runtime, const char *name, unsigned flags)
{
    return change(runtime, HL__RESTART, HL__ONE, name, flags);
}

hl_status hl_enable(hl_runtime *runtime, const char *name, unsigned flags)
{
    return change(runtime, HL__ENABLE, HL__ONE, name, flags);
}

hl_status hl_unregister(hl_runtime *runtime, const char *name, unsigned flags)
{
    return change(runtime, HL__UNREGISTER, HL__ONE, name, flags);
}

hl_status hl_start_event(hl_runtime *runtime, const char *event, unsigned flags)
{
    return change(runtime, HL__START, HL__EVENT, event, flags);
}

hl_status hl_stop_event(hl_runtime *runtime, const char *event, unsigned flags)
{
    return change(runtime, HL__STOP, HL__EVENT, event, flags);
}

hl_status hl_restart_event(hl_runtime *runtime, const char *event, unsigned flags)
{
    return change(runtime, HL__RESTART, HL__EVENT, event, flags);
}

hl_status hl_unregister_event(hl_runtime *runtime, const char *event, unsigned flags)
{
    return change(runtime, HL__UNREGISTER, HL__EVENT, event, flags);
}

hl_status hl_start_all(hl_runtime *runtime, unsigned flags)
{
    return change(runtime, HL__START, HL__ALL, NULL, flags);
}

hl_status hl_stop_all(hl_runtime *runtime, unsigned flags)
{
    return change(runtime, HL__STOP, HL__ALL, NULL, flags);
}

hl_status hl_restart_all(hl_runtime *runtime, unsigned flags)
{
    return change(runtime, HL__RESTART, HL__ALL, NULL, flags);
}

hl_status hl_unregister_all(hl_runtime *runtime, unsigned flags)
{
    return change(runtime, HL__UNREGISTER, HL__ALL, NULL, flags);
}

hl_status hl__hold(hl_runtime *runtime, const char *name, const char *reason, hl__documents_fn *fn, void *user)
{
    hl__request request = {.op = {.verb = HL__HOLD, .scope = HL__ONE, .subject = name, .text = reason}};

    return hl__commit_documents(runtime, hl__op_word(&request.op), &request, 1, fn, user, 0, NULL);
}

/* ---- the cycle check alone (OD-06) ---- */

static const char *const *registry_depends(void *user, const char *name)
{
    const hl__record *record = hl__registry_find(user, name);

    return record ? record->depends : NULL;
}

hl_status hl_no_dependency_cycle(hl_runtime *runtime, const char *name, const char *const *depends)
{
    hl_status status = hl__check_name("dependency-order", "name", name);
    char path[900];
    bool exhausted, cyclic;

    if (status == HL_OK)
        status = hl__lock(runtime, "dependency-order");
    if (status != HL_OK)
        return status;
    status = hl__follow(runtime);
    cyclic = hl__cycle_through(name, depends, registry_depends, runtime->registry, path, sizeof(path), &exhausted);
    hl__unlock(runtime);
    if (status == HL_OK && cyclic)
        return hl__fail(HL_ERR_CYCLE, "dependency-order", "depends", "The dependencies would close a cycle: %s.", path);
    return exhausted ? hl__fail_memory("dependency-order") : status;
}

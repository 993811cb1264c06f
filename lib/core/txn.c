/* Transactions: a list of operations, checked as they come on a draft of what the registry was, and run again as one
 * commit on what it is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hookline/txn.h>

#include "core/error.h"
#include "core/grow.h"
#include "core/isolate.h"
#include "core/validate.h"
#include "core/verbs.h"

struct hl_txn {
    hl_runtime *runtime;
    hl__request *requests; /* each owns its subject, candidate and binding */
    size_t len, room;
    hl__draft draft;   /* what the steps so far make of the registry at `revision` */
    uint64_t revision; /* UINT64_MAX: there is no draft yet */
};

hl_status hl_txn_begin(hl_runtime *runtime, hl_txn **out)
{
    hl_status status;

    if (!out)
        return hl__fail(HL_ERR_INVALID, "txn_begin", "out", "The place for the transaction is NULL.");
    status = hl__lock(runtime, "txn_begin");
    if (status != HL_OK)
        return status;
    hl__unlock(runtime);
    *out = calloc(1, sizeof(**out));
    if (!*out)
        return hl__fail_memory("txn_begin");
    (*out)->runtime = runtime;
    (*out)->revision = UINT64_MAX;
    return HL_OK;
}

static void free_request(hl__request *request)
{
    free((char *)(uintptr_t)request->op.subject);
    free((char *)(uintptr_t)request->op.text);
    hl__record_unref(request->op.candidate);
    hl__binding_discard(request->binding);
}

void hl_txn_abort(hl_txn *txn)
{
    if (!txn)
        return;
    for (size_t i = 0; i < txn->len; i++)
        free_request(&txn->requests[i]);
    if (txn->revision != UINT64_MAX)
        hl__draft_cleanup(&txn->draft);
    free(txn->requests);
    free(txn);
}

/* ---- adding a step ---- */

/* Makes the draft show the steps so far on the registry as it is now; mostly it does already. */
static hl_status bring_up_to_date(hl_txn *txn)
{
    hl_status status = hl__follow(txn->runtime);

    if (status != HL_OK || txn->revision == txn->runtime->revision)
        return status;
    if (txn->revision != UINT64_MAX)
        hl__draft_cleanup(&txn->draft);
    hl__draft_init(&txn->draft, txn->runtime->registry);
    txn->revision = txn->runtime->revision;
    for (size_t i = 0; status == HL_OK && i < txn->len; i++)
        status = hl__lifecycle_apply(&txn->draft, &txn->requests[i].op);
    return status;
}

static hl_status try_step(hl_txn *txn, const hl__op *added)
{
    hl_status status = hl__lock(txn->runtime, hl__op_word(added));

    if (status != HL_OK)
        return status;
    status = bring_up_to_date(txn);
    if (status == HL_OK)
        status = hl__lifecycle_apply(&txn->draft, added);
    hl__unlock(txn->runtime);
    return status;
}

/* Takes over the request's parts, whatever the outcome. */
static hl_status add(hl_txn *txn, hl__request request)
{
    hl_status status = try_step(txn, &request.op);

    if (status == HL_OK && !hl__grow(&txn->requests, txn->len, &txn->room, sizeof(*txn->requests)))
        status = hl__fail_memory("txn");
    if (status == HL_OK)
        txn->requests[txn->len++] = request;
    else
        free_request(&request);
    return status;
}

static hl_status add_verb(hl_txn *txn, hl__verb verb, hl__scope scope, const char *subject, unsigned flags)
{
    hl__request request = {.op = {.verb = verb, .scope = scope, .subject = subject}};
    hl_status status = txn ? hl__check_subject(&request.op)
                           : hl__fail(HL_ERR_INVALID, hl__op_word(&request.op), "txn", "The transaction is NULL.");

    if (status == HL_OK)
        status = hl__check_flags(hl__op_word(&request.op), flags, 0);
    if (status != HL_OK)
        return status;
    if (scope != HL__ALL) {
        request.op.subject = strdup(subject);
        if (!request.op.subject)
            return hl__fail_memory(hl__op_word(&request.op));
    }
    return add(txn, request);
}

hl_status hl_txn_register(hl_txn *txn, const hl_plugin_spec *spec, unsigned flags)
{
    hl__request request = {.op = {.verb = HL__REGISTER, .scope = HL__ONE, .start = flags & HL_START}};
    hl_plugin_spec checked;
    hl_status status = txn ? hl__check_flags("register", flags, HL_START)
                           : hl__fail(HL_ERR_INVALID, "register", "txn", "The transaction is NULL.");

    if (status == HL_OK)
        status = hl__check_spec("register", spec, &checked);
    if (status == HL_OK)
        status = hl__check_contract_of(txn->runtime, "register", &checked);
    if (status != HL_OK)
        return status;
    request.op.candidate = hl__candidate_new(&checked, &hl__host_source);
    if (!(txn->runtime->options.flags & HL_OPEN_RECORDS_ONLY))
        request.binding = hl__binding_new(&checked, NULL, NULL, "", "");
    if (!request.op.candidate || (!request.binding && !(txn->runtime->options.flags & HL_OPEN_RECORDS_ONLY))) {
        free_request(&request);
        return hl__fail_memory("register");
    }
    return add(txn, request);
}

hl_status hl_txn_start(hl_txn *txn, const char *name, unsigned flags)
{
    return add_verb(txn, HL__START, HL__ONE, name, flags);
}

hl_status hl_txn_stop(hl_txn *txn, const char *name, unsigned flags)
{
    return add_verb(txn, HL__STOP, HL__ONE, name, flags);
}

hl_status hl_txn_restart(hl_txn *txn, const char *name, unsigned flags)
{
    return add_verb(txn, HL__RESTART, HL__ONE, name, flags);
}

hl_status hl_txn_enable(hl_txn *txn, const char *name, unsigned flags)
{
    return add_verb(txn, HL__ENABLE, HL__ONE, name, flags);
}

hl_status hl_txn_unregister(hl_txn *txn, const char *name, unsigned flags)
{
    return add_verb(txn, HL__UNREGISTER, HL__ONE, name, flags);
}

hl_status hl_txn_start_event(hl_txn *txn, const char *event, unsigned flags)
{
    return add_verb(txn, HL__START, HL__EVENT, event, flags);
}

hl_status hl_txn_stop_event(hl_txn *txn, const char *event, unsigned flags)
{
    return add_verb(txn, HL__STOP, HL__EVENT, event, flags);
}

hl_status hl_txn_restart_event(hl_txn *txn, const char *event, unsigned flags)
{
    return add_verb(txn, HL__RESTART, HL__EVENT, event, flags);
}

hl_status hl_txn_unregister_event(hl_txn *txn, const char *event, unsigned flags)
{
    return add_verb(txn, HL__UNREGISTER, HL__EVENT, event, flags);
}

hl_status hl_txn_start_all(hl_txn *txn, unsigned flags)
{
    return add_verb(txn, HL__START, HL__ALL, NULL, flags);
}

hl_status hl_txn_stop_all(hl_txn *txn, unsigned flags)
{
    return add_verb(txn, HL__STOP, HL__ALL, NULL, flags);
}

hl_status hl_txn_restart_all(hl_txn *txn, unsigned flags)
{
    return add_verb(txn, HL__RESTART, HL__ALL, NULL, flags);
}

hl_status hl_txn_unregister_all(hl_txn *txn, unsigned flags)
{
    return add_verb(txn, HL__UNREGISTER, HL__ALL, NULL, flags);
}

hl_status hl_txn_isolate(hl_txn *txn, const char *name, const hl_isolation *isolation, unsigned flags)
{
    hl__request request = {.op = {.verb = HL__ISOLATE, .scope = HL__ONE}};
    char *text = NULL;
    hl_status status = txn ? hl__check_flags("isolate", flags, 0)
                           : hl__fail(HL_ERR_INVALID, "isolate", "txn", "The transaction is NULL.");

    if (status == HL_OK)
        status = hl__isolate_text(name, isolation, &text);
    if (status != HL_OK)
        return status;
    request.op.text = text;
    request.op.subject = strdup(name);
    if (request.op.subject)
        return add(txn, request);
    free_request(&request);
    return hl__fail_memory("isolate");
}

/* ---- ending it ---- */

static hl_status name_step(size_t step)
{
    hl__error_copy error;

    hl__error_save(&error);
    return hl__fail(error.status, error.action, error.field, "Step %zu: %s", step + 1, error.message);
}

hl_status hl_txn_commit(hl_txn *txn, unsigned flags)
{
    hl_status status;
    size_t failed = SIZE_MAX;

    if (!txn)
        return hl__fail(HL_ERR_INVALID, "txn_commit", "txn", "The transaction is NULL.");
    status = hl__check_flags("txn_commit", flags, HL_WAIT_COMPILED | HL_WAIT_IDLE);
    if (status == HL_OK && txn->len)
        status = hl__commit(txn->runtime, "txn", txn->requests, txn->len, flags, &failed);
    if (status != HL_OK && failed != SIZE_MAX)
        status = name_step(failed);
    if (status != HL_ERR_FLAGS)
        for (size_t i = 0; i < txn->len; i++)
            txn->requests[i].binding = NULL; /* the commit took them */
    hl_txn_abort(txn);
    return status;
}

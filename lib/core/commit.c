/* The way of a change (G3, G7, G8): operations on a draft, compare-and-swap into the store, then into this process. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/document.h"
#include "core/error.h"
#include "core/isolate.h"
#include "core/runtime.h"
#include "core/thread.h"

/* Lost races against other processes before HL_ERR_CONFLICT: some seconds. A process that writes without pause takes
 * the store's lock back before a waiting one wakes, and so wins nearly every one of them. */
#define ATTEMPTS 20000

/* A change on its way: what is asked for, and how its attempts go. */
typedef struct change {
    const char *action;
    hl__request *requests;
    size_t requests_len;
    hl__documents_fn *fn; /* may be NULL */
    void *user;
    uint64_t asked_ns;
    size_t *failed; /* set to the index of the refused request; may be NULL */
    bool lost;      /* the last attempt lost the race against another process */
} change;

/* ---- the draft into the store ---- */

static size_t count_changes(const hl__draft *draft)
{
    size_t count = 0;

    for (const hl__draft_row *row = draft->rows; row; row = row->next)
        count += hl__draft_row_changed(row);
    return count;
}

static void stamp(hl__record *record, uint64_t revision, int64_t now)
{
    record->revision = revision;
    record->updated_at = now;
    if (record->inserted_at == 0)
        record->inserted_at = now;
}

static hl__store_change change_of_row(hl__draft_row *row, uint64_t revision, int64_t now)
{
    if (!row->after)
        return (hl__store_change){.gone = row->name};
    stamp(row->after, revision, now);
    return (hl__store_change){.record = row->after};
}

static hl_status refuse_read_only(const char *action)
{
    return hl__fail(HL_ERR_STORE_READ_ONLY, action, "store",
                    "The runtime was opened with HL_OPEN_READ_ONLY; open it without to change plugins.");
}

static hl_status commit_changes(hl_runtime *runtime, const char *action, const hl__store_change *changes, size_t len)
{
    hl__store_commit commit = {runtime->revision, changes, len, action};
    hl_status status;

    if (runtime->options.flags & HL_OPEN_READ_ONLY)
        return refuse_read_only(action);
    status = runtime->parts.store->ops->commit(runtime->parts.store, &commit);
    if (status == HL_OK) {
        runtime->revision++;
        runtime->counters.commits++;
    }
    return status;
}

/* An unchanged draft without documents writes nothing (LC-04). */
static hl_status store_draft(hl_runtime *runtime, const char *action, hl__draft *draft, const hl__documents *documents)
{
    size_t len = count_changes(draft) + documents->puts_len, at = 0;
    int64_t now = (int64_t)time(NULL);
    hl__store_change *changes;
    hl_status status;

    if (len == 0)
        return HL_OK;
    changes = malloc(len * sizeof(*changes));
    if (!changes)
        return hl__fail_memory(action);
    for (hl__draft_row *row = draft->rows; row; row = row->next) {
        if (hl__draft_row_changed(row))
            changes[at++] = change_of_row(row, runtime->revision + 1, now);
    }
    for (size_t i = 0; i < documents->puts_len; i++)
        changes[at++] = documents->puts[i];
    status = commit_changes(runtime, action, changes, len);
    free(changes);
    return status;
}

/* ---- one attempt ---- */

static hl_status apply_all(hl__draft *draft, change *asked)
{
    for (size_t i = 0; i < asked->requests_len; i++) {
        hl_status status = hl__lifecycle_apply(draft, &asked->requests[i].op);

        if (status != HL_OK) {
            if (asked->failed)
                *asked->failed = i;
            return status;
        }
    }
    return HL_OK;
}

/* A binding was made before it was known what its record would be: an operator may have asked for workers meanwhile, or
 * taken that back. What does not fit is left to be discarded, and hl__load_missing makes another one. */
static bool fits(hl__binding *binding, const hl__record *record)
{
    bool in_worker;

    if (!record)
        return false;
    in_worker = hl__isolation_in_worker(record->isolation);
    if (binding->owns_self || in_worker)
        return hl__binding_is_for(binding, record);
    return hl__binding_isolate(binding, record->isolation);
}

/* The same code bound again changes nothing; other code changes the chain though the record is the same. */
static void bind_all(hl_runtime *runtime, const change *asked, const hl__draft *draft)
{
    for (size_t i = 0; i < asked->requests_len; i++) {
        hl__request *request = &asked->requests[i];
        const hl__record *record = request->binding ? hl__draft_find(draft, request->binding->name) : NULL;
        bool changed = false;

        if (!record || !fits(request->binding, record))
            continue;
        if (hl__bind(runtime, request->binding, &changed) != HL_OK)
            hl__log(runtime, HL_LOG_ERROR, "event", "%s", hl_last_error()->message);
        request->binding = NULL;
        if (changed)
            hl__touch(runtime, record->event);
    }
}

/* What fn decided on documents that are no longer the newest does not count. */
static hl_status decide(change *asked, hl__draft *draft, hl__documents *documents)
{
    hl_status status = asked->fn ? asked->fn(asked->user, documents) : HL_OK;

    if (documents->overtaken) {
        asked->lost = true;
        return HL_ERR_CONFLICT;
    }
    return status == HL_OK ? apply_all(draft, asked) : status;
}

static hl_status attempt(hl_runtime *runtime, change *asked)
{
    hl_status status = hl__follow(runtime);
    hl__documents documents = {.runtime = runtime};
    hl__draft draft;

    asked->lost = false;
    if (status != HL_OK)
        return status;
    hl__draft_init(&draft, runtime->registry);
    status = decide(asked, &draft, &documents);
    if (status == HL_OK) {
        status = store_draft(runtime, asked->action, &draft, &documents);
        asked->lost = status == HL_ERR_CONFLICT;
    }
    if (status == HL_OK) {
        bind_all(runtime, asked, &draft);
        hl__accept(runtime, &draft, asked->asked_ns, false);
    }
    hl__draft_cleanup(&draft);
    hl__documents_cleanup(&documents);
    return status;
}

/* ---- waiting ---- */

/* The events that a change touched, to be waited for without the lock's list of them. */
typedef struct touched_set {
    struct hl__event **events;
    size_t len;
} touched_set;

static bool keep_touched(hl_runtime *runtime, touched_set *out)
{
    struct hl__event *event;
    size_t len = 0;

    for (event = runtime->touched; event; event = event->touched_next)
        len++;
    out->events = malloc((len ? len : 1) * sizeof(*out->events));
    if (!out->events)
        return false;
    for (event = runtime->touched; event; event = event->touched_next)
        out->events[out->len++] = event;
    return true;
}

static bool all_settled(const touched_set *set)
{
    for (size_t i = 0; i < set->len; i++) {
        if (!hl__compile_settled(set->events[i]))
            return false;
    }
    return true;
}

static void wait_settled(hl_runtime *runtime, const touched_set *set)
{
    while (!runtime->closed && !all_settled(set))
        pthread_cond_wait(&runtime->settled, &runtime->lock);
}

static bool awaits_code(hl_runtime *runtime)
{
    if (!runtime->parts.loader || (runtime->options.flags & HL_OPEN_RECORDS_ONLY))
        return false;
    for (struct hl__event *event = runtime->touched; event; event = event->touched_next) {
        if (hl__awaits_code(runtime, event))
            return true;
    }
    return false;
}

/* ---- the whole ---- */

/* With the lock given up meanwhile. What cannot be had, the plugins have the reason for. */
static void load_awaited(hl_runtime *runtime)
{
    pthread_mutex_unlock(&runtime->lock);
    hl__load_missing(runtime, NULL);
    pthread_mutex_lock(&runtime->lock);
}

static void discard_bindings(hl__request *requests, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hl__binding_discard(requests[i].binding);
}

static void pause_after_conflict(hl_runtime *runtime, unsigned tries)
{
    struct timespec time = {.tv_nsec = 20000 + 1000 * (long)(tries * 7 % 50)};

    pthread_mutex_unlock(&runtime->lock);
    nanosleep(&time, NULL);
    pthread_mutex_lock(&runtime->lock);
}

static hl_status attempt_until_won(hl_runtime *runtime, change *asked)
{
    hl_status status = attempt(runtime, asked);

    for (unsigned tries = 1; asked->lost && tries < ATTEMPTS; tries++) {
        pause_after_conflict(runtime, tries);
        if (runtime->closed)
            return hl__fail(HL_ERR_CLOSED, asked->action, "runtime", "The runtime is closed.");
        status = attempt(runtime, asked);
    }
    if (asked->lost)
        return hl__fail(
            HL_ERR_CONFLICT, asked->action, "store",
            "Other processes changed the store %d times in a row while this change was being made; try again.",
            ATTEMPTS);
    return status;
}

hl_status hl__commit_documents(hl_runtime *runtime, const char *action, hl__request *requests, size_t requests_len,
                               hl__documents_fn *fn, void *user, unsigned flags, size_t *failed)
{
    change asked = {action, requests, requests_len, fn, user, hl__now_ns(), failed, false};
    touched_set touched = {0};
    bool awaiting = false;
    hl_status status = HL_OK;

    if (flags & (HL_WAIT_COMPILED | HL_WAIT_IDLE))
        status = hl__check_may_wait(runtime, action);
    if (status == HL_OK)
        status = hl__lock(runtime, action);
    if (status != HL_OK) {
        discard_bindings(requests, requests_len);
        return status;
    }
    status = attempt_until_won(runtime, &asked);
    if (status == HL_OK && (flags & HL_WAIT_COMPILED))
        (void)!keep_touched(runtime, &touched);
    awaiting = status == HL_OK && awaits_code(runtime);
    hl__touched_clear(runtime);
    if (awaiting)
        load_awaited(runtime);
    wait_settled(runtime, &touched);
    hl__unlock(runtime);
    free(touched.events);
    discard_bindings(requests, requests_len);
    if (status == HL_OK && (flags & HL_WAIT_IDLE))
        hl__reclaim_wait();
    return status;
}

hl_status hl__commit(hl_runtime *runtime, const char *action, hl__request *requests, size_t len, unsigned flags,
                     size_t *failed)
{
    return hl__commit_documents(runtime, action, requests, len, NULL, NULL, flags, failed);
}

/* ---- other commits ---- */

static bool is_stored(hl_runtime *runtime, const hl__event_def *def)
{
    const hl__event_def *stored = hl__registry_def(runtime->registry, def->name);

    return stored && stored->flags == def->flags && stored->contract_hash == def->contract_hash &&
           stored->has_codec == def->has_codec;
}

/* What another process has stored meanwhile is not stored again. */
hl_status hl__commit_def(hl_runtime *runtime, const hl__event_def *def)
{
    hl__store_change change = {.event = def};
    hl_status status = HL_ERR_CONFLICT;

    for (unsigned tries = 0; status == HL_ERR_CONFLICT && tries < ATTEMPTS; tries++) {
        status = hl__follow(runtime);
        if (status == HL_OK && is_stored(runtime, def))
            return HL_OK;
        if (status == HL_OK)
            status = commit_changes(runtime, "event_define", &change, 1);
    }
    if (status == HL_ERR_CONFLICT)
        return hl__fail(HL_ERR_CONFLICT, "event_define", "store",
                        "Other processes kept changing the store; try again.");
    if (status == HL_OK && !hl__registry_set_def(runtime->registry, def))
        runtime->stale = true;
    return status;
}

static hl_status settle_once(hl_runtime *runtime)
{
    hl__op start_all = {.verb = HL__START, .scope = HL__ALL};
    hl__draft draft;
    hl_status status = hl__follow(runtime);

    if (status != HL_OK)
        return status;
    hl__draft_init(&draft, runtime->registry);
    status = hl__lifecycle_settle_all(&draft);
    if (status == HL_OK && (runtime->options.flags & HL_OPEN_START_REGISTERED))
        status = hl__lifecycle_apply(&draft, &start_all);
    if (status == HL_OK)
        status = store_draft(runtime, "open", &draft, &(hl__documents){0});
    if (status == HL_OK)
        hl__accept(runtime, &draft, 0, false);
    hl__touched_clear(runtime);
    hl__draft_cleanup(&draft);
    return status;
}

hl_status hl__commit_at_open(hl_runtime *runtime)
{
    hl_status status = HL_ERR_CONFLICT;

    if (runtime->options.flags & (HL_OPEN_READ_ONLY | HL_OPEN_RECORDS_ONLY))
        return HL_OK;
    for (unsigned tries = 0; status == HL_ERR_CONFLICT && tries < ATTEMPTS; tries++)
        status = settle_once(runtime);
    return status;
}

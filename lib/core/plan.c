/* Building plans: from records and code to an ordered chain. A pure function; publish.c decides what becomes of it. */
#include "core/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/contract.h"
#include "core/error.h"
#include "core/isolate.h"
#include "core/order.h"
#include "core/watch.h"

#define LINE 64 /* bytes of a cache line */

/* ---- which records run ---- */

static size_t pick_active(const hl__record *const *records, size_t len, const hl__record **active)
{
    size_t count = 0;

    for (size_t i = 0; i < len; i++) {
        if (hl__status_active(records[i]->status))
            active[count++] = records[i];
    }
    return count;
}

static bool sort_active(const hl__record **active, size_t len)
{
    hl_order_row *rows = calloc(len ? len : 1, sizeof(*rows));
    uint32_t *order = calloc(len ? len : 1, sizeof(*order));
    const hl__record **sorted = malloc((len ? len : 1) * sizeof(*sorted));
    bool cyclic, ok = rows && order && sorted;

    for (size_t i = 0; ok && i < len; i++)
        rows[i] = (hl_order_row){active[i]->name, active[i]->priority, active[i]->depends};
    ok = ok && hl__order(rows, len, order, &cyclic);
    for (size_t i = 0; ok && i < len; i++)
        sorted[i] = active[order[i]];
    if (ok && len)
        memcpy(active, sorted, len * sizeof(*active));
    free(rows);
    free(order);
    free(sorted);
    return ok;
}

/* ---- whether a record's code can run; NULL when it can, else a reason to be freed ---- */

static char *describe(const char *format, const char *text)
{
    char *reason;

    return asprintf(&reason, format, text) < 0 ? NULL : reason;
}

static bool comes_from(const hl__binding *binding, const hl__record *record, const hl__event_def *def)
{
    return hl__binding_is_for(binding, record) &&
           (!binding->owns_self || hl__event_def_carries_alike(binding->def, def));
}

static bool fits(const hl__event_def *def, const hl__binding *binding)
{
    return !def || !def->contract || !binding->contract || def->contract_hash == binding->contract->contract_hash;
}

static char *why_missing(const hl__record *record, const hl__binding *binding, const hl__event_def *def)
{
    if (!binding || !comes_from(binding, record, def)) {
        if (hl__isolation_in_worker(record->isolation))
            return describe("%s", "its workers have not been started in this process");
        if (record->library[0])
            return describe("the library %s is not loaded in this process", record->library);
        return describe("%s", "this process has not registered it");
    }
    if (!binding->call)
        return describe("%s", binding->reason ? binding->reason : "its library could not be loaded");
    if (!fits(def, binding)) {
        hl__error_copy kept;
        char *reason;

        hl__error_save(&kept);
        reason = hl__contract_compare(def->contract, binding->contract->contract, record->event, record->name) == HL_OK
                     ? describe("%s", "its contract has another hash")
                     : describe("%s", hl_last_error()->message);
        hl__error_restore(&kept);
        return reason;
    }
    return NULL;
}

/* ---- the plan ---- */

static hl__plan *alloc(size_t room)
{
    size_t bytes = (sizeof(hl__plan) + room * sizeof(hl__step) + LINE - 1) / LINE * LINE;
    hl__plan *plan = aligned_alloc(LINE, bytes);

    if (!plan)
        return NULL;
    memset(plan, 0, bytes);
    plan->refs = 1;
    plan->available = true;
    plan->rows = calloc(room ? room : 1, sizeof(*plan->rows));
    plan->missing = calloc(room ? room : 1, sizeof(*plan->missing));
    plan->left_out = calloc(room ? room : 1, sizeof(*plan->left_out));
    if (plan->rows && plan->missing && plan->left_out)
        return plan;
    hl__plan_unref(plan);
    return NULL;
}

static bool can_run(const hl__record *record, const hl__binding *binding, const hl__event_def *def)
{
    return binding && comes_from(binding, record, def) && binding->call && fits(def, binding);
}

/* Where the call is watched, hl__watched_call makes it. */
static hl__step step_of(hl__binding *binding, bool watched)
{
    if (watched || binding->watch.deadline_ms)
        return (hl__step){hl__watched_call, &binding->watch};
    return (hl__step){binding->call, binding->self};
}

static bool leave_out(hl__plan *plan, const hl__record *record, const hl__watch *watch)
{
    hl__plan_missing *row = &plan->left_out[plan->left_out_len++];

    row->record = hl__record_ref(record);
    if (asprintf(&row->reason, "a call in thread %d was over its deadline of %u ms; restart it to have it called again",
                 watch->out_tid, watch->deadline_ms) < 0)
        row->reason = NULL;
    return row->reason != NULL;
}

static bool add(hl__plan *plan, const hl__record *record, hl__binding *binding, const hl__event_def *def, bool watched)
{
    if (can_run(record, binding, def)) {
        if (binding->watch.out)
            return leave_out(plan, record, &binding->watch);
        plan->steps[plan->len] = step_of(binding, watched);
        plan->rows[plan->len++] = (hl__plan_row){hl__record_ref(record), hl__binding_ref(binding)};
        return true;
    }
    plan->missing[plan->missing_len].reason = why_missing(record, binding, def);
    plan->missing[plan->missing_len++].record = hl__record_ref(record);
    return plan->missing[plan->missing_len - 1].reason != NULL;
}

hl__plan *hl__plan_new(const hl__record *const *records, size_t records_len, const hl__event_def *def, unsigned flags,
                       hl__binding_of *binding_of, void *user)
{
    const hl__record **active = malloc((records_len ? records_len : 1) * sizeof(*active));
    size_t len = active ? pick_active(records, records_len, active) : 0;
    hl__plan *plan = active && sort_active(active, len) ? alloc(len) : NULL;

    for (size_t i = 0; plan && !binding_of && i < len; i++)
        plan->rows[plan->len++].record = hl__record_ref(active[i]);
    for (size_t i = 0; plan && binding_of && i < len; i++) {
        if (!add(plan, active[i], binding_of(user, active[i]->name), def, flags & HL__PLAN_WATCHED)) {
            hl__plan_unref(plan);
            plan = NULL;
        }
    }
    if (plan && plan->missing_len && !(flags & HL_EVENT_SKIP_MISSING))
        plan->available = false;
    free(active);
    return plan;
}

hl__plan *hl__plan_ref(hl__plan *plan)
{
    __atomic_add_fetch(&plan->refs, 1, __ATOMIC_RELAXED);
    return plan;
}

static void free_missing(hl__plan_missing *rows, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        hl__record_unref(rows[i].record);
        free(rows[i].reason);
    }
    free(rows);
}

void hl__plan_unref(hl__plan *plan)
{
    if (!plan || __atomic_sub_fetch(&plan->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    if (plan->watchdog)
        hl__watchdog_release();
    for (size_t i = 0; i < plan->len; i++) {
        hl__record_unref(plan->rows[i].record);
        hl__binding_unref(plan->rows[i].binding);
    }
    free_missing(plan->missing, plan->missing_len);
    free_missing(plan->left_out, plan->left_out_len);
    free(plan->rows);
    free(plan);
}

static bool same_missing(const hl__plan_missing *a, const hl__plan_missing *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (strcmp(a[i].record->name, b[i].record->name) != 0 || strcmp(a[i].reason, b[i].reason) != 0)
            return false;
    }
    return true;
}

static bool same_step(const hl__plan *a, const hl__plan *b, size_t at)
{
    return a->rows[at].binding == b->rows[at].binding && a->steps[at].call == b->steps[at].call;
}

bool hl__plan_same(const hl__plan *a, const hl__plan *b)
{
    if (a->available != b->available || a->len != b->len || a->missing_len != b->missing_len ||
        a->left_out_len != b->left_out_len)
        return false;
    for (size_t i = 0; i < a->len; i++) {
        if (!same_step(a, b, i))
            return false;
    }
    return same_missing(a->missing, b->missing, a->missing_len) &&
           same_missing(a->left_out, b->left_out, a->left_out_len);
}

bool hl__plan_watches(const hl__plan *plan)
{
    for (size_t i = 0; i < plan->len; i++) {
        if (plan->steps[i].call == hl__watched_call)
            return true;
    }
    return false;
}

/* What each verb does to a plugin's status, and how holds and releases spread. */
#include "core/lifecycle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/depends.h"
#include "core/error.h"
#include "core/grow.h"
#include "core/isolate.h"
#include "core/order.h"

/* ---- dependencies ---- */

static bool is_met(const hl__draft *draft, const char *entry)
{
    const hl__record *record = hl__depends_optional(entry) ? NULL : hl__draft_find(draft, entry);

    return hl__depends_optional(entry) || (record && hl__status_active(record->status));
}

static bool depends_met(const hl__draft *draft, const hl__record *record)
{
    for (size_t i = 0; i < record->depends_len; i++) {
        if (!is_met(draft, record->depends[i]))
            return false;
    }
    return true;
}

bool hl__unmet_depends(const hl__draft *draft, const hl__record *record, char *names, size_t names_len)
{
    size_t used = 0;
    bool any = false;

    names[0] = '\0';
    for (size_t i = 0; i < record->depends_len; i++) {
        const hl__record *dependency = hl__draft_find(draft, record->depends[i]);

        if (is_met(draft, record->depends[i]))
            continue;
        if (used < names_len)
            used += (size_t)snprintf(names + used, names_len - used, "%s\"%s\" (%s)", any ? ", " : "",
                                     record->depends[i], dependency ? hl__status_word(dependency->status) : "absent");
        any = true;
    }
    return any;
}

static const char *const *draft_depends(void *user, const char *name)
{
    const hl__record *record = hl__draft_find(user, name);

    return record ? record->depends : NULL;
}

/* ---- errors ---- */

const char *hl__op_word(const hl__op *op)
{
    static const char *const words[][4] = {
        [HL__REGISTER] = {"", "register", "register", "register"},
        [HL__START] = {"", "start", "start_event", "start_all"},
        [HL__STOP] = {"", "stop", "stop_event", "stop_all"},
        [HL__RESTART] = {"", "restart", "restart_event", "restart_all"},
        [HL__ENABLE] = {"", "enable", "enable", "enable"},
        [HL__UNREGISTER] = {"", "unregister", "unregister_event", "unregister_all"},
        [HL__ISOLATE] = {"", "isolate", "isolate", "isolate"},
        [HL__HOLD] = {"", "hold", "hold", "hold"},
    };

    return words[op->verb][op->scope];
}

static hl_status fail_absent(const hl__op *op)
{
    if (op->scope == HL__EVENT)
        return hl__fail(HL_ERR_NOT_FOUND, hl__op_word(op), "event", "Event \"%s\" has no plugins; register one first.",
                        op->subject);
    return hl__fail(HL_ERR_NOT_FOUND, hl__op_word(op), "name", "There is no plugin \"%s\"; register it first.",
                    op->subject);
}

static hl_status fail_unmet(const hl__draft *draft, const hl__op *op, const hl__record *record)
{
    char names[512];

    hl__unmet_depends(draft, record, names, sizeof(names));
    return hl__fail(HL_ERR_DEPENDENCY, hl__op_word(op), "depends",
                    "Plugin \"%s\" needs %s to be active; start or register what it depends on first.", record->name,
                    names);
}

/* ---- settling ---- */

/* Names whose dependents are to be looked at. A name may be queued again when its activity changes again. */
typedef struct worklist {
    char **names;
    size_t len, room, done;
} worklist;

static bool push(worklist *work, const char *name)
{
    if (!hl__grow(&work->names, work->len, &work->room, sizeof(*work->names)))
        return false;
    work->names[work->len] = strdup(name);
    return work->names[work->len++] != NULL;
}

static void cleanup(worklist *work)
{
    for (size_t i = 0; i < work->len; i++)
        free(work->names[i]);
    free(work->names);
}

/* The status that dependencies ask for; the record's own when they ask for none (TM-02..TM-06). */
static hl_plugin_status settled(const hl__draft *draft, const hl__record *record)
{
    if (hl__status_active(record->status) && !depends_met(draft, record))
        return HL_HELD;
    if (record->status == HL_HELD && !record->hold[0] && depends_met(draft, record))
        return HL_RESTARTED;
    return record->status;
}

static bool settle_one(hl__draft *draft, const hl__record *record, worklist *work)
{
    hl_plugin_status status = settled(draft, record);

    if (status == record->status)
        return true;
    return push(work, record->name) && hl__draft_set_status(draft, record->name, status);
}

/* Spreads from the queued names until nothing changes. Stored cycles end too: around a cycle a hold can pass once, and
 * a release cannot start in it (OD-16). */
static bool settle(hl__draft *draft, worklist *work)
{
    bool ok = true;

    for (; ok && work->done < work->len; work->done++) {
        const hl__record **dependents;
        size_t len;

        if (!hl__draft_dependents(draft, work->names[work->done], &dependents, &len))
            return false;
        for (size_t i = 0; ok && i < len; i++)
            ok = settle_one(draft, hl__draft_find(draft, dependents[i]->name), work);
        free(dependents);
    }
    return ok;
}

/* ---- one plugin ---- */

/* Puts a copy with other texts, or the same ones, in a record's place, which is gone then. Without a revision it counts
 * as changed in any case, so that other processes hear of it. */
static bool rewrite(hl__draft *draft, const hl__record *record, hl_plugin_status status, const char *isolation,
                    const char *hold)
{
    hl__record from = {.refs = 0};
    hl__record *changed;

    /* all but refs, which other threads change meanwhile */
    memcpy(from.id, record->id, sizeof(from) - offsetof(hl__record, id));
    from.revision = 0;
    from.status = status;
    from.isolation = isolation;
    from.hold = hold;
    changed = hl__record_new(&from);
    return changed && hl__draft_put(draft, changed->name, changed);
}

/* Whoever changes a plugin by name ends the hold that Hookline put on it. */
static bool change(hl__draft *draft, const hl__record *record, hl_plugin_status status, worklist *work)
{
    bool was = hl__status_active(record->status);

    if (record->status == status && !record->hold[0])
        return true;
    if (was != hl__status_active(status) && !push(work, record->name))
        return false;
    return record->hold[0] ? rewrite(draft, record, status, record->isolation, "")
                           : hl__draft_set_status(draft, record->name, status);
}

/* A restarted plugin that is restarted keeps its status and is written anew: every process begins anew with it. */
static bool set_active(hl__draft *draft, const hl__op *op, const hl__record *record, worklist *work)
{
    if (op->verb == HL__RESTART && record->status == HL_RESTARTED)
        return rewrite(draft, record, HL_RESTARTED, record->isolation, "");
    return change(draft, record, op->verb == HL__START ? HL_STARTED : HL_RESTARTED, work);
}

static hl_status apply_start(hl__draft *draft, const hl__op *op, const hl__record *record, worklist *work)
{
    if (record->status == HL_STOPPED)
        return hl__fail(HL_ERR_STATUS, hl__op_word(op), "status",
                        "Plugin \"%s\" was stopped by an operator; enable it instead.", record->name);
    if (!depends_met(draft, record))
        return fail_unmet(draft, op, record);
    return set_active(draft, op, record, work) ? HL_OK : hl__fail_memory(hl__op_word(op));
}

static hl_status apply_stop(hl__draft *draft, const hl__op *op, const hl__record *record, worklist *work)
{
    if (record->status == HL_STOPPED)
        return hl__fail(HL_ERR_STATUS, hl__op_word(op), "status", "Plugin \"%s\" is stopped already.", record->name);
    return change(draft, record, HL_STOPPED, work) ? HL_OK : hl__fail_memory("stop");
}

static hl_status apply_enable(hl__draft *draft, const hl__op *op, const hl__record *record, worklist *work)
{
    if (record->status != HL_STOPPED && !record->hold[0])
        return hl__fail(HL_ERR_STATUS, hl__op_word(op), "status",
                        "Plugin \"%s\" is %s; enable only ends an operator's stop. Use start or restart.", record->name,
                        hl__status_word(record->status));
    return change(draft, record, depends_met(draft, record) ? HL_RESTARTED : HL_HELD, work) ? HL_OK
                                                                                            : hl__fail_memory("enable");
}

static hl_status apply_unregister(hl__draft *draft, const hl__record *record, worklist *work)
{
    if (hl__status_active(record->status) && !push(work, record->name))
        return hl__fail_memory("unregister");
    return hl__draft_put(draft, record->name, NULL) ? HL_OK : hl__fail_memory("unregister");
}

/* What the operator stopped stays stopped, and needs no hold. */
static hl_status apply_hold(hl__draft *draft, const hl__op *op, const hl__record *record, worklist *work)
{
    if (record->status == HL_STOPPED)
        return HL_OK;
    if (hl__status_active(record->status) && !push(work, record->name))
        return hl__fail_memory("hold");
    return rewrite(draft, record, HL_HELD, record->isolation, op->text) ? HL_OK : hl__fail_memory("hold");
}

/* ---- isolating ---- */

/* Another member of the group (in a draft where `name` may have any isolation) with another strategy; NULL: none. */
static const char *other_strategy(const hl_isolation *isolation, const char *name, const hl__record *const *records,
                                  size_t len)
{
    for (size_t i = 0; i < len; i++) {
        hl_isolation *other = NULL;
        bool differs;

        if (strcmp(records[i]->name, name) == 0 || !hl__isolation_in_worker(records[i]->isolation) ||
            hl__isolation_read(records[i]->isolation, &other) != HL_OK)
            continue;
        differs = other->group && strcmp(other->group, isolation->group) == 0 && other->strategy != isolation->strategy;
        free(other);
        if (differs)
            return records[i]->name;
    }
    return NULL;
}

static hl_status check_group(const hl__draft *draft, const hl__op *op, const char *name, const hl_isolation *isolation)
{
    const hl__record **records;
    const char *other;
    size_t len;
    hl_status status = HL_OK;

    if (!isolation->group)
        return HL_OK;
    if (!hl__draft_list(draft, NULL, &records, &len))
        return hl__fail_memory(hl__op_word(op));
    other = other_strategy(isolation, name, records, len);
    if (other)
        status = hl__fail(HL_ERR_INVALID, hl__op_word(op), "isolation.strategy",
                          "Plugin \"%s\" is in group \"%s\" too and has another strategy; a group has one.", other,
                          isolation->group);
    free(records);
    return status;
}

static hl_status check_isolation(const hl__draft *draft, const hl__op *op, const hl__record *record,
                                 const char *isolation)
{
    hl_isolation *read = NULL;
    hl_status status = HL_OK;

    if (!isolation[0])
        return HL_OK;
    if (hl__isolation_in_worker(isolation) && !record->library[0])
        return hl__fail(HL_ERR_UNSUPPORTED, hl__op_word(op), "isolation.mode",
                        "Plugin \"%s\" is the host program's own code and cannot run in a worker; only plugins of a "
                        "library can.",
                        record->name);
    status = hl__isolation_read(isolation, &read);
    if (status == HL_OK)
        status = check_group(draft, op, record->name, read);
    free(read);
    return status;
}

/* The same isolation again begins anew with workers that had failed. */
static hl_status apply_isolate(hl__draft *draft, const hl__op *op, const hl__record *record)
{
    const char *isolation = op->text[0] ? op->text : record->asked;
    hl_status status = check_isolation(draft, op, record, isolation);

    if (status != HL_OK)
        return status;
    return rewrite(draft, record, record->status, isolation, record->hold) ? HL_OK : hl__fail_memory("isolate");
}

/* ---- registering ---- */

/* The status of a registered record: the operator's and the library's decisions stay where dependencies allow (TM-01..
 * TM-06; better than the seeds in X-057: a registered plugin with inactive dependencies becomes held). */
static hl_plugin_status status_on_register(const hl__draft *draft, const hl__record *record, const hl__record *old,
                                           bool start)
{
    if (old && old->status == HL_STOPPED)
        return HL_STOPPED;
    if (!depends_met(draft, record) || record->hold[0])
        return HL_HELD;
    if (old && hl__status_active(old->status))
        return old->status;
    if (old && old->status == HL_HELD)
        return HL_RESTARTED;
    return start ? HL_STARTED : HL_REGISTERED;
}

static hl_status refuse_cycle(const hl__draft *draft, const hl__op *op)
{
    char path[900];
    bool exhausted;

    if (hl__cycle_through(op->candidate->name, op->candidate->depends, draft_depends, (void *)(uintptr_t)draft, path,
                          sizeof(path), &exhausted))
        return hl__fail(HL_ERR_CYCLE, hl__op_word(op), "depends",
                        "The dependencies would close a cycle: %s. Remove one of them.", path);
    return exhausted ? hl__fail_memory(hl__op_word(op)) : HL_OK;
}

/* The operator's word on isolation, and Hookline's hold, stay. */
static hl__record *new_record(const hl__record *candidate, const hl__record *old)
{
    hl__record from = *candidate;

    from.asked = candidate->isolation;
    from.isolation = hl__isolation_kept(old, candidate->isolation);
    if (old)
        from.hold = old->hold;
    return hl__record_new(&from);
}

static hl_status apply_register(hl__draft *draft, const hl__op *op, worklist *work)
{
    const hl__record *old = hl__draft_find(draft, op->candidate->name);
    bool was_active = old && hl__status_active(old->status);
    hl_status status = refuse_cycle(draft, op);
    hl__record *record;
    hl__draft_row *row;

    if (status != HL_OK)
        return status;
    record = new_record(op->candidate, old);
    if (!record)
        return hl__fail_memory("register");
    record->inserted_at = old ? old->inserted_at : 0;
    record->updated_at = old ? old->updated_at : 0;
    record->revision = old ? old->revision : 0;
    if (old)
        memcpy(record->id, old->id, sizeof(record->id));
    else
        status = hl__uuid_new(record->id);
    record->status = status_on_register(draft, record, old, op->start);
    if (status == HL_OK)
        status = check_isolation(draft, op, record, record->isolation);
    if (status == HL_OK && was_active != hl__status_active(record->status) && !push(work, record->name))
        status = hl__fail_memory("register");
    if (status != HL_OK) {
        hl__record_unref(record);
        return status;
    }
    row = hl__draft_put(draft, record->name, record);
    if (!row)
        return hl__fail_memory("register");
    row->registered = true;
    return HL_OK;
}

/* ---- several plugins ---- */

/* Sorts by global dependency order, so that a bulk start sees dependencies started before their dependents. */
static bool sort_records(const hl__record **records, size_t len)
{
    hl_order_row *rows = calloc(len ? len : 1, sizeof(*rows));
    uint32_t *order = calloc(len ? len : 1, sizeof(*order));
    const hl__record **sorted = malloc((len ? len : 1) * sizeof(*sorted));
    bool cyclic, ok = rows && order && sorted;

    for (size_t i = 0; ok && i < len; i++)
        rows[i] = (hl_order_row){records[i]->name, records[i]->priority, records[i]->depends};
    ok = ok && hl__order(rows, len, order, &cyclic);
    for (size_t i = 0; ok && i < len; i++)
        sorted[i] = records[order[i]];
    if (ok && len)
        memcpy(records, sorted, len * sizeof(*records));
    free(rows);
    free(order);
    free(sorted);
    return ok;
}

/* What a bulk verb makes of a member, or nothing when it passes it by (LC-08, LC-12, LC-15). */
static bool apply_bulk_one(hl__draft *draft, const hl__op *op, const char *name, worklist *work)
{
    const hl__record *record = hl__draft_find(draft, name);

    if (op->verb == HL__UNREGISTER)
        return apply_unregister(draft, record, work) == HL_OK;
    if (record->hold[0] || record->status == HL_STOPPED)
        return true;
    if (op->verb == HL__STOP)
        return change(draft, record, HL_STOPPED, work);
    if (depends_met(draft, record))
        return set_active(draft, op, record, work);
    return op->verb == HL__RESTART || change(draft, record, HL_HELD, work);
}

static hl_status apply_bulk(hl__draft *draft, const hl__op *op, worklist *work)
{
    const hl__record **records;
    size_t len;
    bool ok = true;

    if (!hl__draft_list(draft, op->subject, &records, &len))
        return hl__fail_memory(hl__op_word(op));
    if (len == 0 && op->scope == HL__EVENT) {
        free(records);
        return fail_absent(op);
    }
    ok = sort_records(records, len);
    for (size_t i = 0; ok && i < len; i++)
        ok = apply_bulk_one(draft, op, records[i]->name, work);
    free(records);
    return ok ? HL_OK : hl__fail_memory(hl__op_word(op));
}

/* ---- dispatch of verbs ---- */

static hl_status apply_one(hl__draft *draft, const hl__op *op, worklist *work)
{
    const hl__record *record = hl__draft_find(draft, op->subject);

    if (!record)
        return fail_absent(op);
    switch (op->verb) {
    case HL__START:
    case HL__RESTART:
        return apply_start(draft, op, record, work);
    case HL__STOP:
        return apply_stop(draft, op, record, work);
    case HL__ENABLE:
        return apply_enable(draft, op, record, work);
    case HL__HOLD:
        return apply_hold(draft, op, record, work);
    case HL__ISOLATE:
        return apply_isolate(draft, op, record);
    default:
        return apply_unregister(draft, record, work);
    }
}

hl_status hl__lifecycle_apply(hl__draft *draft, const hl__op *op)
{
    worklist work = {0};
    hl_status status;

    if (op->verb == HL__REGISTER)
        status = apply_register(draft, op, &work);
    else if (op->scope == HL__ONE)
        status = apply_one(draft, op, &work);
    else
        status = apply_bulk(draft, op, &work);
    if (status == HL_OK && !settle(draft, &work))
        status = hl__fail_memory(hl__op_word(op));
    cleanup(&work);
    return status;
}

hl_status hl__lifecycle_settle_all(hl__draft *draft)
{
    const hl__record **records;
    worklist work = {0};
    size_t len;
    bool ok;

    if (!hl__draft_list(draft, NULL, &records, &len))
        return hl__fail_memory("open");
    ok = sort_records(records, len);
    for (size_t i = 0; ok && i < len; i++)
        ok = settle_one(draft, hl__draft_find(draft, records[i]->name), &work);
    ok = ok && settle(draft, &work);
    free(records);
    cleanup(&work);
    return ok ? HL_OK : hl__fail_memory("open");
}

/* Plans: what has to be done for each app, all of it up to the commit, the one commit, and what comes after. See
 * plan.h. */
#include "install/plan.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "install/journal.h"

#define ACTION "install"

/* ---- deciding ---------------------------------------------------------------------------------------------------- */

static bool is_version(const hl__app_version *version, const hl__app_version *wanted)
{
    return version && strcmp(version->version, wanted->version) == 0 &&
           hl__digest_same(version->sha256, wanted->sha256);
}

/* Going down is what a rollback is for, and that has one version to go to. */
static hl_status check_direction(const hl__app *installed, const hl__app *wanted)
{
    hl__version active, next;

    if (!hl__version_read(installed->active.version, &active) || !hl__version_read(wanted->active.version, &next) ||
        hl__version_compare(&next, &active) > 0)
        return HL_OK;
    return hl__fail(
        HL_ERR_VERSION, ACTION, "version",
        "The lockfile names %s %s with the checksum %s, and version %s is installed: only a newer one, or the "
        "one before it, can take its place. Uninstall %s first, or write the lockfile anew.",
        wanted->name, wanted->active.version, wanted->active.sha256, installed->active.version, wanted->name);
}

static hl__apps_step *add_step(hl__apps_plan *plan, hl__apps_plan_kind kind, const hl__app *wanted, const hl__app *old)
{
    hl__apps_step *step = &plan->rows[plan->len++];

    *step = (hl__apps_step){.kind = kind, .wanted = wanted, .in = HL__INSTALLATION_INIT};
    step->report = (hl_install_report)HL_INSTALL_REPORT_INIT;
    step->in.old = old;
    return step;
}

static hl_status decide_app(hl__apps_plan *plan, const hl__app *wanted)
{
    const hl__app *installed = hl__apps_find(&plan->apps, wanted->name);

    if (!installed) {
        add_step(plan, HL__APPS_INSTALL, wanted, NULL);
        return HL_OK;
    }
    if (is_version(&installed->active, &wanted->active))
        return HL_OK;
    if (is_version(installed->before, &wanted->active)) {
        add_step(plan, HL__APPS_ROLLBACK, wanted, installed);
        return HL_OK;
    }
    add_step(plan, HL__APPS_INSTALL, wanted, installed);
    return check_direction(installed, wanted);
}

static void decide_removals(hl__apps_plan *plan)
{
    for (size_t i = 0; i < plan->apps.len; i++) {
        if (!hl__apps_find(&plan->wanted, plan->apps.rows[i].name))
            add_step(plan, HL__APPS_REMOVE, NULL, &plan->apps.rows[i]);
    }
}

/* ---- refusals ---------------------------------------------------------------------------------------------------- */

static void write_refusal(const hl__apps_plan *plan, const hl__apps_step *step)
{
    const hl__app *wanted = step ? step->wanted : NULL;
    hl__journal_entry entry = {.action = step ? hl__apps_step_action(step) : ACTION,
                               .app = step ? hl__apps_step_app(step) : "",
                               .version = wanted ? wanted->active.version : "",
                               .before = step && step->in.old ? step->in.old->active.version : "",
                               .source = step && step->report.source ? step->report.source : plan->bundle,
                               .sha256 = wanted ? wanted->active.sha256 : "",
                               .key = step ? step->report.key : "",
                               .status = hl_last_error()->status,
                               .message = hl_last_error()->message};

    if (!(plan->spec.flags & HL_INSTALL_VERIFY_ONLY))
        hl__journal_refusal(plan->runtime, &entry);
}

hl_status hl__apps_plan_decide(hl__apps_plan *plan)
{
    const hl__app **order = calloc(plan->wanted.len + 1, sizeof(*order));
    hl_status status = HL_OK;

    plan->rows = calloc(plan->wanted.len + plan->apps.len + 1, sizeof(*plan->rows));
    if (!order || !plan->rows) {
        free(order);
        return hl__fail_memory(ACTION);
    }
    hl__apps_order(&plan->wanted, order);
    for (size_t i = 0; status == HL_OK && i < plan->wanted.len; i++)
        status = decide_app(plan, order[i]);
    free(order);
    if (status == HL_OK && (plan->spec.flags & HL_INSTALL_PRUNE))
        decide_removals(plan);
    if (status != HL_OK)
        write_refusal(plan, &plan->rows[plan->len - 1]);
    return status;
}

/* ---- doing ------------------------------------------------------------------------------------------------------- */

static hl_status bring_in(hl__apps_plan *plan)
{
    hl_status status = HL_OK;

    for (size_t i = 0; status == HL_OK && i < plan->len; i++) {
        status = hl__apps_step_begin(plan, &plan->rows[i]);
        if (status == HL_OK)
            status = hl__apps_step_bring_in(&plan->rows[i]);
        if (status != HL_OK)
            write_refusal(plan, &plan->rows[i]);
    }
    if (status != HL_OK)
        return status;
    status = hl__apps_plan_check(plan);
    if (status != HL_OK)
        write_refusal(plan, NULL);
    return status;
}

static hl_status make_ready(hl__apps_plan *plan)
{
    hl_status status = HL_OK;

    for (size_t i = 0; status == HL_OK && i < plan->len; i++) {
        status = hl__apps_step_make_ready(&plan->rows[i]);
        if (status != HL_OK)
            write_refusal(plan, &plan->rows[i]);
    }
    return status;
}

static hl_status commit(hl__apps_plan *plan)
{
    hl__activation **active = calloc(plan->len + 1, sizeof(*active));
    const hl__app **removed = calloc(plan->len + 1, sizeof(*removed));
    hl__apps_change change = {.runtime = plan->runtime, .action = ACTION, .flags = plan->spec.flags};
    hl_status status = active && removed ? HL_OK : hl__fail_memory(ACTION);

    for (size_t i = 0; status == HL_OK && i < plan->len; i++) {
        hl__apps_step *step = &plan->rows[i];

        if (step->kind == HL__APPS_REMOVE)
            removed[change.removed_len++] = step->in.old;
        else
            active[change.active_len++] = &step->in.activation;
        status = hl__course_step(&step->in.course, HL_STEP_ACTIVATE);
    }
    change.active = active;
    change.removed = removed;
    if (status == HL_OK)
        status = hl__apps_commit(&change);
    if (status != HL_OK)
        write_refusal(plan, NULL);
    free(active);
    free(removed);
    return status;
}

static void take_back(hl__apps_plan *plan)
{
    for (size_t i = 0; i < plan->len; i++)
        hl__take_back(&plan->rows[i].in);
}

hl_status hl__apps_plan_run(hl__apps_plan *plan)
{
    hl_status status = bring_in(plan);

    if (status != HL_OK || (plan->spec.flags & HL_INSTALL_VERIFY_ONLY) || !plan->len)
        return status;
    status = make_ready(plan);
    if (status == HL_OK)
        status = commit(plan);
    if (status != HL_OK) {
        take_back(plan);
        return status;
    }
    for (size_t i = 0; i < plan->len; i++)
        hl__apps_step_retire(&plan->rows[i]);
    return HL_OK;
}

void hl__apps_plan_cleanup(hl__apps_plan *plan)
{
    for (size_t i = 0; i < plan->len; i++)
        hl__apps_step_cleanup(&plan->rows[i]);
    free(plan->rows);
    plan->rows = NULL;
    plan->len = 0;
}

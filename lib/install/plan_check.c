/* Whether the apps of a plan fit together: each against all that there will be in the end, whatever order they come
 * in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "install/plan.h"

#define ACTION "install"

static const hl__apps_step *find_step(const hl__apps_plan *plan, const char *app)
{
    for (size_t i = 0; i < plan->len; i++) {
        if (strcmp(hl__apps_step_app(&plan->rows[i]), app) == 0)
            return &plan->rows[i];
    }
    return NULL;
}

/* ---- the end state ----------------------------------------------------------------------------------------------- */

/* Rows that borrow everything: `rows` alone is freed. */
static void add(hl__apps *to, const char *name, const hl__app_version *version)
{
    to->rows[to->len++] = (hl__app){.name = (char *)name, .active = *version};
}

static void add_installed(const hl__apps_plan *plan, const hl__app *app, hl__apps *to)
{
    const hl__apps_step *step = find_step(plan, app->name);
    const hl__app_version *version = step ? hl__apps_step_version(step) : &app->active;

    if (version)
        add(to, app->name, version);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const hl__app *)a)->name, ((const hl__app *)b)->name);
}

static hl_status make_end_state(const hl__apps_plan *plan, hl__apps *out)
{
    *out = (hl__apps){.rows = calloc(plan->apps.len + plan->len + 1, sizeof(*out->rows))};
    if (!out->rows)
        return hl__fail_memory(ACTION);
    for (size_t i = 0; i < plan->apps.len; i++)
        add_installed(plan, &plan->apps.rows[i], out);
    for (size_t i = 0; i < plan->len; i++) {
        if (!plan->rows[i].in.old)
            add(out, hl__apps_step_app(&plan->rows[i]), hl__apps_step_version(&plan->rows[i]));
    }
    qsort(out->rows, out->len, sizeof(*out->rows), by_name);
    return HL_OK;
}

static hl_status check_demands(const hl__apps *all)
{
    hl_status status = HL_OK;
    char reason[900];

    for (size_t i = 0; status == HL_OK && i < all->len; i++)
        status = hl__apps_check(all, all->rows[i].name, &all->rows[i].active);
    if (status != HL_ERR_REQUIRES && status != HL_ERR_CONFLICTS)
        return status;
    snprintf(reason, sizeof(reason), "%s", hl_last_error()->message);
    return hl__fail(
        status, ACTION, status == HL_ERR_REQUIRES ? "requires" : "conflicts",
        "The apps that there would be do not fit together: %s Nothing was changed. Write the lockfile where "
        "they do, or remove with --prune what it does not name.",
        reason);
}

/* ---- names of plugins -------------------------------------------------------------------------------------------- */

static hl_status check_name(const hl__apps_plan *plan, size_t before, const char *app, const char *plugin)
{
    for (size_t i = 0; i < before; i++) {
        const hl__app_version *other = hl__apps_step_version(&plan->rows[i]);

        if (other && hl__app_has_plugin(other, plugin))
            return hl__fail(HL_ERR_CONFLICTS, ACTION, "plugins",
                            "Plugin \"%s\" is in %s and in %s; one of the two has to rename it.", plugin,
                            hl__apps_step_app(&plan->rows[i]), app);
    }
    return HL_OK;
}

/* Against what is installed each was checked when it was read. */
static hl_status check_names(const hl__apps_plan *plan, size_t i)
{
    const hl__app_version *version = hl__apps_step_version(&plan->rows[i]);
    hl_status status = HL_OK;

    for (size_t j = 0; version && j < version->libraries_len; j++) {
        const hl__app_library *library = &version->libraries[j];

        for (size_t k = 0; status == HL_OK && k < library->plugins_len; k++)
            status = check_name(plan, i, hl__apps_step_app(&plan->rows[i]), library->plugins[k]);
    }
    return status;
}

hl_status hl__apps_plan_check(const hl__apps_plan *plan)
{
    hl__apps all;
    hl_status status = make_end_state(plan, &all);

    if (status == HL_OK)
        status = check_demands(&all);
    for (size_t i = 0; status == HL_OK && i < plan->len; i++)
        status = check_names(plan, i);
    free(all.rows);
    return status;
}

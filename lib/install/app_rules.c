/* What installed apps demand of each other: requirements and conflicts, both ways, each refusal with the whole list. */
#include <string.h>

#include "core/error.h"
#include "install/app.h"
#include "install/list.h"

#define ACTION "install"

static bool fits(const char *range, const char *version)
{
    hl__version parsed;

    return hl__version_parse(ACTION, "version", version, &parsed) == HL_OK && hl__range_matches(range, &parsed);
}

static void add_need(hl__list *list, const char *who, const hl__manifest_need *need, const char *installed)
{
    hl__list_add(list, "%s requires %s %s, %s%s", who, need->app, need->range, installed ? "and there is " : "",
                 installed ? installed : "which is not installed");
}

/* What the version that is to come needs of the others. */
static void check_own_needs(const hl__apps *apps, const char *name, const hl__app_version *version, hl__list *list)
{
    for (size_t i = 0; i < version->needs_len; i++) {
        const hl__manifest_need *need = &version->needs[i];
        const hl__app *app = hl__apps_find(apps, need->app);

        if (!app && !need->optional)
            add_need(list, name, need, NULL);
        else if (app && !fits(need->range, app->active.version))
            add_need(list, name, need, app->active.version);
    }
}

/* What the others need of it. */
static void check_needs_of_others(const hl__apps *apps, const char *name, const char *version, hl__list *list)
{
    for (size_t i = 0; i < apps->len; i++) {
        const hl__app *other = &apps->rows[i];

        for (size_t j = 0; strcmp(other->name, name) != 0 && j < other->active.needs_len; j++) {
            const hl__manifest_need *need = &other->active.needs[j];

            if (strcmp(need->app, name) == 0 && !fits(need->range, version))
                hl__list_add(list, "%s requires %s %s, and this is %s", other->name, name, need->range, version);
        }
    }
}

static void check_own_conflicts(const hl__apps *apps, const char *name, const hl__app_version *version, hl__list *list)
{
    for (size_t i = 0; i < version->conflicts_len; i++) {
        const hl__manifest_need *conflict = &version->conflicts[i];
        const hl__app *app = hl__apps_find(apps, conflict->app);

        if (app && strcmp(app->name, name) != 0 && fits(conflict->range, app->active.version))
            hl__list_add(list, "%s excludes %s %s, and there is %s", name, app->name, conflict->range,
                         app->active.version);
    }
}

static void check_conflicts_of_others(const hl__apps *apps, const char *name, const char *version, hl__list *list)
{
    for (size_t i = 0; i < apps->len; i++) {
        const hl__app *other = &apps->rows[i];

        for (size_t j = 0; strcmp(other->name, name) != 0 && j < other->active.conflicts_len; j++) {
            const hl__manifest_need *conflict = &other->active.conflicts[j];

            if (strcmp(conflict->app, name) == 0 && fits(conflict->range, version))
                hl__list_add(list, "%s excludes %s %s, and this is %s", other->name, name, conflict->range, version);
        }
    }
}

hl_status hl__apps_check(const hl__apps *apps, const char *name, const hl__app_version *version)
{
    hl__list list = HL__LIST_INIT;

    check_own_needs(apps, name, version, &list);
    check_needs_of_others(apps, name, version->version, &list);
    if (list.len)
        return hl__fail(HL_ERR_REQUIRES, ACTION, "requires", "%s. Install or upgrade these apps first.", list.text);
    check_own_conflicts(apps, name, version, &list);
    check_conflicts_of_others(apps, name, version->version, &list);
    if (list.len)
        return hl__fail(HL_ERR_CONFLICTS, ACTION, "conflicts", "%s. Uninstall these apps first.", list.text);
    return HL_OK;
}

static bool needs(const hl__app *app, const char *name)
{
    for (size_t i = 0; i < app->active.needs_len; i++) {
        if (!app->active.needs[i].optional && strcmp(app->active.needs[i].app, name) == 0)
            return true;
    }
    return false;
}

hl_status hl__apps_check_removal(const hl__apps *apps, const char *name)
{
    hl__list list = HL__LIST_INIT;

    for (size_t i = 0; i < apps->len; i++) {
        if (strcmp(apps->rows[i].name, name) != 0 && needs(&apps->rows[i], name))
            hl__list_add(&list, "%s %s", apps->rows[i].name, apps->rows[i].active.version);
    }
    if (list.len == 0)
        return HL_OK;
    return hl__fail(HL_ERR_DEPENDENTS, "uninstall", "app", "%s is required by %s; uninstall these first.", name,
                    list.text);
}

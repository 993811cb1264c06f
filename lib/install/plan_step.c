/* One app of a plan: where its package is taken from, and the parts of an installation, a rollback or a removal up to
 * the commit, which the plan makes for all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "install/bundle.h"
#include "install/change.h"
#include "install/plan.h"
#include "install/removal.h"
#include "install/report.h"
#include "install/spec.h"

#define ACTION "install"

const char *hl__apps_step_app(const hl__apps_step *step)
{
    return step->wanted ? step->wanted->name : step->in.old->name;
}

const char *hl__apps_step_action(const hl__apps_step *step)
{
    if (step->kind == HL__APPS_REMOVE)
        return "uninstall";
    if (step->kind == HL__APPS_ROLLBACK)
        return "rollback";
    return step->in.old ? "upgrade" : "install";
}

const hl__app_version *hl__apps_step_version(const hl__apps_step *step)
{
    if (step->kind == HL__APPS_REMOVE)
        return NULL;
    return step->kind == HL__APPS_ROLLBACK ? step->in.old->before : &step->in.version;
}

/* ---- what to install --------------------------------------------------------------------------------------------- */

static const char *text_or_null(const char *text)
{
    return text[0] ? text : NULL;
}

/* This lockfile is the one that counts, and the spec says all of it. */
static hl_install_spec spec_of(const hl__apps_plan *plan, const hl__app *app)
{
    const hl__origin *origin = &app->active.origin;
    hl_install_spec spec = HL_INSTALL_INIT(origin->type, origin->location);

    spec.tag = text_or_null(origin->tag);
    spec.asset = text_or_null(origin->asset);
    spec.app = app->name;
    spec.version = app->active.version;
    spec.sha256 = app->active.sha256;
    spec.flags = plan->spec.flags & ~(HL_INSTALL_LOCKED | HL_INSTALL_PRUNE);
    return spec;
}

/* What was signed when it was locked has to be signed in a bundle too, and what would have to be when it comes from its
 * source. */
static bool needs_signature(const hl__apps_plan *plan, const hl__app *app)
{
    const hl__origin *origin = &app->active.origin;
    bool github = origin->type == HL_SOURCE_GITHUB_TAG || origin->type == HL_SOURCE_GITHUB_LATEST;

    if (app->active.key[0])
        return true;
    if (origin->type == HL_SOURCE_URL && origin->answered[0] &&
        hl__policy_needs_signature(&plan->policy, origin->answered, NULL))
        return true;
    return origin->type != HL_SOURCE_PATH && hl__policy_needs_signature(&plan->policy, github ? NULL : origin->location,
                                                                        github ? origin->location : NULL);
}

static hl_status name_members(const hl__apps_plan *plan, hl__apps_step *step)
{
    char *member = hl__bundle_member(step->wanted);

    if (!member || asprintf(&step->package, "%s/%s", plan->members, member) < 0)
        step->package = NULL;
    if (!step->package || asprintf(&step->signature, "%s" HL__SIGNATURE_SUFFIX, step->package) < 0)
        step->signature = NULL;
    free(member);
    return step->signature ? HL_OK : hl__fail_memory(ACTION);
}

/* Installed like a package from this disk; kept and told is where it came from. */
static hl_status take_from_bundle(const hl__apps_plan *plan, hl__apps_step *step, hl_install_spec *spec)
{
    const hl__origin *origin = &step->wanted->active.origin;
    hl_status status = name_members(plan, step);

    if (status != HL_OK)
        return status;
    if (access(step->package, R_OK) != 0)
        return hl__fail(HL_ERR_NOT_FOUND, ACTION, "bundle", "The bundle has no package of %s %s.", step->wanted->name,
                        step->wanted->active.version);
    spec->type = HL_SOURCE_PATH;
    spec->location = step->package;
    spec->tag = spec->asset = NULL;
    if (needs_signature(plan, step->wanted))
        spec->signature = step->signature;
    step->in.from = plan->bundle;
    if (hl__origin_set(&step->in.origin, origin->type, origin->location, origin->tag, origin->asset) &&
        hl__origin_set_answered(&step->in.origin, origin->answered))
        return HL_OK;
    return hl__fail_memory(ACTION);
}

static hl_status begin_installation(const hl__apps_plan *plan, hl__apps_step *step)
{
    hl_install_spec spec = spec_of(plan, step->wanted);
    hl_status status = plan->bundle ? take_from_bundle(plan, step, &spec) : HL_OK;

    return status == HL_OK ? hl__install_spec_check(ACTION, &spec, &step->in.spec) : status;
}

hl_status hl__apps_step_begin(const hl__apps_plan *plan, hl__apps_step *step)
{
    hl__installation *in = &step->in;
    hl_status status;

    in->planned = true;
    in->runtime = plan->runtime;
    in->place = plan->place;
    in->policy = plan->policy;
    in->apps = plan->apps;
    in->old = hl__apps_find(&plan->apps, hl__apps_step_app(step));
    in->course = (hl__course){ACTION, &step->report, plan->spec.progress, plan->spec.user};
    status = hl__report_begin(ACTION, &step->report);
    return status == HL_OK && step->kind == HL__APPS_INSTALL ? begin_installation(plan, step) : status;
}

/* ---- the version before it --------------------------------------------------------------------------------------- */

static hl_status read_kept(hl__apps_step *step)
{
    hl__installation *in = &step->in;
    char *path = NULL;
    hl_status status;

    if (asprintf(&path, "%s/%s", in->place.path, in->old->before->folder) < 0)
        return hl__fail_memory(ACTION);
    in->activation = (hl__activation){.runtime = in->runtime,
                                      .course = &in->course,
                                      .place = &in->place,
                                      .what = "rollback",
                                      .app = in->old->name,
                                      .version = in->old->before,
                                      .old = in->old};
    status = hl__check_kept(in->old->before, path);
    if (status == HL_OK)
        status = hl__activation_read(&in->activation, path);
    free(path);
    return status;
}

/* ---- the parts --------------------------------------------------------------------------------------------------- */

hl_status hl__apps_step_bring_in(hl__apps_step *step)
{
    hl_status status = HL_OK;

    if (step->kind == HL__APPS_INSTALL)
        return hl__bring_in(&step->in);
    status = hl__policy_check_app(&step->in.policy, ACTION, step->in.old->name);
    return status == HL_OK && step->kind == HL__APPS_ROLLBACK ? read_kept(step) : status;
}

hl_status hl__apps_step_make_ready(hl__apps_step *step)
{
    hl_status status;

    if (step->kind == HL__APPS_INSTALL)
        return hl__make_ready(&step->in);
    if (step->kind == HL__APPS_REMOVE)
        return HL_OK;
    status = hl__activation_probe(&step->in.activation);
    return status == HL_OK ? hl__activation_prepare(&step->in.activation) : status;
}

void hl__apps_step_retire(hl__apps_step *step)
{
    if (step->kind == HL__APPS_REMOVE)
        hl__removal_retire(step->in.runtime, &step->in.place, step->in.old, &step->report);
    else
        hl__activation_retire(&step->in.activation);
}

void hl__apps_step_cleanup(hl__apps_step *step)
{
    hl__installation_cleanup(&step->in);
    hl_install_report_cleanup(&step->report);
    free(step->package);
    free(step->signature);
}

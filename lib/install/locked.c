/* hl_install_locked: all that a lockfile names, each the very package that was locked, from its source or from a
 * bundle. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "core/validate.h"
#include "install/bundle.h"
#include "install/change.h"
#include "install/installation.h"
#include "install/journal.h"
#include "install/lockfile.h"
#include "install/spec.h"

#define ACTION "install"

typedef struct locked {
    hl_runtime *runtime;
    hl_install_spec spec; /* the caller's progress, user and flags */
    hl__apps_place place;
    hl__policy policy;
    char *bundle;        /* absolute; NULL: there is none */
    hl__staging staging; /* where the bundle is unpacked */
    hl__apps wanted;
} locked;

/* What hl_install refuses it has put into the install log itself; this is for what is refused before or between. */
static void write_refusal(const locked *all, const hl__app *app, const char *source)
{
    hl__journal_entry entry = {.action = ACTION,
                               .app = app ? app->name : "",
                               .version = app ? app->active.version : "",
                               .source = source,
                               .sha256 = app ? app->active.sha256 : "",
                               .status = hl_last_error()->status,
                               .message = hl_last_error()->message};

    if (!(all->spec.flags & HL_INSTALL_VERIFY_ONLY))
        hl__journal_refusal(all->runtime, &entry);
}

/* ---- preparing --------------------------------------------------------------------------------------------------- */

static hl_status check_spec(const hl_install_spec *spec, hl_install_spec *out)
{
    *out = (hl_install_spec)HL_INSTALL_INIT((hl_source_type)0, NULL);
    if (!spec)
        return HL_OK;
    return hl__copy_struct(ACTION, "spec", out, sizeof(*out), spec, sizeof(*out));
}

/* The staging folder is this process's own; the lock is free again for the installations. */
static hl_status make_staging(locked *all)
{
    hl_status status = hl__apps_place_lock(&all->place, HL__APPS_LOCK_MS);

    if (status == HL_OK)
        status = hl__staging_make(&all->place, "bundle", &all->staging);
    if (all->place.lock >= 0)
        close(all->place.lock);
    all->place.lock = -1;
    return status;
}

static hl_status unpack_bundle(locked *all, const char *bundle)
{
    hl_status status = make_staging(all);

    all->bundle = realpath(bundle, NULL);
    if (status == HL_OK)
        status = hl__bundle_unpack(bundle, all->staging.folder, &all->policy.archive);
    if (status == HL_OK && !all->bundle)
        status = hl__fail_memory(ACTION);
    return status;
}

/* The one that is named, else the bundle's, else the store's. */
static hl_status read_lockfile(locked *all, const char *lockfile)
{
    const char *folder = all->bundle ? all->staging.path : all->place.store;
    char *path = NULL, *shown = NULL;
    hl_status status;

    if (lockfile)
        return hl__lockfile_read(lockfile, lockfile, &all->wanted);
    if (asprintf(&path, "%s/" HL__LOCKFILE_NAME, folder) < 0)
        return hl__fail_memory(ACTION);
    if (!all->bundle)
        status = hl__lockfile_read(path, path, &all->wanted);
    else if (asprintf(&shown, HL__LOCKFILE_NAME " of the bundle %s", all->bundle) < 0)
        status = hl__fail_memory(ACTION);
    else
        status = hl__lockfile_read(path, shown, &all->wanted);
    free(shown);
    free(path);
    return status;
}

static hl_status begin(locked *all, const char *lockfile, const char *bundle)
{
    hl_status status = hl__apps_place_open(all->runtime, &all->place);

    if (status == HL_OK)
        status = hl__policy_load(all->place.store, &all->policy);
    if (status == HL_OK && bundle)
        status = unpack_bundle(all, bundle);
    return status == HL_OK ? read_lockfile(all, lockfile) : status;
}

/* ---- an app ------------------------------------------------------------------------------------------------------ */

static bool is_installed(hl_runtime *runtime, const hl__app *app)
{
    hl__apps apps = {0};
    const hl__app *installed;
    bool same;

    if (hl__apps_read(runtime, &apps) != HL_OK)
        return false;
    installed = hl__apps_find(&apps, app->name);
    same = installed && strcmp(installed->active.version, app->active.version) == 0 &&
           hl__digest_same(installed->active.sha256, app->active.sha256);
    hl__apps_free(&apps);
    return same;
}

static const char *text_or_null(const char *text)
{
    return text[0] ? text : NULL;
}

static hl_install_spec spec_of(const locked *all, const hl__app *app)
{
    const hl__origin *origin = &app->active.origin;
    hl_install_spec spec = HL_INSTALL_INIT(origin->type, origin->location);

    spec.tag = text_or_null(origin->tag);
    spec.asset = text_or_null(origin->asset);
    spec.app = app->name;
    spec.version = app->active.version;
    spec.sha256 = app->active.sha256;
    spec.flags =
        all->spec.flags & ~HL_INSTALL_LOCKED; /* this lockfile is the one that counts, and the spec says it all */
    spec.progress = all->spec.progress;
    spec.user = all->spec.user;
    return spec;
}

/* What was signed when it was locked has to be signed in a bundle too, and what would have to be when it comes from its
 * source. */
static bool needs_signature(const locked *all, const hl__app *app)
{
    const hl__origin *origin = &app->active.origin;
    bool github = origin->type == HL_SOURCE_GITHUB_TAG || origin->type == HL_SOURCE_GITHUB_LATEST;

    if (app->active.key[0])
        return true;
    return origin->type != HL_SOURCE_PATH &&
           hl__policy_needs_signature(&all->policy, github ? NULL : origin->location, github ? origin->location : NULL);
}

static hl_status check_member(const locked *all, const hl__app *app, const char *path)
{
    hl_status status;

    if (access(path, R_OK) == 0)
        return HL_OK;
    status = hl__fail(HL_ERR_NOT_FOUND, ACTION, "bundle", "The bundle has no package of %s %s.", app->name,
                      app->active.version);
    write_refusal(all, app, all->bundle);
    return status;
}

static hl_status install_member(const locked *all, const hl__app *app, const char *path, const char *signature)
{
    hl_install_spec spec = spec_of(all, app);
    hl_status status = check_member(all, app, path);

    spec.type = HL_SOURCE_PATH;
    spec.location = path;
    spec.tag = spec.asset = NULL;
    if (needs_signature(all, app))
        spec.signature = signature;
    return status == HL_OK ? hl__install_from(all->runtime, &spec, &app->active.origin, all->bundle, NULL) : status;
}

static hl_status install_bundled(const locked *all, const hl__app *app)
{
    char *member = hl__bundle_member(app), *path = NULL, *signature = NULL;
    hl_status status;

    if (!member || asprintf(&path, "%s/%s", all->staging.path, member) < 0)
        path = NULL;
    if (!path || asprintf(&signature, "%s" HL__SIGNATURE_SUFFIX, path) < 0)
        signature = NULL;
    status = signature ? install_member(all, app, path, signature) : hl__fail_memory(ACTION);
    free(signature);
    free(path);
    free(member);
    return status;
}

static hl_status install_app(const locked *all, const hl__app *app)
{
    hl_install_spec spec;

    if (is_installed(all->runtime, app))
        return HL_OK;
    if (all->bundle)
        return install_bundled(all, app);
    spec = spec_of(all, app);
    return hl_install(all->runtime, &spec, NULL);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static hl_status install_all(const locked *all)
{
    const hl__app **order = calloc(all->wanted.len + 1, sizeof(*order));
    hl_status status = HL_OK;

    if (!order)
        return hl__fail_memory(ACTION);
    hl__apps_order(&all->wanted, order);
    for (size_t i = 0; status == HL_OK && i < all->wanted.len; i++)
        status = install_app(all, order[i]);
    free(order);
    return status;
}

static void end(locked *all)
{
    hl__error_copy error;

    hl__error_save(&error);
    hl__apps_free(&all->wanted);
    hl__staging_remove(&all->staging);
    hl__policy_cleanup(&all->policy);
    hl__apps_place_close(&all->place);
    free(all->bundle);
    (void)!hl__error_restore(&error);
}

hl_status hl_install_locked(hl_runtime *runtime, const char *lockfile, const char *bundle, const hl_install_spec *spec)
{
    locked all = {.runtime = runtime, .place = {.folder = -1, .lock = -1}, .staging = HL__STAGING_INIT};
    hl_status status = hl__check_may_change(runtime, ACTION);

    if (status != HL_OK)
        return status;
    status = check_spec(spec, &all.spec);
    if (status == HL_OK)
        status = begin(&all, lockfile, bundle);
    if (status == HL_OK)
        status = install_all(&all);
    else
        write_refusal(&all, NULL, bundle ? bundle : lockfile);
    end(&all);
    return status == HL_OK ? HL_OK : hl__fail_as(ACTION);
}

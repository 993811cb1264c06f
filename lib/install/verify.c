/* hl_verify: everything that installing checks before it runs code, each told by itself, also what comes after a
 * failure where that can still be checked. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "install/installation.h"
#include "install/placing.h"
#include "install/report.h"
#include "install/spec.h"

#define ACTION "verify"
#define NO_STORE "not checked: no store was given"

typedef struct verification {
    hl__installation in;
    hl_install_report report;
    hl_verify_fn *callback;
    void *user;
    bool has_store;
    bool opened, read, known; /* the package; its manifest's text; what that says */
    char *text;
    size_t len;
    hl_status first; /* failure */
    hl__error_copy error;
} verification;

/* The message of a check that is passed; of one that failed it is the thread's error. */
static bool tell(verification *all, const char *check, hl_status status, const char *message)
{
    if (status != HL_OK && all->first == HL_OK) {
        all->first = status;
        hl__error_save(&all->error);
    }
    if (all->callback)
        all->callback(all->user, check, status, status == HL_OK ? message : hl_last_error()->message);
    return status == HL_OK;
}

/* ---- the store --------------------------------------------------------------------------------------------------- */

static hl_status open_store(const char *store, hl_runtime **out)
{
    hl_options options = HL_OPTIONS_INIT;

    options.store = store ? store : "memory:";
    options.flags = HL_OPEN_RECORDS_ONLY | HL_OPEN_NO_CONTROL | (store ? HL_OPEN_READ_ONLY : 0);
    options.engine = HL_ENGINE_REFERENCE;
    return hl_open(&options, out);
}

/* Whether it is the folder of a store that nobody has opened yet: with a policy and without records. */
static bool is_prepared(const char *store)
{
    static const char scheme[] = "lmdb:";
    const char *folder = store + strlen(scheme);
    char *policy = NULL, *records = NULL;
    bool prepared = false;

    if (strncmp(store, scheme, strlen(scheme)) != 0)
        return false;
    if (asprintf(&policy, "%s/" HL__POLICY_NAME, folder) < 0)
        policy = NULL;
    if (asprintf(&records, "%s/data.mdb", folder) < 0)
        records = NULL;
    if (policy && records)
        prepared = access(policy, F_OK) == 0 && access(records, F_OK) < 0 && errno == ENOENT;
    free(policy);
    free(records);
    return prepared;
}

static hl_status take_prepared(hl__installation *in, const char *store)
{
    in->place.store = realpath(strchr(store, ':') + 1, NULL);
    if (!in->place.store || asprintf(&in->place.path, "%s/apps", in->place.store) < 0) {
        in->place.path = NULL;
        return hl__fail_memory(ACTION);
    }
    return open_store(NULL, &in->runtime);
}

/* Paths of what is not installed are only compared. */
static hl_status find_place(hl__installation *in)
{
    hl_status status = hl__apps_path(in->runtime, &in->place.path);
    char *slash;

    if (status != HL_OK)
        return status;
    in->place.store = strdup(in->place.path);
    if (!in->place.store)
        return hl__fail_memory(ACTION);
    slash = strrchr(in->place.store, '/');
    *slash = '\0';
    return hl__apps_read(in->runtime, &in->apps);
}

static hl_status take_store(hl__installation *in, const char *store, bool prepared)
{
    hl_status status = prepared ? take_prepared(in, store) : open_store(store, &in->runtime);

    if (status == HL_OK && !prepared)
        status = find_place(in);
    return status == HL_OK ? hl__policy_load(in->place.store, &in->policy) : status;
}

/* Where there is no store, or none that can be used, the rest is held against the default policy. */
static void check_store(verification *all, const char *store)
{
    hl__installation *in = &all->in;
    bool prepared = store && is_prepared(store);
    hl_status status = store ? take_store(in, store, prepared) : HL_OK;
    const char *message = prepared ? "it has a policy, and no apps yet" : store;

    all->has_store =
        tell(all, "store", status, message ? message : "none: the default policy, and no apps") && store != NULL;
    if (!all->has_store) {
        hl__policy_cleanup(&in->policy);
        status = hl__policy_load(NULL, &in->policy);
    }
    if (!in->runtime)
        status = open_store(NULL, &in->runtime);
    if (!in->place.path)
        in->place.path = strdup("");
    if (status != HL_OK && !all->has_store)
        tell(all, "memory", status, "");
}

/* ---- the package ------------------------------------------------------------------------------------------------- */

static hl_status make_staging(hl__installation *in)
{
    const char *temporary = getenv("TMPDIR");

    if (asprintf(&in->staging.path, "%s/hookline-verify.XXXXXX", temporary && *temporary ? temporary : "/tmp") < 0) {
        in->staging.path = NULL;
        return hl__fail_memory(ACTION);
    }
    if (!mkdtemp(in->staging.path)) {
        free(in->staging.path);
        in->staging.path = NULL;
        return hl__fail(HL_ERR_SYSTEM, ACTION, "TMPDIR", "Cannot make a folder for temporary files; set TMPDIR.");
    }
    in->staging.folder = open(in->staging.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return in->staging.folder >= 0 ? HL_OK : hl__fail(HL_ERR_SYSTEM, ACTION, "TMPDIR", "Cannot open a new folder.");
}

static void check_source(verification *all)
{
    hl_status status = make_staging(&all->in);

    if (status == HL_OK)
        status = hl__obtain(&all->in);
    all->opened = tell(all, "source", status, all->report.source);
}

static void check_trust(verification *all)
{
    hl__installation *in = &all->in;
    hl_status status;

    if (!all->opened)
        return;
    if (in->package < 0) {
        tell(all, "signature", HL_OK, "none: it is a folder");
        return;
    }
    status = hl__check_checksum(in); /* it fills in what is told */
    (void)!tell(all, "checksum", status, all->report.sha256);
    if (in->signature)
        tell(all, "signature", hl__check_signature(in), "by a key of the policy");
    else
        tell(all, "signature", HL_OK, "none, and none is needed from this source");
}

static void check_archive(verification *all)
{
    if (all->opened)
        all->read = tell(all, all->in.package < 0 ? "folder" : "archive",
                         hl__admit_text(&all->in, &all->text, &all->len), "every member keeps the rules");
}

static void check_manifest(verification *all)
{
    char message[HL__APP_NAME_MAX + HL__VERSION_MAX + 64];
    hl_status status;

    if (!all->read)
        return;
    status = hl__admit_manifest(&all->in, all->text, all->len);
    snprintf(message, sizeof(message), "%s %s%s", all->report.app, all->report.version,
             all->report.warnings_len ? ", with fields that are not known" : "");
    all->known = tell(all, "manifest", status, message);
    if (all->known)
        tell(all, "machine", hl__manifest_fits(&all->in.manifest), "built for this processor, C library and Hookline");
}

static void check_rules(verification *all)
{
    hl__installation *in = &all->in;
    bool locked = in->spec.flags & HL_INSTALL_LOCKED;

    if (!all->known)
        return;
    in->old = hl__apps_find(&in->apps, in->manifest.app);
    tell(all, "name", hl__admit_name(in), in->manifest.app);
    tell(all, "version", hl__admit_version(in),
         !all->has_store ? NO_STORE
         : in->old       ? "newer than the one that is installed"
                         : "the app is not installed");
    if (all->has_store)
        tell(all, "requirements", hl__admit_needs(in), "met, and nothing conflicts");
    else
        tell(all, "requirements", HL_OK, NO_STORE);
    if (locked && all->has_store)
        tell(all, "lockfile", hl__admit_lockfile(in), "names this very package");
    else
        tell(all, "lockfile", HL_OK, locked ? NO_STORE : "not checked: not asked for");
}

/* ---- libraries --------------------------------------------------------------------------------------------------- */

static hl_status read_libraries(verification *all, size_t from, size_t len)
{
    hl__installation *in = &all->in;
    hl__app_version part = in->version;
    hl__activation activation = {.runtime = in->runtime,
                                 .course = &in->course,
                                 .place = &in->place,
                                 .what = ACTION,
                                 .app = in->manifest.app,
                                 .version = &part,
                                 .old = in->old};
    char *folder = NULL;
    hl_status status;

    part.libraries += from;
    part.libraries_len = len;
    if (asprintf(&folder, "%s/" HL__STAGING_FILES, in->staging.path) < 0)
        return hl__fail_memory(ACTION);
    status = hl__activation_read(&activation, folder);
    hl__activation_cleanup(&activation);
    free(folder);
    return status;
}

/* What was noted of its plugins by reading it: "2 plugins; shop runs in a worker, ...". */
static void describe_library(const verification *all, const hl__app_library *library, size_t notes_len, char *out,
                             size_t out_len)
{
    const hl_install_report *report = &all->report;
    size_t len =
        (size_t)snprintf(out, out_len, "%zu plugin%s", library->plugins_len, library->plugins_len == 1 ? "" : "s");

    for (size_t i = notes_len; i < report->isolated_len && len < out_len; i++)
        len += (size_t)snprintf(out + len, out_len - len, "; %s", report->isolated[i]);
}

static void check_library(verification *all, size_t i)
{
    char message[1024];
    const hl__app_library *library = &all->in.version.libraries[i];
    size_t notes_len = all->report.isolated_len;
    hl_status status = read_libraries(all, i, 1);

    describe_library(all, library, notes_len, message, sizeof(message));
    tell(all, library->file, status, message);
}

static void check_libraries(verification *all)
{
    hl__installation *in = &all->in;

    if (!all->known || !in->runtime || !tell(all, "content", hl__unpack(in), "unpacked for a look"))
        return;
    for (size_t i = 0; i < in->version.libraries_len; i++)
        check_library(all, i);
    if (in->version.libraries_len > 1)
        tell(all, "plugins", read_libraries(all, 0, in->version.libraries_len), "each name once");
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static void end(verification *all)
{
    hl__installation *in = &all->in;

    hl__manifest_cleanup(&in->manifest);
    hl__app_version_cleanup(&in->version);
    hl__origin_cleanup(&in->origin);
    hl__apps_free(&in->apps);
    hl__policy_cleanup(&in->policy);
    if (in->staging.folder >= 0)
        close(in->staging.folder);
    if (in->staging.path)
        (void)!hl__folder_remove(AT_FDCWD, in->staging.path);
    free(in->staging.path);
    hl__apps_place_close(&in->place);
    if (in->package >= 0)
        close(in->package);
    if (in->folder >= 0)
        close(in->folder);
    free(in->signature);
    free(all->text);
    hl_install_report_cleanup(&all->report);
    hl_close(in->runtime);
}

hl_status hl_verify(const char *store, const hl_install_spec *spec, hl_verify_fn *callback, void *user)
{
    verification all = {.in = HL__INSTALLATION_INIT,
                        .report = HL_INSTALL_REPORT_INIT,
                        .callback = callback,
                        .user = user};
    hl_status status = hl__install_spec_check(ACTION, spec, &all.in.spec);

    if (status == HL_OK)
        status = hl__report_begin(ACTION, &all.report);
    if (status != HL_OK)
        return status;
    all.in.course = (hl__course){ACTION, &all.report, all.in.spec.progress, all.in.spec.user};
    check_store(&all, store);
    check_source(&all);
    check_trust(&all);
    check_archive(&all);
    check_manifest(&all);
    check_rules(&all);
    check_libraries(&all);
    end(&all);
    if (all.first == HL_OK)
        return HL_OK;
    (void)!hl__error_restore(&all.error);
    return hl__fail_as(ACTION);
}

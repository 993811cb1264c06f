/* The installer: plugin packages installed, upgraded, rolled back and removed while servers run. In libhookline, not in
 * libhookline-core.
 *
 * A package is an archive with a manifest, hookline.json, and plugin libraries. Installing one verifies it, unpacks it
 * into a folder of its own beside the other versions, tries its libraries in a throw-away process, has every running
 * server of the store load them, and only then makes them the app's active version, in one commit. Whatever fails
 * before leaves the old version as it was. docs/guide/9-packages.md walks through it. */
#ifndef HOOKLINE_INSTALL_H
#define HOOKLINE_INSTALL_H

#include <hookline/registry.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- installing ----------------------------------------------------------------------------------------------- */

/* Where a package comes from (IN-02..IN-05). */
typedef enum hl_source_type {
    HL_SOURCE_PATH = 1,         /* location: a package file, or a folder as `hookline pack` takes it */
    HL_SOURCE_URL = 2,          /* location: an https URL */
    HL_SOURCE_GITHUB_TAG = 3,   /* location: "owner/repository"; tag */
    HL_SOURCE_GITHUB_LATEST = 4 /* location: "owner/repository" */
} hl_source_type;

/* What an installation does at the moment. Download and unpack tell bytes. */
typedef enum hl_install_step {
    HL_STEP_RESOLVE = 1, /* asking for the release and choosing its asset */
    HL_STEP_DOWNLOAD,
    HL_STEP_VERIFY,   /* checksum, signature, manifest, rules */
    HL_STEP_UNPACK,   /* into the staging folder */
    HL_STEP_CHECK,    /* reading the libraries */
    HL_STEP_PROBE,    /* loading them in a throw-away process */
    HL_STEP_PREPARE,  /* loading them in the running servers */
    HL_STEP_ACTIVATE, /* the commit */
    HL_STEP_RETIRE    /* waiting until the old code is idle */
} hl_install_step;

/* total is 0 where it is not known. Called on the installing thread; false cancels what can still be undone
 * (HL_ERR_CANCELLED). */
typedef bool hl_progress_fn(void *user, hl_install_step step, uint64_t done, uint64_t total);

/* Flags of hl_install_spec. HL_WAIT_COMPILED and HL_WAIT_IDLE work as everywhere. */
#define HL_INSTALL_LOCKED (1u << 16)      /* only what the lockfile names, byte for byte; HL_ERR_LOCKFILE otherwise */
#define HL_INSTALL_VERIFY_ONLY (1u << 17) /* everything up to HL_STEP_CHECK, then stop: nothing is changed */
#define HL_INSTALL_NO_START (1u << 18)    /* new plugins are registered and not started */
#define HL_INSTALL_PRUNE (1u << 19) /* hl_install_locked only: apps that the lockfile does not name are uninstalled */

typedef struct hl_install_spec {
    size_t size; /* sizeof(hl_install_spec) */
    hl_source_type type;
    const char *location;
    const char *tag;       /* HL_SOURCE_GITHUB_TAG: required; else NULL */
    const char *asset;     /* exact name of the release's asset; NULL: chosen by processor and C library (DL-04) */
    const char *app;       /* NULL, or the name that the package must have */
    const char *version;   /* NULL, or the version that the package must have */
    const char *sha256;    /* NULL, or the package's checksum in 64 hexadecimal digits (SE-07) */
    const char *signature; /* path of a minisign signature; NULL: the location with ".minisig" behind it */
    unsigned flags;
    hl_progress_fn *progress; /* may be NULL */
    void *user;
} hl_install_spec;

#define HL_INSTALL_INIT(source_type, source_location)                                                                  \
    {                                                                                                                  \
        sizeof(hl_install_spec), (source_type), (source_location), NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL   \
    }

/* What an installation did, or how far it came. */
typedef struct hl_install_report {
    size_t size;
    char *app;            /* "" as long as it is not known */
    char *version;        /* the package's */
    char *before;         /* the version that was active before; "" when there was none */
    char *folder;         /* where the version lies; "" when it is not kept */
    char *sha256;         /* of the package; for a folder over the paths and contents of all its files */
    char *key;            /* id of the key that signed it; "" when no signature was checked */
    char *source;         /* where it came from in the end, after redirects */
    hl_install_step step; /* the last one that was begun */
    size_t plugins_len;
    size_t servers_len; /* running servers that took part */
    bool unloaded;      /* the old code has left this process and every server that was asked */
    uint64_t bytes;     /* of the package */
    uint64_t unpacked_bytes;
    char **warnings; /* unknown manifest fields and the like, warnings_len of them */
    size_t warnings_len;
    /* "shop runs in a worker, 64 MiB, no network, ...": a line for each plugin that is isolated in any way, by the
     * package or the operator. */
    char **isolated;
    size_t isolated_len;
} hl_install_report;

#define HL_INSTALL_REPORT_INIT                                                                                         \
    {                                                                                                                  \
        sizeof(hl_install_report), NULL, NULL, NULL, NULL, NULL, NULL, NULL, (hl_install_step)0, 0, 0, false, 0, 0,    \
            NULL, 0, NULL, 0                                                                                           \
    }

/* Frees what a report holds and makes it empty. [any-thread] */
HL_API void hl_install_report_cleanup(hl_install_report *report);

/* Installs or upgrades (IN-01, IN-18). All or nothing, also across kill -9: the app is then fully old or fully new.
 * Every outcome is in the install log. Plugins that the store knows keep their status (G9); new ones are started.
 * Installations on one store are serialised, also between processes. What the manifest names as data folder is copied
 * to STORE/apps/APP/data by the first version that brings one, and is kept over upgrades.
 *
 * report  may be NULL; otherwise filled in whatever the outcome, freed with hl_install_report_cleanup
 * fails   HL_ERR_INVALID (field), HL_ERR_POLICY, HL_ERR_PROTECTED, HL_ERR_DOWNLOAD, HL_ERR_ASSET, HL_ERR_CHECKSUM,
 *         HL_ERR_SIGNATURE, HL_ERR_ARCHIVE, HL_ERR_MANIFEST, HL_ERR_VERSION, HL_ERR_REQUIRES, HL_ERR_CONFLICTS,
 *         HL_ERR_LOCKFILE, HL_ERR_CANCELLED, HL_ERR_LIMIT, HL_ERR_UNLOAD, HL_ERR_SERVER, HL_ERR_STORE_FULL,
 *         HL_ERR_SYSTEM and those of hl_register_library
 * [not-in-plugin] */
HL_API HL_MUST_USE hl_status hl_install(hl_runtime *runtime, const hl_install_spec *spec, hl_install_report *report);

/* ---- the queue ------------------------------------------------------------------------------------------------- */

/* Checks the spec and puts it into the store's queue, which one process at a time works through in order, also after a
 * restart (IN-15, RP-01). progress is not kept. What a URL holds of user, password and query lies in the store until
 * the job has ended, and longer only in parts of its file that are not used any more. A spec that is refused is in the
 * install log. The outcome is told by a notice (HL_NOTICE_INSTALLED or HL_NOTICE_INSTALL_FAILED), once, and kept with
 * the job. One in whose course two processes have died is not tried again: it has failed with HL_ERR_PROBE.
 * [any-thread] */
HL_API HL_MUST_USE hl_status hl_install_async(hl_runtime *runtime, const hl_install_spec *spec, uint64_t *job);

typedef enum hl_job_state { HL_JOB_WAITING = 1, HL_JOB_RUNNING = 2, HL_JOB_DONE = 3, HL_JOB_FAILED = 4 } hl_job_state;

typedef struct hl_job_info {
    size_t size;
    uint64_t job;
    hl_job_state state;
    const char *location; /* a URL without user, password and query */
    const char *app;      /* "" as long as it is not known */
    const char *version;  /* "" as long as it is not known */
    hl_status status;     /* of a job that has ended */
    const char *message;  /* of one that failed */
    int64_t asked_at;     /* seconds since 1970 */
} hl_job_info;

/* Walks the queue, oldest job first; ended jobs are kept until hl_gc. [any-thread] */
HL_API HL_MUST_USE hl_status hl_jobs(hl_runtime *runtime, bool (*callback)(const hl_job_info *, void *user),
                                     void *user);

/* ---- removing, going back, cleaning up -------------------------------------------------------------------------- */

/* Removes an app: unregisters its plugins, waits some seconds for its code to become idle here and in the running
 * servers (report->unloaded tells), and deletes its versions and its data. Fails with HL_ERR_NOT_FOUND,
 * HL_ERR_PROTECTED, HL_ERR_DEPENDENTS (the message lists them). report may be NULL. flags: HL_WAIT_COMPILED.
 * [not-in-plugin] */
HL_API HL_MUST_USE hl_status hl_uninstall(hl_runtime *runtime, const char *app, unsigned flags,
                                          hl_install_report *report);

/* Makes the version that was active before active again, through the same steps as an installation; its files are
 * checked against the hashes taken when it was installed. HL_ERR_NOT_FOUND when there is none. Doing it twice is back
 * where one began. flags: HL_WAIT_COMPILED, HL_WAIT_IDLE. [not-in-plugin] */
HL_API HL_MUST_USE hl_status hl_rollback(hl_runtime *runtime, const char *app, unsigned flags,
                                         hl_install_report *report);

/* Takes an app that was put aside at boot back into service: it is tried again at once. HL_ERR_NOT_FOUND, HL_ERR_STATUS
 * when it is not aside. Deaths are counted per store, over all its processes: one that loads the app well in between
 * sets the count back to zero, so that an app that kills only one of several kinds of servers may never be put aside.
 * [not-in-plugin] */
HL_API HL_MUST_USE hl_status hl_app_retry(hl_runtime *runtime, const char *app);

typedef struct hl_gc_report {
    size_t size;
    size_t versions_len;  /* folders of versions that nothing needs any more */
    size_t leftovers_len; /* staging folders, downloads and files that belong to nothing */
    uint64_t bytes;
} hl_gc_report;

/* Deletes what no app needs: versions other than the active one and the one to roll back to (that one too where the
 * policy keeps 0), data of apps that are not installed, what killed processes left, ended jobs. report may be NULL.
 * [not-in-plugin] */
HL_API HL_MUST_USE hl_status hl_gc(hl_runtime *runtime, hl_gc_report *report);

/* ---- asking ---------------------------------------------------------------------------------------------------- */

typedef enum hl_app_state {
    HL_APP_ACTIVE = 1,
    HL_APP_BROKEN = 2, /* its code could not be loaded in this process; reason tells */
    HL_APP_ASIDE = 3   /* two starts in a row, of any process on the store, died while loading it: not loaded any more
                          until hl_app_retry */
} hl_app_state;

typedef struct hl_app_info {
    size_t size;
    const char *app;
    const char *version;
    const char *before; /* the version to roll back to; "" when there is none */
    const char *folder;
    const char *source;
    const char *sha256;
    const char *key;
    const char *const *requires_apps; /* "name >=1.2", NULL-terminated */
    const char *const *capabilities;  /* NULL-terminated */
    size_t plugins_len;
    int64_t installed_at; /* seconds since 1970 */
    hl_app_state state;
    const char *reason; /* "" when active */
} hl_app_info;

/* Walks the installed apps, by name (IR-02). Strings are valid during the call. [any-thread] */
HL_API HL_MUST_USE hl_status hl_installed(hl_runtime *runtime, bool (*callback)(const hl_app_info *, void *user),
                                          void *user);

typedef struct hl_install_entry {
    size_t size;
    uint64_t number;
    int64_t at; /* seconds since 1970 */
    int64_t pid;
    const char *action; /* "install", "upgrade", "rollback", "uninstall", "aside", "retry" */
    const char *app;
    const char *version;
    const char *before;
    const char *source;
    const char *sha256;
    const char *key;
    hl_status status;    /* HL_OK, or why it was refused */
    const char *message; /* "" when it was done */
    const char *hash;    /* of this entry and all before it */
} hl_install_entry;

/* Walks the install log, oldest first. [any-thread] */
HL_API HL_MUST_USE hl_status hl_install_log(hl_runtime *runtime, bool (*callback)(const hl_install_entry *, void *user),
                                            void *user);

/* Recomputes every hash of the install log. HL_ERR_STORE_CORRUPT names the first entry that was changed, is missing or
 * was put in. head (may be NULL, 65 bytes) gets the newest hash, to be kept elsewhere. [any-thread] */
HL_API HL_MUST_USE hl_status hl_install_log_verify(hl_runtime *runtime, uint64_t *entries, char *head);

/* ---- making and examining packages: no runtime needed ------------------------------------------------------------ */

/* Packs a folder into `<app>-<version>.tar.gz` in out_folder (NULL: the current one): hookline.json, lib/, priv/, the
 * data folder, and README*, LICENSE*, LICENCE*, COPYING*, NOTICE* and CHANGELOG* beside them, all in one folder
 * `<app>-<version>`; what else lies there is left out. The same content gives the same bytes, whoever packs it, where
 * and when. path (may be NULL) gets the file's path, owned by the caller. Refuses what installing would refuse, and a
 * manifest that lists other plugins than its libraries have: HL_ERR_NOT_FOUND (folder), HL_ERR_MANIFEST,
 * HL_ERR_VERSION, HL_ERR_ARCHIVE, HL_ERR_LIMIT, HL_ERR_ABI, HL_ERR_ARCHITECTURE, HL_ERR_STORE_FULL, HL_ERR_SYSTEM and
 * those of hl_library_inspect. [any-thread] */
HL_API HL_MUST_USE hl_status hl_pack(const char *folder, const char *out_folder, char **path);

/* Goes through everything that installing would check of a file or folder, without loading code: one call for each
 * check, in order, also after the first that fails. Returns the first failure. store (may be NULL): the store whose
 * policy and apps it is held against. [any-thread] */
typedef void hl_verify_fn(void *user, const char *check, hl_status status, const char *message);
HL_API HL_MUST_USE hl_status hl_verify(const char *store, const hl_install_spec *spec, hl_verify_fn *callback,
                                       void *user);

/* ---- lockfile and bundle --------------------------------------------------------------------------------------- */

/* Writes what is installed, with sources, versions and checksums, to a lockfile; the same apps give the same text. path
 * NULL: hookline.lock in the store's folder. [any-thread] */
HL_API HL_MUST_USE hl_status hl_lock_write(hl_runtime *runtime, const char *path);

/* Brings the store to what a lockfile says: every app that it names has the version that it names, from its source or
 * from a bundle (NULL: none), and each package has to be the very one that was locked. lockfile NULL: the bundle's, or
 * hookline.lock in the store's folder. What is installed already is left alone; what is older is upgraded; what has the
 * locked version before it is rolled back to that; going down any further is refused (HL_ERR_VERSION). Apps that the
 * lockfile does not name stay, unless HL_INSTALL_PRUNE is given: with it they are uninstalled, and the store is exactly
 * what the lockfile says.
 *
 * All of it is one plan: requirements and conflicts are checked for the state that there will be in the end, so that
 * apps that constrain each other can move together, and one commit makes it active. The first failure ends it; then
 * nothing was changed, also across kill -9. HL_INSTALL_VERIFY_ONLY stops before the first app's code is tried.
 *
 * A package of a bundle has to be signed where the lockfile names a key, and where its source is remote and the policy
 * wants signatures from there. One that was locked without a key from a path needs none, like every local package
 * (SE-05): what a bundle with its own lockfile says of such a package is trusted as far as the bundle is. spec may be
 * NULL; its progress, user and flags are used. Fails as hl_install, hl_rollback and hl_uninstall do. [not-in-plugin] */
HL_API HL_MUST_USE hl_status hl_install_locked(hl_runtime *runtime, const char *lockfile, const char *bundle,
                                               const hl_install_spec *spec);

/* Writes an air-gap bundle: one tar with a lockfile and every package and signature that it names. The packages are
 * those that are kept beside the installed versions, so that a version takes its package's size on disk once more. An
 * app that was installed from a folder has none: HL_ERR_NOT_FOUND naming it. [any-thread] */
HL_API HL_MUST_USE hl_status hl_bundle_write(hl_runtime *runtime, const char *path);

#ifdef __cplusplus
}
#endif
#endif

/* Installed apps: their documents in the store, their folders, and the lock under which they are changed.
 *
 *   STORE/install.json                      the policy
 *   STORE/apps/lock                         flock: one change of apps at a time, over all processes
 *   STORE/apps/queue.lock                   flock: the process that works through the queue
 *   STORE/apps/boot/PID.TIME                which app a process is loading at the moment
 *   STORE/apps/staging/NAME.XXXXXX          what is being downloaded and unpacked; whoever holds the lock may delete it
 *   STORE/apps/APP/VERSION-SHA8/...         a version's files, read only, renamed into place once complete
 *   STORE/apps/APP/VERSION-SHA8.package     the package that it was unpacked from, and .minisig: for bundles
 *   STORE/apps/APP/data/                    what a package's "data" folder holds: kept over upgrades
 *
 * Documents: "app/NAME" for an installed app, "install-log/NUMBER", "job/NUMBER", "boot/NAME". */
#ifndef HL_INSTALL_APP_H
#define HL_INSTALL_APP_H

#include <hookline/install.h>

#include "core/document.h"
#include "install/archive.h"
#include "install/manifest.h"

#define HL__APP_KEY "app/"
#define HL__APPS_LOCK "lock" /* beside the apps' folders; no app can have these names, nor "staging" */
#define HL__APPS_BOOT "boot" /* files of the crash guard: see guard.h */
#define HL__PACKAGE_SUFFIX ".package"
#define HL__SIGNATURE_SUFFIX ".minisig" /* behind the other */
#define HL__APPS_QUEUE "queue.lock"     /* flock: the process that works through the queue */

typedef struct hl__app_library {
    char *file; /* "lib/shop.so" */
    char sha256[HL__SHA256_TEXT];
    char **plugins;
    char **isolation; /* of each, as the package asks for it: see hl__manifest_library; NULL: nothing is known of any */
    size_t plugins_len;
} hl__app_library;

/* Where a package can be had again; the fields are those of hl_install_spec. */
typedef struct hl__origin {
    hl_source_type type;
    char *location;
    char *tag;      /* "" when it has none */
    char *asset;    /* the same */
    char *answered; /* of an address: where it came from in the end; "" otherwise, and where that is not known */
} hl__origin;

/* One version of an app, as it was installed. */
typedef struct hl__app_version {
    char *version;
    char *folder; /* below apps/: "shop/1.2.0-3f2a9c01" */
    char *source; /* where it came from in the end */
    hl__origin origin;
    char *sha256; /* of the package */
    char *key;
    int64_t installed_at;
    hl__manifest_need *needs;
    size_t needs_len;
    hl__manifest_need *conflicts;
    size_t conflicts_len;
    char **capabilities;
    size_t capabilities_len;
    hl__app_library *libraries;
    size_t libraries_len;
    hl__package_files files; /* all of them, to be checked before a rollback */
} hl__app_version;

typedef struct hl__app {
    char *name;
    hl__app_version active;
    hl__app_version *before; /* NULL: none */
} hl__app;

hl_status hl__app_encode(const hl__app *app, char **text);
hl_status hl__app_decode(const char *text, hl__app *out); /* HL_ERR_STORE_CORRUPT */
void hl__app_cleanup(hl__app *app);
void hl__app_version_cleanup(hl__app_version *version);
size_t hl__app_plugins_len(const hl__app_version *version); /* in all of its libraries */
bool hl__app_has_plugin(const hl__app_version *version, const char *name);
/* What the package asks for one of the library's plugins; "" for nothing. */
const char *hl__app_isolation(const hl__app_library *library, const char *plugin);
/* False without memory. NULL texts count as "". */
bool hl__origin_set(hl__origin *origin, hl_source_type type, const char *location, const char *tag, const char *asset);
bool hl__origin_set_answered(hl__origin *origin, const char *answered);
void hl__origin_cleanup(hl__origin *origin);
/* "path", "url", "github_tag", "github_latest"; and the type of a word, 0 for what is none. */
const char *hl__source_word(hl_source_type type);
hl_source_type hl__source_of_word(const char *word);

/* All apps of a store, sorted by name. */
typedef struct hl__apps {
    hl__app *rows;
    size_t len;
} hl__apps;

hl_status hl__apps_read(hl_runtime *runtime, hl__apps *out);
/* The same for who has the lock and is about to change them: also what a killed process committed last. */
hl_status hl__apps_read_locked(hl_runtime *runtime, hl__apps *out);
void hl__apps_free(hl__apps *apps);
const hl__app *hl__apps_find(const hl__apps *apps, const char *name);
/* Fills order[0..len) with the rows so that each comes after those it requires; ties by name. Requirements that are
 * missing or form a circle do not stop it. */
void hl__apps_order(const hl__apps *apps, const hl__app **order);

/* Needs and conflicts of a version that is to become active, against all the others, and of all the others against it.
 * HL_ERR_REQUIRES, HL_ERR_CONFLICTS: the message lists every one. */
hl_status hl__apps_check(const hl__apps *apps, const char *name, const hl__app_version *version);
/* HL_ERR_DEPENDENTS listing the apps that need `name`. */
hl_status hl__apps_check_removal(const hl__apps *apps, const char *name);

/* ---- folders and the lock ---- */

typedef struct hl__apps_place {
    char *path;  /* STORE/apps */
    char *store; /* STORE */
    int folder;  /* open */
    int lock;    /* open and locked; -1: not locked */
} hl__apps_place;

/* Whether a name in STORE/apps is one of Hookline's own: no app can have it. */
bool hl__apps_name_is_own(const char *name);

/* The absolute path of STORE/apps, owned by the caller, without touching the disk. */
hl_status hl__apps_path(hl_runtime *runtime, char **out);

/* Opens STORE/apps, making it where it is missing. HL_ERR_UNSUPPORTED for a store that has no folder. */
hl_status hl__apps_place_open(hl_runtime *runtime, hl__apps_place *out);
/* Waits for the lock, at most timeout_ms: HL_ERR_TIMEOUT. */
hl_status hl__apps_place_lock(hl__apps_place *place, uint32_t timeout_ms);
void hl__apps_place_close(hl__apps_place *place);

/* Deletes a folder and all in it, relative to an open one. ENOENT is success. */
hl_status hl__folder_remove(int parent, const char *path);
/* fsync of the folder itself. */
hl_status hl__folder_sync(int folder);

/* The absolute path of a version's library. NULL without memory; owned by the caller. */
char *hl__app_library_path(const hl__apps_place *place, const hl__app_version *version, const hl__app_library *library);

#endif

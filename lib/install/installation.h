/* An installation on its way from a spec to an active version. install.c conducts; each file below does one part, in
 * this order. A part that fails has set the thread's error; whatever was made so far is in the struct and is taken
 * back by install.c. */
#ifndef HL_INSTALL_INSTALLATION_H
#define HL_INSTALL_INSTALLATION_H

#include "install/activation.h"
#include "install/app.h"
#include "install/course.h"
#include "install/policy.h"
#include "install/staging.h"

#define HL__APPS_LOCK_MS 600000 /* how long a change of apps waits for the one before it */

typedef struct hl__installation {
    hl_runtime *runtime;
    hl_install_spec spec; /* checked */
    hl__course course;
    hl__apps_place place;
    hl__policy policy;
    hl__apps apps;
    const hl__app *old; /* in apps; NULL: not installed yet */

    hl__staging staging;
    int package; /* the archive's private copy, in the staging folder; -1: it is a folder */
    int folder;  /* the folder: the caller's until it was admitted, from then on its private copy; -1: an archive */
    hl__origin origin;
    const char *from; /* told as the source instead of the location; NULL: the location */
    char *signature;  /* text of the signature; NULL: there is none and none is needed */
    size_t signature_len;

    hl__manifest manifest;
    hl__app_version version;
    hl__activation activation;
    bool placed;      /* the version's folder was put there by this installation */
    bool data_placed; /* and so was the app's data folder */
    bool planned;     /* one of several in a plan, whose place, policy and apps these are: what apps demand of each
                         other is checked for all of them at once */
} hl__installation;

#define HL__INSTALLATION_INIT                                                                                          \
    {                                                                                                                  \
        .place = {.folder = -1, .lock = -1}, .staging = HL__STAGING_INIT, .package = -1, .folder = -1                  \
    }

#define HL__STAGING_PACKAGE "package" /* the private copy of an archive, in the staging folder */

/* obtain.c: copies or downloads the package into the staging folder, with its signature. Nobody else can write to what
 * lies there, so that what is verified is what is unpacked and kept. A folder is only opened. */
hl_status hl__obtain(hl__installation *in);

/* private_copy.c: makes the file for the package; copies a package, `len` bytes of an open file; and a folder, whose
 * copy is in->folder afterwards. */
int hl__private_file(const hl__installation *in, const char *name);
hl_status hl__private_package(hl__installation *in, int from, uint64_t len);
hl_status hl__private_folder(hl__installation *in);

/* trust.c: checksum and signature of the private copy. */
hl_status hl__check_trust(hl__installation *in);
hl_status hl__check_checksum(hl__installation *in);
hl_status hl__check_signature(hl__installation *in);

/* admit.c: the manifest, and every rule that can be checked before unpacking. */
hl_status hl__admit(hl__installation *in);
/* The same one by one, for hl_verify: the manifest's text, owned by the caller, out of a package that keeps every
 * rule, where a folder is copied first; what it says; and the rules, with `old` set where the app is installed. */
hl_status hl__admit_text(hl__installation *in, char **text, size_t *len);
hl_status hl__admit_manifest(hl__installation *in, const char *text, size_t len);
hl_status hl__admit_name(const hl__installation *in);
hl_status hl__admit_version(const hl__installation *in);
hl_status hl__admit_needs(const hl__installation *in);
hl_status hl__admit_lockfile(const hl__installation *in);

/* unpack.c: the files into the staging folder, and the version's record. */
hl_status hl__unpack(hl__installation *in);

/* keep.c: moves the package beside where its version will lie, for bundles. */
hl_status hl__keep_package(hl__installation *in, int app_folder);
/* Deletes what is kept of a version, whose folder's name in app_folder is given. */
void hl__forget_package(int app_folder, const char *version_folder);
/* Whether a name in an app's folder is that of a kept package of the version (may be NULL). */
bool hl__is_package_of(const hl__app_version *version, const char *name);
/* Its path below STORE/apps; NULL without memory. */
char *hl__package_path(const hl__app_version *version, const char *suffix);

/* settle.c: the unpacked version into its place; and back out again after a failure. */
hl_status hl__put_in_place(hl__installation *in);
void hl__take_out_of_place(hl__installation *in);

/* ---- install.c: the parts together ---- */

/* Waits until nobody else changes apps: HL_ERR_TIMEOUT, HL_ERR_CANCELLED. */
hl_status hl__wait_for_apps(hl__apps_place *place, const hl__course *course);
/* Obtains, verifies, unpacks and reads it: all in its staging folder. */
hl_status hl__bring_in(hl__installation *in);
/* Probes it, puts it in place and prepares it: what is left is the commit. */
hl_status hl__make_ready(hl__installation *in);
/* The commit was not made: everything as it was. */
void hl__take_back(hl__installation *in);
/* Frees all but place, policy and apps. */
void hl__installation_cleanup(hl__installation *in);

#endif

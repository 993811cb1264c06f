/* Starting with installed apps: they are loaded as a runtime opens, and those that keep ending the process are put
 * aside. */
#ifndef HL_INSTALL_BOOT_H
#define HL_INSTALL_BOOT_H

#include "install/session.h"

#define HL__BOOT_KEY                                                                                                   \
    "boot/"                /* and the app's name: the guard's document. Whoever changes the app's version removes it */
#define HL__CRASHES_MOST 2 /* starts in a row that may die over an app */

/* How the app is in this process; the reason is "" when it is active. */
hl_app_state hl__boot_state(hl_runtime *runtime, const hl__app *app, char *reason, size_t reason_len);

/* ---- boot.c ---- */

/* Loads every app that is not aside, in dependency order (RP-02, BS-03, X-027); one that fails stops no other. */
void hl__boot_replay(hl__session *session);
/* Loads one app and notes how it went. */
hl_status hl__boot_load(hl__session *session, const hl__app *app);
/* Loads what another process has taken back into service. On the control thread, when the store's revision moved. */
void hl__boot_look(hl__session *session);
/* Tells the subscribers, once there are any, what was found at boot. */
void hl__boot_tell(hl__session *session);

/* ---- aside.c: the guard's documents ---- */

typedef struct hl__crashes {
    uint64_t count; /* starts in a row that died; 0: no document */
    int64_t since;
    bool aside;
} hl__crashes;

hl_status hl__crashes_read(hl_runtime *runtime, const char *app, hl__crashes *out);
/* One more start died while it was loading the app: *out is what is known now. HL_ERR_NOT_FOUND: there is no such
 * app. */
hl_status hl__crashes_add(hl_runtime *runtime, const char *app, hl__crashes *out);
/* A start came through: what is not aside is forgotten. */
hl_status hl__crashes_forget(hl_runtime *runtime);
/* Why an app that is aside is not loaded: sets the thread's error. */
hl_status hl__crashes_refuse(const char *app, const hl__crashes *crashes);

/* For core: whether the library belongs to an app that may be loaded. */
hl_status hl__boot_may_load(hl_runtime *runtime, const char *library_path);

/* ---- session.c: apps that do not run in this process ---- */

/* Notes the thread's error as the reason; replaces what was noted of the app before. */
void hl__unwell_note(hl__session *session, const hl__app *app, bool aside);
void hl__unwell_forget(hl__session *session, const char *app);

#endif

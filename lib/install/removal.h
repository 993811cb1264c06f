/* Taking an app's plugins and documents out of the store: what uninstalling and upgrading share. */
#ifndef HL_INSTALL_REMOVAL_H
#define HL_INSTALL_REMOVAL_H

#include "core/document.h"
#include "install/app.h"

/* Whether there is a plugin of this name that belongs to the app. */
bool hl__app_owns_plugin(hl_runtime *runtime, const char *app, const char *plugin);

/* The request that unregisters it; the name is borrowed. */
hl__request hl__request_removal(const char *plugin);

/* remove.c: after the commit that let the app go. Waits some seconds for its code to become idle, deletes its files,
 * tells. */
void hl__removal_retire(hl_runtime *runtime, const hl__apps_place *place, const hl__app *app,
                        hl_install_report *report);

/* Writes the app's document, or removes it (text NULL), and lets go of what the boot guard remembers of the app:
 * another version begins without its record. */
hl_status hl__app_put(hl__documents *documents, const char *app, const char *text);

#endif

/* Taking an app's plugins and documents out of the store: what uninstalling and upgrading share. */
#ifndef HL_INSTALL_REMOVAL_H
#define HL_INSTALL_REMOVAL_H

#include "core/document.h"

/* Whether there is a plugin of this name that belongs to the app. */
bool hl__app_owns_plugin(hl_runtime *runtime, const char *app, const char *plugin);

/* The request that unregisters it; the name is borrowed. */
hl__request hl__request_removal(const char *plugin);

/* Writes the app's document, or removes it (text NULL), and lets go of what the boot guard remembers of the app: another
 * version begins without its record. */
hl_status hl__app_put(hl__documents *documents, const char *app, const char *text);

#endif

/* Waiting until the code of an app's version has left this process and the running servers. */
#ifndef HL_INSTALL_UNLOADED_H
#define HL_INSTALL_UNLOADED_H

#include "install/app.h"

#define HL__UNLOAD_MS 5000 /* how long an installation waits for the old code to become idle */

/* False when something of it is still mapped after HL__UNLOAD_MS: a dispatch is inside, or a server is slow. */
bool hl__version_unloaded(hl_runtime *runtime, const hl__apps_place *place, const hl__app_version *version);

#endif

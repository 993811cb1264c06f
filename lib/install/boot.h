/* What starting with installed apps remembers of each: how it went in this process, and what the crash guard noted. */
#ifndef HL_INSTALL_BOOT_H
#define HL_INSTALL_BOOT_H

#include "install/app.h"

#define HL__BOOT_KEY                                                                                                   \
    "boot/" /* and the app's name: the guard's document. Whoever changes the app's version removes it */

/* How the app is in this process; the reason is "" when it is active. */
hl_app_state hl__boot_state(hl_runtime *runtime, const hl__app *app, char *reason, size_t reason_len);

#endif

/* The lockfile: which packages may be installed, byte for byte. */
#ifndef HL_INSTALL_LOCKFILE_H
#define HL_INSTALL_LOCKFILE_H

#include <hookline/status.h>

#define HL__LOCKFILE_NAME "hookline.lock" /* in the store's folder, for HL_INSTALL_LOCKED */

/* Whether the lockfile names this very package: HL_ERR_LOCKFILE with the remedy. */
hl_status hl__lockfile_check(const char *path, const char *app, const char *version, const char *sha256);

#endif

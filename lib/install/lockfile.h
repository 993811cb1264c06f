/* The lockfile: which packages may be installed, byte for byte, and where they can be had.
 *
 *   {"lockfile": 1, "apps": [{"app": "shop", "version": "1.2.0", "type": "url", "source": "https://...", "tag": "",
 *    "asset": "", "sha256": "...", "key": "...", "requires": {"accounts": ">=2.0 <3"}, "optional": {}}]}
 *
 * "answered" is the address that a url led to in the end, where it led elsewhere.
 * In memory it is a list of apps of which only these fields are known. */
#ifndef HL_INSTALL_LOCKFILE_H
#define HL_INSTALL_LOCKFILE_H

#include "install/app.h"

#define HL__LOCKFILE_NAME "hookline.lock" /* in the store's folder, for HL_INSTALL_LOCKED; and in a bundle */

/* Whether the lockfile names this very package: HL_ERR_LOCKFILE with the remedy. */
hl_status hl__lockfile_check(const char *path, const char *app, const char *version, const char *sha256);

/* The same content gives the same text; owned by the caller. */
hl_status hl__lockfile_encode(const hl__apps *apps, char **text);
/* Sorted by name. HL_ERR_LOCKFILE naming the field. *out is freed with hl__apps_free, also after a failure. */
hl_status hl__lockfile_decode(const char *text, size_t len, hl__apps *out);
/* The same of a file; `shown` is how it is called in messages. */
hl_status hl__lockfile_read(const char *path, const char *shown, hl__apps *out);

#endif

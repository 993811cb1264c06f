/* The folders of an app: a version's files, and its data. */
#ifndef HL_INSTALL_PLACING_H
#define HL_INSTALL_PLACING_H

#include "install/app.h"

#define HL__STAGING_FILES "files" /* where a package is unpacked, in a staging folder */
#define HL__APP_DATA "data"       /* in an app's folder */

/* Copies the files below `data` of an unpacked version into the app's data folder, unless it has one. The copies may be
 * written to. *placed tells whether it was made now. staging: an open folder on the same file system. */
hl_status hl__data_place(int version_folder, const hl__package_files *files, const char *data, int staging,
                         int app_folder, bool *placed);

#endif

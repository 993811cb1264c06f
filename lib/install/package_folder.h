/* Going through a folder that is a package, or is to be packed. */
#ifndef HL_INSTALL_PACKAGE_FOLDER_H
#define HL_INSTALL_PACKAGE_FOLDER_H

#include "install/manifest.h"
#include "install/package_rules.h"
#include "install/tree.h"

/* The folder's manifest, as text (owned) and read; nothing is left to be freed in *text after a failure, *manifest is
 * cleaned up in any case. */
hl_status hl__folder_manifest(int from, char **text, size_t *len, hl__manifest *manifest);

/* Calls for each folder and regular file that belongs to the package and keeps the rules: hookline.json, lib/,
 * priv/, the data folder, and README*, LICENSE*, LICENCE*, COPYING*, NOTICE* and CHANGELOG* at the top. The visitor
 * counts content with hl__rules_content. */
typedef hl_status hl__package_visit_fn(void *user, hl__rules *rules, const hl__tree_entry *entry);
hl_status hl__folder_visit(int from, const hl__archive_limits *limits, const hl__manifest *manifest,
                           hl__package_visit_fn *visit, void *user);

#endif

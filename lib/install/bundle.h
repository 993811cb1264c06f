/* Air-gap bundles: a tar with hookline.lock and packages/APP-VERSION.package, each with its .minisig where it has
 * one. */
#ifndef HL_INSTALL_BUNDLE_H
#define HL_INSTALL_BUNDLE_H

#include "install/app.h"
#include "install/archive.h"

#define HL__BUNDLE_PACKAGES "packages"

/* "packages/APP-VERSION.package"; owned by the caller, NULL without memory. */
char *hl__bundle_member(const hl__app *app);

/* Unpacks a bundle into the open, empty folder `folder`. Members that no bundle has, and those that break the rules for
 * packages, refuse it whole: HL_ERR_ARCHIVE, HL_ERR_LIMIT. What the packages hold is not looked at. */
hl_status hl__bundle_unpack(const char *path, int folder, const hl__archive_limits *limits);

#endif

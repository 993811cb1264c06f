/* Archives between examining and unpacking, in a folder whose neighbours are looked after. For the tests of
 * archives. */
#ifndef HL_TEST_PACKAGES_ARCHIVES_H
#define HL_TEST_PACKAGES_ARCHIVES_H

#include "install/archive.h"
#include "tests/packages/support/tars.h"
#include "tests/support/support.h"

extern const hl__archive_limits usual;

/* A package with everything that one may have. */
#define GOOD_LEN 6
extern const tar_member good[GOOD_LEN];

/* The folder around/target, which is unpacked into, with something to harm beside it. */
void make_surroundings(void);
int open_target(void);

hl_status examine(int fd, const hl__archive_limits *limits);
hl_status unpack(int fd, const hl__archive_limits *limits);

/* Both journeys refuse it for the same reason, and nothing around the folder has changed. */
void refused_with(int fd, const hl__archive_limits *limits, hl_status wanted, const char *reason);
#define refused_for(fd, reason) refused_with((fd), &usual, HL_ERR_ARCHIVE, (reason))
/* Both take it. */
void taken(int fd);

#endif

/* The rules that a package's members have to keep together, whether they come from an archive or from a folder: names,
 * duplicates, sizes, and where the manifest lies. */
#ifndef HL_INSTALL_PACKAGE_RULES_H
#define HL_INSTALL_PACKAGE_RULES_H

#include "install/archive.h"

#define HL__PACKAGE_ACTION "install"

typedef struct hl__rules hl__rules;

/* `limits` must live as long. */
hl_status hl__rules_new(const hl__archive_limits *limits, hl__rules **out);
void hl__rules_free(hl__rules *rules); /* NULL is a no-op */

/* Takes the next member: its path in plain form, "" for the folder of all, and the bytes that it says it has. The
 * memory for it does not grow with its name. HL_ERR_ARCHIVE naming member and rule, HL_ERR_LIMIT naming the limit. */
hl_status hl__rules_member(hl__rules *rules, const char *path, bool folder, uint64_t bytes);
/* Counts bytes of content. HL_ERR_LIMIT. */
hl_status hl__rules_content(hl__rules *rules, size_t len);
uint64_t hl__rules_bytes(const hl__rules *rules); /* counted so far */

/* Whether the manifest was among the members so far; `top` is then the folder that it lies in, "" at the top.
 * Borrowed. */
bool hl__rules_manifest(const hl__rules *rules, const char **top);
/* After the last member: there is a manifest, and all lies in its folder. HL_ERR_MANIFEST, HL_ERR_ARCHIVE. */
hl_status hl__rules_end(const hl__rules *rules);

/* Refuses a member: "Member NAME of the package RULE." */
hl_status hl__member_refused(const char *path, const char *rule);
/* Refuses for a limit, by its name in the policy. */
hl_status hl__limit_reached(const char *limit, uint64_t value);

#endif

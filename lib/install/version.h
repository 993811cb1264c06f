/* Semantic versions (semver.org 2.0.0), ranges of them, and the names of apps. Pure functions on text. */
#ifndef HL_INSTALL_VERSION_H
#define HL_INSTALL_VERSION_H

#include <hookline/status.h>

#define HL__VERSION_MAX 64   /* bytes of a version's text without the end mark */
#define HL__APP_NAME_MAX 100 /* bytes of an app's name: it is part of file names */
#define HL__RANGE_MAX 256    /* bytes of a range */

typedef struct hl__version {
    uint64_t major, minor, patch;
    char pre[HL__VERSION_MAX + 1]; /* "" for a release */
} hl__version;

/* Lowercase letter, then lowercase letters, digits, '_' and '-' (SE-01, X-016). HL_ERR_INVALID naming the field. */
hl_status hl__app_name_check(const char *action, const char *field, const char *name);

/* Exactly MAJOR.MINOR.PATCH[-pre][+build], nothing before or behind. HL_ERR_VERSION naming the field. */
hl_status hl__version_parse(const char *action, const char *field, const char *text, hl__version *out);
/* The same as a question, without an error. */
bool hl__version_read(const char *text, hl__version *out);
/* Less than, equal to, greater than 0, by the precedence of semver; build metadata does not count. */
int hl__version_compare(const hl__version *a, const hl__version *b);

/* A range: 1 to 16 comparisons that all have to hold, with a space between two: ">=1.2 <2", ">1.2", "<=1.2", "=1.2.3",
 * "1.2.3" (the very one), "^1.2" (from 1.2.0 until the leftmost part that is not 0 changes), "~1.2" (the same major and
 * minor, where named), "*". Missing parts of a version count as 0. Pre-releases are ordered like all versions, but what
 * "<", "^" and "~" exclude, they exclude with its pre-releases: 2.0.0-rc.1 is not in "<2". Checked when parsed:
 * HL_ERR_VERSION naming the field; matching never fails. */
hl_status hl__range_check(const char *action, const char *field, const char *text);
bool hl__range_matches(const char *range, const hl__version *version);

#endif

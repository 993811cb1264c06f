/* Members against each other. What was seen is kept as hashes in a table, so that a million names cost no more than
 * the limit of entries allows. The hashes begin with a random number: whoever makes an archive cannot make them
 * collide, and if two ever do, a package is refused, never let in. */
#include "install/package_rules.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <wctype.h>

#include "core/error.h"
#include "install/manifest.h"
#include "install/names.h"

/* A path, or a folder that a path implies. */
typedef struct seen {
    uint64_t folded; /* hash without regard to letter case; 0: a free place */
    uint64_t exact;
    bool folder, named; /* named: a member of its own */
} seen;

struct hl__rules {
    const hl__archive_limits *limits;
    locale_t locale; /* for letter case beyond ASCII; 0: there is none on this system */
    uint64_t seed;
    seen *table;
    size_t len, room;
    uint64_t bytes;
    bool root_named;
    char top[HL__PATH_PART_MAX + 1];      /* the first part of the first member below the root */
    char other[HL__SHOWN_MAX];            /* a member that does not lie in the folder `top`; "": all do */
    char manifest[HL__PATH_PART_MAX + 1]; /* the folder that the manifest lies in */
    bool has_manifest;
};

hl_status hl__member_refused(const char *path, const char *rule)
{
    char shown[HL__SHOWN_MAX];

    hl__shown(path, shown);
    return hl__fail(
        HL_ERR_ARCHIVE, HL__PACKAGE_ACTION, shown,
        "Member \"%s\" of the package %s. Mend it where the package is made, and pack it anew with `hookline pack`.",
        shown, rule);
}

hl_status hl__limit_reached(const char *limit, uint64_t value)
{
    return hl__fail(HL_ERR_LIMIT, HL__PACKAGE_ACTION, limit,
                    "The package is beyond the limit \"%s\" of %llu; if you trust it, raise the limit in the policy.",
                    limit, (unsigned long long)value);
}

/* ---- what was seen ---- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

static uint32_t folded(const hl__rules *rules, uint32_t code)
{
    if (code < 0x80)
        return code >= 'A' && code <= 'Z' ? code + ('a' - 'A') : code;
    return rules->locale ? (uint32_t)towlower_l((wint_t)code, rules->locale) : code;
}

/* The place of a hash in the table, or the free place where it belongs. */
static seen *find(const hl__rules *rules, uint64_t folded_hash)
{
    size_t at = folded_hash & (rules->room - 1);

    while (rules->table[at].folded && rules->table[at].folded != folded_hash)
        at = (at + 1) & (rules->room - 1);
    return &rules->table[at];
}

static bool grow(hl__rules *rules)
{
    hl__rules wider = *rules;

    if (2 * rules->len < rules->room)
        return true;
    wider.room = rules->room ? 2 * rules->room : 256;
    wider.table = calloc(wider.room, sizeof(*wider.table));
    if (!wider.table)
        return false;
    for (size_t i = 0; i < rules->room; i++) {
        if (rules->table[i].folded)
            *find(&wider, rules->table[i].folded) = rules->table[i];
    }
    free(rules->table);
    rules->table = wider.table;
    rules->room = wider.room;
    return true;
}

static const char *collision(const seen *before, const seen *now)
{
    if (before->exact != now->exact)
        return "differs from another one only in letter case";
    if (before->folder != now->folder)
        return "is a file and a folder at once";
    return now->named && (before->named || !now->folder) ? "is there twice" : NULL;
}

/* One path, or a folder on the way to it. */
static hl_status see(hl__rules *rules, const char *path, const seen *now)
{
    const char *problem;
    seen *place;

    if (!grow(rules))
        return hl__fail_memory(HL__PACKAGE_ACTION);
    place = find(rules, now->folded);
    problem = place->folded ? collision(place, now) : NULL;
    if (problem)
        return hl__member_refused(path, problem);
    if (place->folded) {
        place->named = place->named || now->named;
        return HL_OK;
    }
    if (rules->len == rules->limits->entries)
        return hl__limit_reached("entries", rules->limits->entries);
    *place = *now;
    rules->len++;
    return HL_OK;
}

/* All folders on the way, then the path itself. The path is UTF-8. */
static hl_status see_path(hl__rules *rules, const char *path, bool folder)
{
    seen now = {rules->seed, rules->seed, true, false};
    hl_status status = HL_OK;

    for (const char *at = path; status == HL_OK && *at;) {
        uint32_t code = 0;
        size_t len = hl__utf8_read(at, &code);

        if (code == '/')
            status = see(rules, path, &now);
        now.folded = mix(now.folded, folded(rules, code)) | 1;
        now.exact = mix(now.exact, code);
        at += len;
    }
    now.folder = folder;
    now.named = true;
    return status == HL_OK ? see(rules, path, &now) : status;
}

/* ---- where things lie ---- */

/* Whether all members lie in one folder: needed only when the manifest turns out to lie in one. */
static void note_top(hl__rules *rules, const char *path, bool folder)
{
    size_t len = strcspn(path, "/");
    bool inside = path[len] == '/' || folder;

    if (!rules->top[0] && inside)
        memcpy(rules->top, path, len);
    if (!inside || strncmp(rules->top, path, len) != 0 || rules->top[len])
        hl__shown(path, rules->other);
}

static hl_status note_manifest(hl__rules *rules, const char *path)
{
    size_t len = strcspn(path, "/");
    bool inside = path[len] == '/';

    if (strcmp(inside ? path + len + 1 : path, HL__MANIFEST_NAME) != 0)
        return HL_OK;
    if (rules->has_manifest)
        return hl__member_refused(path, "is a second manifest");
    rules->has_manifest = true;
    if (inside)
        memcpy(rules->manifest, path, len);
    return HL_OK;
}

static hl_status check_path(const hl__rules *rules, const char *path)
{
    const char *problem;

    if (strlen(path) > rules->limits->name_bytes)
        return hl__limit_reached("name_bytes", rules->limits->name_bytes);
    problem = hl__path_problem(path);
    return problem ? hl__member_refused(path, problem) : HL_OK;
}

static hl_status see_root(hl__rules *rules)
{
    if (rules->root_named)
        return hl__member_refused("./", "is there twice");
    rules->root_named = true;
    return HL_OK;
}

hl_status hl__rules_member(hl__rules *rules, const char *path, bool folder, uint64_t bytes)
{
    hl_status status;

    if (!path[0] && folder)
        return see_root(rules);
    status = check_path(rules, path);
    if (status == HL_OK)
        status = see_path(rules, path, folder);
    if (status != HL_OK)
        return status;
    note_top(rules, path, folder);
    if (!folder && bytes > rules->limits->unpacked_bytes - rules->bytes)
        return hl__limit_reached("unpacked_bytes", rules->limits->unpacked_bytes);
    return folder ? HL_OK : note_manifest(rules, path);
}

hl_status hl__rules_content(hl__rules *rules, size_t len)
{
    if (len > rules->limits->unpacked_bytes - rules->bytes)
        return hl__limit_reached("unpacked_bytes", rules->limits->unpacked_bytes);
    rules->bytes += len;
    return HL_OK;
}

uint64_t hl__rules_bytes(const hl__rules *rules)
{
    return rules->bytes;
}

bool hl__rules_manifest(const hl__rules *rules, const char **top)
{
    *top = rules->manifest;
    return rules->has_manifest;
}

hl_status hl__rules_end(const hl__rules *rules)
{
    char rule[HL__PATH_PART_MAX + 128];

    if (!rules->has_manifest)
        return hl__fail(HL_ERR_MANIFEST, HL__PACKAGE_ACTION, HL__MANIFEST_NAME,
                        "There is no %s at the top of the package, nor one folder deep; pack it with `hookline pack`.",
                        HL__MANIFEST_NAME);
    if (!rules->manifest[0] || !rules->other[0])
        return HL_OK;
    snprintf(rule, sizeof(rule), "lies outside of the folder \"%s\", which holds the manifest", rules->manifest);
    return hl__member_refused(rules->other, rule);
}

/* ---- begin and end ---- */

hl_status hl__rules_new(const hl__archive_limits *limits, hl__rules **out)
{
    hl__rules *rules = calloc(1, sizeof(*rules));

    *out = rules;
    if (!rules)
        return hl__fail_memory(HL__PACKAGE_ACTION);
    rules->limits = limits;
    rules->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (getrandom(&rules->seed, sizeof(rules->seed), 0) != (ssize_t)sizeof(rules->seed))
        rules->seed = (uint64_t)(uintptr_t)rules;
    return HL_OK;
}

void hl__rules_free(hl__rules *rules)
{
    if (!rules)
        return;
    if (rules->locale)
        freelocale(rules->locale);
    free(rules->table);
    free(rules);
}

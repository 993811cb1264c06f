/* Looking after a store without opening a runtime on it. `store` is as in hl_options. */
#ifndef HOOKLINE_STORE_H
#define HOOKLINE_STORE_H

#include <hookline/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Writes a consistent copy of the store into a directory that does not exist or is empty, while servers go on.
 * [any-thread] */
HL_API HL_MUST_USE hl_status hl_store_backup(const char *store, const char *directory);

/* Replaces the store's content by a backup's, as one commit: running servers see it as a change. The backup is checked
 * first; a bad one changes nothing. [any-thread] */
HL_API HL_MUST_USE hl_status hl_store_restore(const char *store, const char *directory);

typedef struct hl_store_info {
    size_t size;
    const char *url;
    char id[37];       /* UUID of the store */
    uint32_t schema;   /* version of its layout */
    uint64_t revision; /* rises with every commit */
    uint64_t plugins_len;
    uint64_t events_len;
    uint64_t log_len; /* entries kept of the activity log */
    uint64_t used_bytes;
    uint64_t map_bytes;
    uint64_t problems_len;  /* found by the check */
    uint64_t documents_len; /* what else is kept beside plugins and events, such as installed apps */
} hl_store_info;

/* Reads everything in the store and checks it: that every record and document can be read, names and keys agree,
 * dependencies make no cycle, statuses agree with dependencies. Problems go to the callback (may be NULL), one line
 * each. HL_OK when it could be read through, with info->problems_len telling the rest. info->size must be set.
 * [any-thread] */
HL_API HL_MUST_USE hl_status hl_store_check(const char *store, hl_store_info *info,
                                            void (*problem)(const char *line, void *user), void *user);

/* One entry of the activity log (LG-02). */
typedef struct hl_log_entry {
    size_t size;
    uint64_t revision;
    int64_t at; /* seconds since 1970 */
    int64_t pid;
    const char *action;  /* "register", "stop", ... */
    const char *subject; /* plugin and event names touched, separated by spaces */
} hl_log_entry;

/* Walks the last `limit` (0: all kept) entries of the activity log, oldest first. [any-thread] */
HL_API HL_MUST_USE hl_status hl_store_log(const char *store, size_t limit,
                                          bool (*callback)(const hl_log_entry *, void *user), void *user);

#ifdef __cplusplus
}
#endif
#endif

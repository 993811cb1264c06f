/* Records by name, by event and by dependency. */
#include "core/registry.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "core/depends.h"
#include "core/grow.h"

typedef struct entry {
    const hl__record *record;
    UT_hash_handle hh; /* keyed by the record's own name */
} entry;

/* A named list of records: the members of an event, or the dependents of a plugin. */
typedef struct group {
    char *name;
    const hl__record **members;
    size_t len, room;
    hl__event_def *def; /* of an event; NULL else */
    UT_hash_handle hh;
} group;

struct hl__registry {
    entry *names;
    group *events;
    group *dependents;
    size_t len;
};

hl__registry *hl__registry_new(void)
{
    return calloc(1, sizeof(hl__registry));
}

/* ---- groups ---- */

static group *find_group(group *groups, const char *name)
{
    group *found;

    HASH_FIND(hh, groups, name, strlen(name), found);
    return found;
}

static group *need_group(group **groups, const char *name)
{
    group *made = find_group(*groups, name);

    if (made)
        return made;
    made = calloc(1, sizeof(*made));
    if (!made)
        return NULL;
    made->name = strdup(name);
    if (!made->name) {
        free(made);
        return NULL;
    }
    HASH_ADD_KEYPTR(hh, *groups, made->name, strlen(made->name), made);
    if (!made->hh.tbl) {
        free(made->name);
        free(made);
        return NULL;
    }
    return made;
}

static void free_group(group **groups, group *gone)
{
    HASH_DELETE(hh, *groups, gone);
    hl__event_def_unref(gone->def);
    free(gone->members);
    free(gone->name);
    free(gone);
}

static bool group_add(group **groups, const char *name, const hl__record *record)
{
    group *to = need_group(groups, name);

    if (!to)
        return false;
    if (!hl__grow(&to->members, to->len, &to->room, sizeof(*to->members)))
        return false;
    to->members[to->len++] = record;
    return true;
}

static void group_remove(group **groups, const char *name, const hl__record *record)
{
    group *from = find_group(*groups, name);

    for (size_t i = 0; from && i < from->len; i++) {
        if (from->members[i] == record) {
            from->members[i] = from->members[--from->len];
            break;
        }
    }
    if (from && from->len == 0 && !from->def)
        free_group(groups, from);
}

/* ---- records ---- */

static void unindex(hl__registry *registry, const hl__record *record)
{
    group_remove(&registry->events, record->event, record);
    for (size_t i = 0; i < record->depends_len; i++)
        group_remove(&registry->dependents, hl__depends_name(record->depends[i]), record);
}

static bool index_record(hl__registry *registry, const hl__record *record)
{
    bool ok = group_add(&registry->events, record->event, record);

    for (size_t i = 0; i < record->depends_len; i++)
        ok = group_add(&registry->dependents, hl__depends_name(record->depends[i]), record) && ok;
    return ok;
}

static entry *find_entry(const hl__registry *registry, const char *name)
{
    entry *found;

    HASH_FIND(hh, registry->names, name, strlen(name), found);
    return found;
}

static void drop(hl__registry *registry, entry *gone)
{
    unindex(registry, gone->record);
    HASH_DELETE(hh, registry->names, gone);
    hl__record_unref(gone->record);
    free(gone);
    registry->len--;
}

const hl__record *hl__registry_find(const hl__registry *registry, const char *name)
{
    entry *found = find_entry(registry, name);

    return found ? found->record : NULL;
}

/* The entry is keyed by its record's name, so replacing a record means adding the entry anew. */
bool hl__registry_set(hl__registry *registry, const char *name, const hl__record *record)
{
    entry *old = find_entry(registry, name);
    entry *added;

    if (old)
        drop(registry, old);
    if (!record)
        return true;
    added = calloc(1, sizeof(*added));
    if (!added)
        return false;
    added->record = hl__record_ref(record);
    HASH_ADD_KEYPTR(hh, registry->names, added->record->name, strlen(added->record->name), added);
    if (!added->hh.tbl) {
        hl__record_unref(added->record);
        free(added);
        return false;
    }
    registry->len++;
    return index_record(registry, added->record);
}

static const hl__record *const *members(group *groups, const char *name, size_t *len)
{
    group *found = find_group(groups, name);

    *len = found ? found->len : 0;
    return found ? found->members : NULL;
}

const hl__record *const *hl__registry_event(const hl__registry *registry, const char *event, size_t *len)
{
    return members(registry->events, event, len);
}

const hl__record *const *hl__registry_dependents(const hl__registry *registry, const char *name, size_t *len)
{
    return members(registry->dependents, name, len);
}

size_t hl__registry_len(const hl__registry *registry)
{
    return registry->len;
}

void hl__registry_all(const hl__registry *registry, const hl__record **out)
{
    entry *at, *next;

    HASH_ITER (hh, registry->names, at, next) {
        *out++ = at->record;
    }
}

/* ---- events ---- */

const hl__event_def *hl__registry_def(const hl__registry *registry, const char *event)
{
    group *found = find_group(registry->events, event);

    return found ? found->def : NULL;
}

bool hl__registry_set_def(hl__registry *registry, const hl__event_def *def)
{
    group *event = need_group(&registry->events, def->name);

    if (!event)
        return false;
    hl__event_def_unref(event->def);
    event->def = hl__event_def_ref(def);
    return true;
}

void hl__registry_events(const hl__registry *registry, void (*callback)(void *user, const char *event), void *user)
{
    group *at, *next;

    HASH_ITER (hh, registry->events, at, next) {
        callback(user, at->name);
    }
}

void hl__registry_destroy(hl__registry *registry)
{
    entry *at, *next;
    group *group_at, *group_next;

    if (!registry)
        return;
    HASH_ITER (hh, registry->names, at, next) {
        HASH_DELETE(hh, registry->names, at);
        hl__record_unref(at->record);
        free(at);
    }
    HASH_ITER (hh, registry->events, group_at, group_next) {
        free_group(&registry->events, group_at);
    }
    HASH_ITER (hh, registry->dependents, group_at, group_next) {
        free_group(&registry->dependents, group_at);
    }
    free(registry);
}

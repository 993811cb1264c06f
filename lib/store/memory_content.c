/* The tables of a store in memory: committing to them, and collecting what is in them. */
#include "store/memory_content.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(node) ((node)->refused = true)
#include <uthash.h>

#include "core/error.h"

/* Outside of a commit exactly one of `record`, `def` and `text` is set. */
typedef struct hl__node {
    UT_hash_handle hh;
    const hl__record *record;
    const hl__event_def *def;
    char *text;
    bool refused; /* the table had no memory for it */
    char name[];
} node;

/* ---- the tables ----------------------------------------------------------------------------------------------- */

static node *find(node *table, const char *name)
{
    node *found;
    HASH_FIND_STR(table, name, found);
    return found;
}

static node *find_or_add(node **table, const char *name)
{
    node *found = find(*table, name);
    if (found)
        return found;
    size_t name_len = strlen(name);
    found = calloc(1, sizeof(*found) + name_len + 1);
    if (!found)
        return NULL;
    memcpy(found->name, name, name_len + 1);
    HASH_ADD_KEYPTR(hh, *table, found->name, name_len, found);
    if (!found->refused)
        return found;
    free(found);
    return NULL;
}

static void remove_node(node **table, node *gone)
{
    HASH_DEL(*table, gone);
    hl__record_unref(gone->record);
    hl__event_def_unref(gone->def);
    free(gone->text);
    free(gone);
}

static void remove_if_empty(node **table, const char *name)
{
    node *found = find(*table, name);
    if (found && !found->record && !found->def && !found->text)
        remove_node(table, found);
}

static void clear_table(node **table)
{
    node *each, *next;
    HASH_ITER (hh, *table, each, next)
        remove_node(table, each);
}

void hl__content_cleanup(hl__content *content)
{
    clear_table(&content->plugins);
    clear_table(&content->events);
    clear_table(&content->documents);
    for (size_t i = 0; i < HL__HISTORY_LEN; i++)
        free(content->history[i].name);
}

/* ---- commit --------------------------------------------------------------------------------------------------- */

static const char *change_name(const hl__store_change *change)
{
    if (change->record)
        return change->record->name;
    if (change->document)
        return change->document;
    return change->event ? change->event->name : change->gone;
}

static node **change_table(hl__content *self, const hl__store_change *change)
{
    if (change->document)
        return &self->documents;
    return change->event ? &self->events : &self->plugins;
}

static bool removes(const hl__store_change *change)
{
    return change->gone || (change->document && !change->text);
}

/* Everything that can fail comes before the first change is made. A copy is what the change leaves: the text of a
 * document, for the others the name in the history. */
static bool make_room(hl__content *self, const hl__store_commit *commit, char **copies)
{
    for (size_t i = 0; i < commit->changes_len; i++) {
        const hl__store_change *change = &commit->changes[i];
        const char *copied = change->document ? change->text : change_name(change);
        if (copied && !(copies[i] = strdup(copied)))
            return false;
        if (!removes(change) && !find_or_add(change_table(self, change), change_name(change)))
            return false;
    }
    return true;
}

static void undo_room(hl__content *self, const hl__store_commit *commit, char **copies)
{
    for (size_t i = 0; i < commit->changes_len; i++) {
        remove_if_empty(change_table(self, &commit->changes[i]), change_name(&commit->changes[i]));
        free(copies[i]);
    }
}

static void note_touch(hl__content *self, uint64_t revision, bool is_event, char *name)
{
    hl__touch *slot = &self->history[self->history_count % HL__HISTORY_LEN];
    if (self->history_count >= HL__HISTORY_LEN)
        self->floor = slot->revision;
    free(slot->name);
    *slot = (hl__touch){revision, is_event, name};
    self->history_count++;
}

static void apply_change(hl__content *self, const hl__store_change *change)
{
    node *target = find(*change_table(self, change), change_name(change));
    if (change->record) {
        hl__record_unref(target->record);
        target->record = hl__record_ref(change->record);
    } else if (change->event) {
        hl__event_def_unref(target->def);
        target->def = hl__event_def_ref(change->event);
    } else if (target) {
        hl__record_unref(target->record);
        target->record = NULL;
    }
}

static void apply_document(hl__content *self, const hl__store_change *change, char *text)
{
    node *target = find(self->documents, change->document);
    if (!target)
        return; /* one that never was is removed */
    free(target->text);
    target->text = text;
}

/* Empty nodes go last: a commit may remove a name and put it again, and its room was made before. */
static void remove_empties(hl__content *self, const hl__store_commit *commit)
{
    for (size_t i = 0; i < commit->changes_len; i++) {
        if (removes(&commit->changes[i]))
            remove_if_empty(change_table(self, &commit->changes[i]), change_name(&commit->changes[i]));
    }
}

/* The copies go into the content with the changes. */
static void apply_all(hl__content *self, const hl__store_commit *commit, char **copies)
{
    uint64_t revision = commit->expected + 1;

    for (size_t i = 0; i < commit->changes_len; i++) {
        if (commit->changes[i].document) {
            apply_document(self, &commit->changes[i], copies[i]);
            continue;
        }
        apply_change(self, &commit->changes[i]);
        note_touch(self, revision, commit->changes[i].event != NULL, copies[i]);
    }
    remove_empties(self, commit);
    atomic_store_explicit(&self->revision, revision, memory_order_release);
}

hl_status hl__content_commit(hl__content *content, const hl__store_commit *commit)
{
    char *few[8] = {NULL};
    char **copies = few;
    hl_status status = HL_OK;

    if (atomic_load_explicit(&content->revision, memory_order_relaxed) != commit->expected)
        return HL_ERR_CONFLICT;
    if (commit->changes_len > sizeof(few) / sizeof(few[0]))
        copies = calloc(commit->changes_len, sizeof(*copies));
    if (!copies)
        return hl__fail_memory("commit");
    if (make_room(content, commit, copies)) {
        apply_all(content, commit, copies);
    } else {
        undo_room(content, commit, copies);
        status = hl__fail_memory("commit");
    }
    if (copies != few)
        free(copies);
    return status;
}

/* ---- collecting ----------------------------------------------------------------------------------------------- */

static bool collect_node(hl__batch *batch, const node *from)
{
    return from->record ? hl__batch_record(batch, hl__record_ref(from->record))
                        : hl__batch_event(batch, hl__event_def_ref((hl__event_def *)from->def));
}

static bool collect_table(hl__batch *batch, node *table)
{
    node *each, *next;
    HASH_ITER (hh, table, each, next) {
        if (!collect_node(batch, each))
            return false;
    }
    return true;
}

static bool collect_touched(const hl__content *from, uint64_t since, hl__list *plugins, hl__list *events)
{
    uint64_t kept = from->history_count < HL__HISTORY_LEN ? from->history_count : HL__HISTORY_LEN;
    for (uint64_t i = from->history_count; i > from->history_count - kept; i--) {
        const hl__touch *each = &from->history[(i - 1) % HL__HISTORY_LEN];
        if (each->revision <= since)
            break;
        if (!hl__names_add(each->is_event ? events : plugins, each->name, strlen(each->name)))
            return false;
    }
    hl__names_settle(plugins);
    hl__names_settle(events);
    return true;
}

static bool collect_newest(hl__batch *batch, node *table, const hl__list *names)
{
    for (size_t i = 0; i < names->len; i++) {
        const char *name = names->items[i];
        const node *found = find(table, name);
        if (!(found ? collect_node(batch, found) : hl__names_add(&batch->gone, name, strlen(name))))
            return false;
    }
    return true;
}

hl_status hl__content_collect(const hl__content *content, hl__batch *batch)
{
    if (collect_table(batch, content->events) && collect_table(batch, content->plugins))
        return HL_OK;
    return hl__fail_memory("load");
}

hl_status hl__content_collect_since(const hl__content *content, uint64_t since, hl__batch *batch)
{
    hl__list plugins = {0}, events = {0};
    hl_status status = HL_OK;

    if (since < content->floor || since > atomic_load_explicit(&content->revision, memory_order_relaxed))
        return hl__fail(HL_ERR_NOT_FOUND, "changes", "revision", "The store does not remember revision %llu; load it.",
                        (unsigned long long)since);
    if (!collect_touched(content, since, &plugins, &events) || !collect_newest(batch, content->plugins, &plugins) ||
        !collect_newest(batch, content->events, &events))
        status = hl__fail_memory("changes");
    hl__names_cleanup(&plugins);
    hl__names_cleanup(&events);
    return status;
}

/* ---- documents ------------------------------------------------------------------------------------------------ */

hl_status hl__content_document(const hl__content *content, const char *key, char **text)
{
    const node *found = find(content->documents, key);
    if (!found)
        return HL_ERR_NOT_FOUND;
    *text = strdup(found->text);
    return *text ? HL_OK : hl__fail_memory("read");
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const hl__store_document *)a)->key, ((const hl__store_document *)b)->key);
}

hl_status hl__content_documents(const hl__content *content, const char *prefix, hl__store_documents *list)
{
    size_t prefix_len = strlen(prefix), before = list->len;
    node *each, *next;

    HASH_ITER (hh, content->documents, each, next) {
        if (strncmp(each->name, prefix, prefix_len) == 0 &&
            !hl__documents_add(list, each->name, strlen(each->name), each->text, strlen(each->text)))
            return hl__fail_memory("read");
    }
    if (list->len > before)
        qsort(list->items + before, list->len - before, sizeof(*list->items), compare_keys);
    return HL_OK;
}

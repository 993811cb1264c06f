/* Drafts: rows of before and after over a registry. */
#include "core/draft.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "core/depends.h"
#include "core/grow.h"

struct draft_index {
    hl__draft_row row;
    UT_hash_handle hh;
};

void hl__draft_init(hl__draft *draft, const hl__registry *base)
{
    *draft = (hl__draft){.base = base};
}

void hl__draft_cleanup(hl__draft *draft)
{
    HASH_CLEAR(hh, draft->index);
    while (draft->rows) {
        hl__draft_row *row = draft->rows;

        draft->rows = row->next;
        hl__record_unref(row->before);
        hl__record_unref(row->after);
        free((char *)(uintptr_t)row->name);
        free(row);
    }
    draft->last = draft->linked = NULL;
}

static hl__draft_row *find_row(const hl__draft *draft, const char *name)
{
    struct draft_index *found;

    HASH_FIND(hh, draft->index, name, strlen(name), found);
    return found ? &found->row : NULL;
}

const hl__record *hl__draft_find(const hl__draft *draft, const char *name)
{
    hl__draft_row *row = find_row(draft, name);

    return row ? row->after : hl__registry_find(draft->base, name);
}

static hl__draft_row *add_row(hl__draft *draft, const char *name)
{
    struct draft_index *added = calloc(1, sizeof(*added));
    const hl__record *before = hl__registry_find(draft->base, name);

    if (!added)
        return NULL;
    added->row.name = strdup(name);
    if (added->row.name)
        HASH_ADD_KEYPTR(hh, draft->index, added->row.name, strlen(added->row.name), added);
    if (!added->row.name || !added->hh.tbl) {
        free((char *)(uintptr_t)added->row.name);
        free(added);
        return NULL;
    }
    added->row.before = before ? hl__record_ref(before) : NULL;
    if (draft->last)
        draft->last->next = &added->row;
    else
        draft->rows = &added->row;
    draft->last = &added->row;
    return &added->row;
}

hl__draft_row *hl__draft_put(hl__draft *draft, const char *name, hl__record *record)
{
    hl__draft_row *row = find_row(draft, name);

    if (!row)
        row = add_row(draft, name);
    if (!row) {
        hl__record_unref(record);
        return NULL;
    }
    hl__record_unref(row->after);
    row->after = record;
    if (record && record->depends_len && !row->linked) {
        row->linked = true;
        row->next_linked = draft->linked;
        draft->linked = row;
    }
    return row;
}

bool hl__draft_set_status(hl__draft *draft, const char *name, hl_plugin_status status)
{
    hl__draft_row *row = find_row(draft, name);
    hl__record *changed;

    if (row && row->after) {
        row->after->status = status;
        return true;
    }
    changed = hl__record_new(hl__registry_find(draft->base, name));
    if (!changed)
        return false;
    changed->status = status;
    return hl__draft_put(draft, name, changed) != NULL;
}

bool hl__draft_row_changed(const hl__draft_row *row)
{
    if (!row->before || !row->after)
        return row->before != row->after;
    return row->before->revision != row->after->revision || !hl__record_same(row->before, row->after);
}

/* ---- lists ---- */

typedef struct list {
    const hl__record **records;
    size_t len, room;
    bool failed;
} list;

static void list_add(list *to, const hl__record *record)
{
    if (hl__grow(&to->records, to->len, &to->room, sizeof(*to->records)))
        to->records[to->len++] = record;
    else
        to->failed = true;
}

/* Records of the base that the draft has no row for. */
static void add_untouched(list *to, const hl__draft *draft, const hl__record *const *records, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!draft->rows || !find_row(draft, records[i]->name))
            list_add(to, records[i]);
    }
}

static bool give(list *from, const hl__record ***out, size_t *len)
{
    if (from->failed) {
        free(from->records);
        return false;
    }
    *out = from->records;
    *len = from->len;
    return true;
}

static void add_base_all(list *to, const hl__draft *draft)
{
    size_t len = hl__registry_len(draft->base);
    const hl__record **all = malloc((len ? len : 1) * sizeof(*all));

    if (!all) {
        to->failed = true;
        return;
    }
    hl__registry_all(draft->base, all);
    add_untouched(to, draft, all, len);
    free(all);
}

bool hl__draft_list(const hl__draft *draft, const char *event, const hl__record ***out, size_t *len)
{
    list found = {0};

    if (event) {
        size_t base_len;
        const hl__record *const *base = hl__registry_event(draft->base, event, &base_len);

        add_untouched(&found, draft, base, base_len);
    } else {
        add_base_all(&found, draft);
    }
    for (hl__draft_row *row = draft->rows; row; row = row->next) {
        if (row->after && (!event || strcmp(row->after->event, event) == 0))
            list_add(&found, row->after);
    }
    return give(&found, out, len);
}

static bool depends_on(const hl__record *record, const char *name)
{
    for (size_t i = 0; i < record->depends_len; i++) {
        if (strcmp(hl__depends_name(record->depends[i]), name) == 0)
            return true;
    }
    return false;
}

bool hl__draft_dependents(const hl__draft *draft, const char *name, const hl__record ***out, size_t *len)
{
    list found = {0};
    size_t base_len;
    const hl__record *const *base = hl__registry_dependents(draft->base, name, &base_len);

    add_untouched(&found, draft, base, base_len);
    for (hl__draft_row *row = draft->linked; row; row = row->next_linked) {
        if (row->after && depends_on(row->after, name))
            list_add(&found, row->after);
    }
    return give(&found, out, len);
}

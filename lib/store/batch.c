/* Growing lists, documents, and the batch of content between a store and its reader. */
#include "store/batch.h"

#include <stdlib.h>
#include <string.h>

bool hl__list_push(hl__list *list, void *item)
{
    if (list->len == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 16;
        void **items = reallocarray(list->items, cap, sizeof(*items));
        if (!items)
            return false;
        list->items = items;
        list->cap = cap;
    }
    list->items[list->len++] = item;
    return true;
}

void hl__list_cleanup(hl__list *list)
{
    free(list->items);
    *list = (hl__list){0};
}

bool hl__names_add(hl__list *names, const char *name, size_t name_len)
{
    char *copy = strndup(name, name_len);
    if (!copy)
        return false;
    if (hl__list_push(names, copy))
        return true;
    free(copy);
    return false;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void hl__names_settle(hl__list *names)
{
    if (names->len < 2)
        return;
    qsort(names->items, names->len, sizeof(*names->items), compare_names);
    size_t kept = 1;
    for (size_t i = 1; i < names->len; i++) {
        if (strcmp(names->items[i], names->items[kept - 1]) == 0)
            free(names->items[i]);
        else
            names->items[kept++] = names->items[i];
    }
    names->len = kept;
}

void hl__names_cleanup(hl__list *names)
{
    for (size_t i = 0; i < names->len; i++)
        free(names->items[i]);
    hl__list_cleanup(names);
}

static bool has_room(hl__store_documents *list)
{
    if (list->len < list->cap)
        return true;
    size_t cap = list->cap ? list->cap * 2 : 16;
    hl__store_document *items = reallocarray(list->items, cap, sizeof(*items));
    if (!items)
        return false;
    list->items = items;
    list->cap = cap;
    return true;
}

bool hl__documents_add(hl__store_documents *list, const void *key, size_t key_len, const void *text, size_t text_len)
{
    if (!has_room(list))
        return false;
    hl__store_document made = {strndup(key, key_len), strndup(text, text_len)};
    if (made.key && made.text) {
        list->items[list->len++] = made;
        return true;
    }
    free(made.key);
    free(made.text);
    return false;
}

void hl__store_documents_cleanup(hl__store_documents *list)
{
    for (size_t i = 0; i < list->len; i++) {
        free(list->items[i].key);
        free(list->items[i].text);
    }
    free(list->items);
    *list = (hl__store_documents){0};
}

bool hl__batch_record(hl__batch *batch, hl__record *record)
{
    if (hl__list_push(&batch->records, record))
        return true;
    hl__record_unref(record);
    return false;
}

bool hl__batch_event(hl__batch *batch, hl__event_def *def)
{
    if (hl__list_push(&batch->events, def))
        return true;
    hl__event_def_unref(def);
    return false;
}

static hl_status deliver_events(hl__batch *batch, const hl__store_visitor *visitor)
{
    for (size_t i = 0; i < batch->events.len; i++) {
        hl__event_def *def = batch->events.items[i];
        batch->events.items[i] = NULL;
        hl_status status = visitor->event(visitor->user, def);
        if (status != HL_OK)
            return status;
    }
    return HL_OK;
}

static hl_status deliver_gone(const hl__batch *batch, const hl__store_visitor *visitor)
{
    for (size_t i = 0; i < batch->gone.len; i++) {
        hl_status status = visitor->record_gone(visitor->user, batch->gone.items[i]);
        if (status != HL_OK)
            return status;
    }
    return HL_OK;
}

static hl_status deliver_records(hl__batch *batch, const hl__store_visitor *visitor)
{
    for (size_t i = 0; i < batch->records.len; i++) {
        hl__record *record = batch->records.items[i];
        batch->records.items[i] = NULL;
        hl_status status = visitor->record(visitor->user, record);
        if (status != HL_OK)
            return status;
    }
    return HL_OK;
}

hl_status hl__batch_deliver(hl__batch *batch, const hl__store_visitor *visitor)
{
    hl_status status = deliver_events(batch, visitor);
    if (status == HL_OK)
        status = deliver_gone(batch, visitor);
    if (status == HL_OK)
        status = deliver_records(batch, visitor);
    return status;
}

void hl__batch_cleanup(hl__batch *batch)
{
    for (size_t i = 0; i < batch->events.len; i++)
        hl__event_def_unref(batch->events.items[i]);
    for (size_t i = 0; i < batch->records.len; i++)
        hl__record_unref(batch->records.items[i]);
    hl__list_cleanup(&batch->events);
    hl__list_cleanup(&batch->records);
    hl__names_cleanup(&batch->gone);
}

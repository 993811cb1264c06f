/* Documents in the store: reading them at the revision of an attempt to commit, collecting what the attempt will write,
 * and reading them outside of one. */
#include "core/document.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"

static hl_status check_key(const char *key)
{
    if (key && *key && strnlen(key, HL__DOCUMENT_KEY_MAX + 1) <= HL__DOCUMENT_KEY_MAX)
        return HL_OK;
    return hl__fail(HL_ERR_INVALID, "document", "key", "A document's key must have 1..%d bytes.", HL__DOCUMENT_KEY_MAX);
}

/* ---- what an attempt writes ---- */

static hl__store_change *find_put(const hl__documents *documents, const char *key)
{
    for (size_t i = 0; i < documents->puts_len; i++) {
        if (strcmp(documents->puts[i].document, key) == 0)
            return &documents->puts[i];
    }
    return NULL;
}

static bool has_room(hl__documents *documents)
{
    size_t cap = documents->puts_cap ? documents->puts_cap * 2 : 8;
    hl__store_change *puts;

    if (documents->puts_len < documents->puts_cap)
        return true;
    puts = reallocarray(documents->puts, cap, sizeof(*puts));
    if (!puts)
        return false;
    documents->puts = puts;
    documents->puts_cap = cap;
    return true;
}

static hl__store_change *add_put(hl__documents *documents, const char *key)
{
    char *copy = has_room(documents) ? strdup(key) : NULL;

    if (!copy)
        return NULL;
    documents->puts[documents->puts_len] = (hl__store_change){.document = copy};
    return &documents->puts[documents->puts_len++];
}

hl_status hl__documents_put(hl__documents *documents, const char *key, const char *text)
{
    hl_status status = check_key(key);
    hl__store_change *put;
    char *copy = NULL;

    if (status != HL_OK)
        return status;
    if (text && !(copy = strdup(text)))
        return hl__fail_memory("document");
    put = find_put(documents, key);
    if (!put)
        put = add_put(documents, key);
    if (!put) {
        free(copy);
        return hl__fail_memory("document");
    }
    free((char *)(uintptr_t)put->text);
    put->text = copy;
    return HL_OK;
}

void hl__documents_cleanup(hl__documents *documents)
{
    for (size_t i = 0; i < documents->puts_len; i++) {
        free((char *)(uintptr_t)documents->puts[i].document);
        free((char *)(uintptr_t)documents->puts[i].text);
    }
    free(documents->puts);
    *documents = (hl__documents){0};
}

/* ---- reading; lock held ---- */

static hl_status read_one(hl_runtime *runtime, const char *key, uint64_t expected, char **text)
{
    hl_status status = check_key(key);

    *text = NULL;
    if (status != HL_OK)
        return status;
    return runtime->parts.store->ops->document(runtime->parts.store, key, expected, text);
}

static hl_status read_prefix(hl_runtime *runtime, const char *prefix, uint64_t expected, hl__store_documents *list)
{
    return runtime->parts.store->ops->documents(runtime->parts.store, prefix, expected, list);
}

static hl_status walk(const hl__store_documents *list, hl__document_visit_fn *visit, void *user)
{
    hl_status status = HL_OK;

    for (size_t i = 0; status == HL_OK && i < list->len; i++)
        status = visit(user, list->items[i].key, list->items[i].text);
    return status;
}

hl_status hl__documents_get(hl__documents *documents, const char *key, char **text)
{
    hl_status status = read_one(documents->runtime, key, documents->runtime->revision, text);

    documents->overtaken |= status == HL_ERR_CONFLICT;
    return status;
}

hl_status hl__documents_walk(hl__documents *documents, const char *prefix, hl__document_visit_fn *visit, void *user)
{
    hl__store_documents list = {0};
    hl_status status = read_prefix(documents->runtime, prefix, documents->runtime->revision, &list);

    documents->overtaken |= status == HL_ERR_CONFLICT;
    if (status == HL_OK)
        status = walk(&list, visit, user);
    hl__store_documents_cleanup(&list);
    return status;
}

/* ---- outside of a commit ---- */

hl_status hl__document_get(hl_runtime *runtime, const char *key, char **text)
{
    hl_status status = hl__lock(runtime, "document");

    if (status != HL_OK)
        return status;
    status = read_one(runtime, key, HL__STORE_NEWEST, text);
    hl__unlock(runtime);
    return status;
}

hl_status hl__document_walk(hl_runtime *runtime, const char *prefix, hl__document_visit_fn *visit, void *user)
{
    hl__store_documents list = {0};
    hl_status status = hl__lock(runtime, "document");

    if (status != HL_OK)
        return status;
    status = read_prefix(runtime, prefix, HL__STORE_NEWEST, &list);
    hl__unlock(runtime);
    if (status == HL_OK)
        status = walk(&list, visit, user);
    hl__store_documents_cleanup(&list);
    return status;
}

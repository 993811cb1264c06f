/* Writing the install log: each entry is hashed together with the hash of the one before; see journal.h. */
#include "install/journal.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/error.h"
#include "install/digest.h"
#include "install/journal_entry.h"
#include "install/json_text.h"

#define ACTION "install log"
#define MESSAGE_MAX 1024

/* ---- the head ---------------------------------------------------------------------------------------------------- */

hl_status hl__journal_head_decode(const char *text, hl__journal_head *out)
{
    json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const char *hash = json_string_value(json_object_get(value, "hash"));
    json_int_t number = json_integer_value(json_object_get(value, "number"));
    bool taken = hash && hl__digest_is_text(hash) && number > 0;

    if (taken) {
        out->number = (uint64_t)number;
        memcpy(out->hash, hash, HL__SHA256_TEXT);
    }
    json_decref(value);
    if (taken)
        return HL_OK;
    return hl__fail(HL_ERR_STORE_CORRUPT, ACTION, HL__JOURNAL_HEAD_KEY,
                    "The head of the install log cannot be understood; it was changed from outside.");
}

/* Before the first entry it is number 0 and 64 zeros. */
static hl_status read_head(hl__documents *documents, hl__journal_head *out)
{
    char *text = NULL;
    hl_status status = hl__documents_get(documents, HL__JOURNAL_HEAD_KEY, &text);

    *out = (hl__journal_head)HL__JOURNAL_HEAD_INIT;
    if (status == HL_ERR_NOT_FOUND)
        return HL_OK;
    if (status == HL_OK)
        status = hl__journal_head_decode(text, out);
    free(text);
    return status;
}

static hl_status put_head(hl__documents *documents, const hl__journal_head *head)
{
    char text[160];

    snprintf(text, sizeof(text), "{\"hash\":\"%s\",\"number\":%" PRIu64 "}", head->hash, head->number);
    return hl__documents_put(documents, HL__JOURNAL_HEAD_KEY, text);
}

/* ---- an entry ---------------------------------------------------------------------------------------------------- */

hl_status hl__journal_hash(json_t *entry, char hash[HL__SHA256_TEXT])
{
    char *text = entry ? json_dumps(entry, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII) : NULL;
    hl_status status = text ? hl__digest_text(text, strlen(text), hash) : hl__fail_memory(ACTION);

    free(text);
    return status;
}

static json_t *encode(const hl__journal_entry *entry, const hl__journal_head *head)
{
    json_t *value = json_object();
    char message[MESSAGE_MAX + 1];

    snprintf(message, sizeof(message), "%s", entry->message ? entry->message : "");
    json_object_set_new(value, "number", json_integer((json_int_t)head->number + 1));
    json_object_set_new(value, "at", json_integer((json_int_t)time(NULL)));
    json_object_set_new(value, "pid", json_integer((json_int_t)getpid()));
    hl__json_put_text(value, "action", entry->action);
    hl__json_put_text(value, "app", entry->app);
    hl__json_put_text(value, "version", entry->version);
    hl__json_put_text(value, "before", entry->before);
    hl__json_put_text(value, "source", entry->source);
    hl__json_put_text(value, "sha256", entry->sha256);
    hl__json_put_text(value, "key", entry->key);
    json_object_set_new(value, "status", json_integer(entry->status));
    hl__json_put_text(value, "message", message);
    hl__json_put_text(value, "previous", head->hash);
    return value;
}

static hl_status put_entry(hl__documents *documents, json_t *value, hl__journal_head *head)
{
    char key[64], *text;
    hl_status status = hl__journal_hash(value, head->hash);

    if (status != HL_OK)
        return status;
    hl__json_put_text(value, "hash", head->hash);
    text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
    if (!text)
        return hl__fail_memory(ACTION);
    snprintf(key, sizeof(key), HL__JOURNAL_KEY "%016" PRIu64, ++head->number);
    status = hl__documents_put(documents, key, text);
    free(text);
    return status;
}

static hl_status add_entry(hl__documents *documents, const hl__journal_entry *entry, hl__journal_head *head)
{
    json_t *value = encode(entry, head);
    hl_status status = put_entry(documents, value, head);

    json_decref(value);
    return status;
}

hl_status hl__journal_add(hl__documents *documents, const hl__journal_entry *entries, size_t len)
{
    hl__journal_head head;
    hl_status status = read_head(documents, &head);

    for (size_t i = 0; status == HL_OK && i < len; i++)
        status = add_entry(documents, &entries[i], &head);
    return status == HL_OK ? put_head(documents, &head) : status;
}

/* ---- refusals ---------------------------------------------------------------------------------------------------- */

static hl_status add_alone(void *user, hl__documents *documents)
{
    return hl__journal_add(documents, user, 1);
}

void hl__journal_refusal(hl_runtime *runtime, const hl__journal_entry *entry)
{
    hl__journal_entry copy = *entry;
    hl__error_copy error;

    hl__error_save(&error);
    if (hl__commit_documents(runtime, "refuse", NULL, 0, add_alone, &copy, 0, NULL) != HL_OK)
        hl__log(runtime, HL_LOG_WARNING, "install", "a refusal is not in the install log: %s",
                hl_last_error()->message);
    hl__error_restore(&error);
}

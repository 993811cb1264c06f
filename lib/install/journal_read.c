/* Reading the install log and checking its chain of hashes: hl_install_log, hl_install_log_verify. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "install/journal.h"
#include "install/journal_entry.h"
#include "install/texts.h"

#define ACTION "install log"

/* ---- walking ----------------------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *value, const char *key)
{
    const char *text = json_string_value(json_object_get(value, key));

    return text ? text : "";
}

static int64_t number_of(const json_t *value, const char *key)
{
    return json_integer_value(json_object_get(value, key));
}

static hl_install_entry entry_of(const json_t *value)
{
    return (hl_install_entry){.size = sizeof(hl_install_entry),
                              .number = (uint64_t)number_of(value, "number"),
                              .at = number_of(value, "at"),
                              .pid = number_of(value, "pid"),
                              .action = text_of(value, "action"),
                              .app = text_of(value, "app"),
                              .version = text_of(value, "version"),
                              .before = text_of(value, "before"),
                              .source = text_of(value, "source"),
                              .sha256 = text_of(value, "sha256"),
                              .key = text_of(value, "key"),
                              .status = (hl_status)number_of(value, "status"),
                              .message = text_of(value, "message"),
                              .hash = text_of(value, "hash")};
}

static bool show(const char *text, bool (*callback)(const hl_install_entry *, void *user), void *user)
{
    json_t *value = json_loads(text, 0, NULL);
    hl_install_entry entry = entry_of(value);
    bool more = callback(&entry, user);

    json_decref(value);
    return more;
}

hl_status hl_install_log(hl_runtime *runtime, bool (*callback)(const hl_install_entry *, void *user), void *user)
{
    hl__texts all = {0};
    hl_status status;
    bool more = true;

    if (!callback)
        return hl__fail(HL_ERR_INVALID, ACTION, "callback", "The callback is NULL; give a function.");
    status = hl__document_walk(runtime, HL__JOURNAL_KEY, hl__texts_take, &all);
    for (size_t i = 0; status == HL_OK && more && i < all.len; i++)
        more = show(all.rows[i], callback, user);
    hl__texts_free(&all);
    return status == HL_OK ? HL_OK : hl__fail_as(ACTION);
}

/* ---- verifying --------------------------------------------------------------------------------------------------- */

static hl_status corrupt(uint64_t number, const char *what)
{
    return hl__fail(HL_ERR_STORE_CORRUPT, ACTION, "entry",
                    "Entry %" PRIu64 " of the install log %s: the log was changed from outside.", number, what);
}

/* The number and the hash before have to be those that the chain has come to. */
static hl_status check_value(json_t *value, hl__journal_head *head)
{
    char hash[HL__SHA256_TEXT], told[HL__SHA256_TEXT];
    uint64_t number = head->number + 1;
    hl_status status;

    if (!json_is_object(value))
        return corrupt(number, "cannot be understood");
    if (number_of(value, "number") != (int64_t)number)
        return corrupt(number, "is missing");
    if (strcmp(text_of(value, "previous"), head->hash) != 0)
        return corrupt(number, "does not follow the one before");
    snprintf(told, sizeof(told), "%s", text_of(value, "hash"));
    json_object_del(value, "hash");
    status = hl__journal_hash(value, hash);
    if (status != HL_OK)
        return status;
    if (strcmp(hash, told) != 0)
        return corrupt(number, "does not have the content that was hashed");
    head->number = number;
    memcpy(head->hash, hash, sizeof(hash));
    return HL_OK;
}

static hl_status check_entry(const char *text, hl__journal_head *head)
{
    json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    hl_status status = check_value(value, head);

    json_decref(value);
    return status;
}

/* The stored head is what the last entry has to be. */
static hl_status check_head(const char *text, const hl__journal_head *reached)
{
    hl__journal_head head = HL__JOURNAL_HEAD_INIT;
    hl_status status = text ? hl__journal_head_decode(text, &head) : HL_OK;

    if (status != HL_OK)
        return status;
    if (head.number > reached->number)
        return corrupt(reached->number + 1, "is missing");
    if (head.number < reached->number)
        return corrupt(head.number + 1, "was put in");
    return strcmp(head.hash, reached->hash) == 0 ? HL_OK : corrupt(head.number, "is not the one that was written last");
}

static hl_status read_log(hl_runtime *runtime, hl__texts *all, char **head)
{
    hl_status status = hl__document_get(runtime, HL__JOURNAL_HEAD_KEY, head);

    if (status != HL_OK && status != HL_ERR_NOT_FOUND)
        return status;
    return hl__document_walk(runtime, HL__JOURNAL_KEY, hl__texts_take, all);
}

/* A log that grew between the two questions is asked again: only a head that stays behind is a finding. */
static hl_status verify(hl_runtime *runtime, hl__journal_head *reached)
{
    hl_status status = HL_OK;

    for (int tries = 0; tries < 3; tries++) {
        hl__texts all = {0};
        char *head = NULL;

        *reached = (hl__journal_head)HL__JOURNAL_HEAD_INIT;
        status = read_log(runtime, &all, &head);
        for (size_t i = 0; status == HL_OK && i < all.len; i++)
            status = check_entry(all.rows[i], reached);
        if (status == HL_OK)
            status = check_head(head, reached);
        free(head);
        hl__texts_free(&all);
        if (status != HL_ERR_STORE_CORRUPT)
            break;
    }
    return status;
}

hl_status hl_install_log_verify(hl_runtime *runtime, uint64_t *entries, char *head)
{
    hl__journal_head reached = HL__JOURNAL_HEAD_INIT;
    hl_status status = verify(runtime, &reached);

    if (status != HL_OK)
        return hl__fail_as(ACTION);
    if (entries)
        *entries = reached.number;
    if (head)
        memcpy(head, reached.hash, sizeof(reached.hash));
    return HL_OK;
}

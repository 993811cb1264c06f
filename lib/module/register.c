/* What is committed about keys: their documents. Called by the public verbs (registry.c) and in the commits that bring
 * or remove code. */
#include "module/register.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "module/changes.h"
#include "module/code.h"
#include "module/key_document.h"

#define LISTED_MOST 8 /* keys that a message names */

/* nothing is registered to code that is not there. */
static hl_status check_module(hl__documents *documents, const char *module)
{
    char key[HL__DOCUMENT_KEY_MAX + 1];
    char *text = NULL;
    hl_status status;

    snprintf(key, sizeof(key), HL__MODULE_KEY "%s", module);
    status = hl__documents_get(documents, key, &text);
    free(text);
    if (status != HL_ERR_NOT_FOUND)
        return status;
    return hl__fail(status, "register module", "module",
                    "The store has no code of a module %s; compile it or load its file first.", module);
}

static hl_status put(hl__documents *documents, const hl_key *key, const hl__key_document *document)
{
    char name[HL__KEY_KEY_LEN];
    char *text = NULL;
    hl_status status = hl__key_encode(document, &text);

    hl__key_document_name(key, name);
    if (status == HL_OK)
        status = hl__documents_put(documents, name, text);
    free(text);
    return status;
}

hl_status hl__register_put(hl__documents *documents, const hl_key *key, const hl__key_document *document)
{
    hl_status status = check_module(documents, document->module);

    return status == HL_OK ? put(documents, key, document) : status;
}

/* The module's own document is in the same commit, where it cannot be seen yet. */
hl_status hl__registry_put_key(hl__documents *documents, const hl_key *key, const char *module)
{
    hl__key_document document = {(char *)(uintptr_t)module, (char *)(uintptr_t) ""};

    return put(documents, key, &document);
}

hl_status hl__registry_note(hl__documents *documents, const char *module, const hl_key *key)
{
    char of_module[HL__DOCUMENT_KEY_MAX + 1], of_key[HL__KEY_KEY_LEN];
    const char *const names[] = {of_module, of_key};

    snprintf(of_module, sizeof(of_module), HL__MODULE_KEY "%s", module);
    if (key)
        hl__key_document_name(key, of_key);
    return hl__changes_put(documents, names, key ? 2 : 1);
}

/* ---- who uses a module ------------------------------------------------------------------------------------------- */

typedef struct users {
    const char *module;
    size_t len;
    char text[LISTED_MOST * (HL_KEY_TEXT + 1)];
} users;

static hl_status note_user(void *user, const char *name, const char *text)
{
    users *found = user;
    hl__key_document document;
    hl_key key;

    if (hl__key_decode(name, text, &key, &document) != HL_OK)
        return HL_OK;
    if (strcmp(document.module, found->module) == 0 && found->len++ < LISTED_MOST) {
        size_t used = strlen(found->text);

        snprintf(found->text + used, sizeof(found->text) - used, "%s%s", used ? ", " : "", name + strlen(HL__KEY_KEY));
    }
    hl__key_document_cleanup(&document);
    return HL_OK;
}

hl_status hl__registry_check_unused(hl__documents *documents, const char *module)
{
    users found = {.module = module};
    hl_status status = hl__documents_walk(documents, HL__KEY_KEY, note_user, &found);

    if (status != HL_OK || found.len == 0)
        return status;
    return hl__fail(HL_ERR_DEPENDENTS, "purge module", "module",
                    "%zu keys are registered to module %s: %s%s. Unregister them first.", found.len, module, found.text,
                    found.len > LISTED_MOST ? ", and more" : "");
}

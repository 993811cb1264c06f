/* The document "key/UUID" as JSON; see key_document.h. */
#include "module/key_document.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "module/code_document.h"

#define ACTION "module key"

void hl__key_document_name(const hl_key *key, char out[HL__KEY_KEY_LEN])
{
    char text[HL_KEY_TEXT];

    hl_key_format(key, text);
    snprintf(out, HL__KEY_KEY_LEN, HL__KEY_KEY "%s", text);
}

hl_status hl__key_encode(const hl__key_document *document, char **text)
{
    json_t *value = json_pack("{s:s}", "module", document->module);
    bool good = value != NULL;

    if (good && document->isolation[0])
        good = json_object_set_new(value, "isolation", json_loads(document->isolation, 0, NULL)) == 0;
    *text = good ? json_dumps(value, JSON_COMPACT) : NULL;
    json_decref(value);
    return *text ? HL_OK : hl__fail_memory(ACTION);
}

static bool decode(const json_t *value, hl__key_document *out)
{
    const char *module = json_string_value(json_object_get(value, "module"));
    const json_t *isolation = json_object_get(value, "isolation");

    if (!module || hl__module_name_check(ACTION, "module", module) != HL_OK ||
        (isolation && !json_is_object(isolation)))
        return false;
    out->module = strdup(module);
    out->isolation = isolation ? json_dumps(isolation, JSON_COMPACT) : strdup("");
    return out->module && out->isolation;
}

hl_status hl__key_decode(const char *name, const char *text, hl_key *key, hl__key_document *out)
{
    json_t *value = json_loads(text, 0, NULL);
    bool good;

    memset(out, 0, sizeof(*out));
    good = hl_key_parse(name + strlen(HL__KEY_KEY), key) == HL_OK && decode(value, out);
    json_decref(value);
    if (good)
        return HL_OK;
    hl__key_document_cleanup(out);
    return hl__fail(HL_ERR_STORE_CORRUPT, ACTION, name,
                    "The store's document \"%s\" cannot be understood; register the key again.", name);
}

void hl__key_document_cleanup(hl__key_document *document)
{
    free(document->module);
    free(document->isolation);
    memset(document, 0, sizeof(*document));
}

/* The document "module/NAME" as JSON, and the rule for names of modules; see code_document.h. */
#include "module/code_document.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"

#define ACTION "module code"
#define NAME_MAX_LEN 255

/* ---- names ------------------------------------------------------------------------------------------------------- */

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

hl_status hl__module_name_check(const char *action, const char *field, const char *name)
{
    size_t len = name ? strnlen(name, NAME_MAX_LEN + 1) : 0;
    bool good = len > 0 && len <= NAME_MAX_LEN && is_letter_or_digit(name[0]);

    for (size_t i = 0; good && i < len; i++)
        good = is_letter_or_digit(name[i]) || strchr("._-", name[i]);
    if (good)
        return HL_OK;
    return hl__fail(HL_ERR_INVALID, action, field,
                    "%s is no name of a module: give 1 to %d letters, digits, '.', '_' or '-', beginning with a letter "
                    "or a digit.",
                    name ? "This" : "NULL", NAME_MAX_LEN);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static json_t *encode_functions(const hl__code_document *document)
{
    json_t *array = json_array();

    for (size_t i = 0; array && i < document->functions_len; i++) {
        const hl__code_function *function = &document->functions[i];

        if (json_array_append_new(array, json_pack("{s:s, s:s}", "name", function->name, "doc", function->doc)) == 0)
            continue;
        json_decref(array);
        array = NULL;
    }
    return array;
}

hl_status hl__code_encode(const hl__code_document *document, char **text)
{
    json_t *functions = encode_functions(document);
    json_t *value = json_pack("{s:s, s:s, s:s, s:I, s:o}", "version", document->version, "sha256", document->sha256,
                              "file", document->file, "kept_at", (json_int_t)document->kept_at, "functions", functions);

    *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    json_decref(value);
    return *text ? HL_OK : hl__fail_memory(ACTION);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static bool take_text(const json_t *object, const char *key, char **out)
{
    const char *text = json_string_value(json_object_get(object, key));

    *out = text ? strdup(text) : NULL;
    return *out != NULL;
}

static bool take_functions(const json_t *array, hl__code_document *out)
{
    size_t len = json_array_size(array);

    if (!json_is_array(array) || len > HL__MODULE_FUNCTIONS_MAX)
        return false;
    out->functions = (hl__code_function *)calloc(len + 1, sizeof(*out->functions));
    if (!out->functions)
        return false;
    out->functions_len = len;
    for (size_t i = 0; i < len; i++) {
        const json_t *row = json_array_get(array, i);

        if (!take_text(row, "name", &out->functions[i].name) || !take_text(row, "doc", &out->functions[i].doc))
            return false;
    }
    return true;
}

/* The path is used below the code's place: it must be the one that keeping made. */
static bool file_fits(const hl__code_document *document)
{
    size_t len = strlen(document->name);

    return strncmp(document->file, document->name, len) == 0 && document->file[len] == '/' &&
           strncmp(document->file + len + 1, document->sha256, HL__SHA256_TEXT - 1) == 0 &&
           strcmp(document->file + len + HL__SHA256_TEXT, ".so") == 0;
}

static bool decode(const char *name, const json_t *value, hl__code_document *out)
{
    const char *sha256 = json_string_value(json_object_get(value, "sha256"));

    if (!sha256 || !hl__digest_is_text(sha256))
        return false;
    memcpy(out->sha256, sha256, sizeof(out->sha256));
    out->name = strdup(name);
    out->kept_at = json_integer_value(json_object_get(value, "kept_at"));
    return out->name && take_text(value, "version", &out->version) && take_text(value, "file", &out->file) &&
           file_fits(out) && take_functions(json_object_get(value, "functions"), out);
}

hl_status hl__code_decode(const char *name, const char *text, hl__code_document *out)
{
    json_t *value = json_loads(text, 0, NULL);
    bool good;

    memset(out, 0, sizeof(*out));
    good = hl__module_name_check(ACTION, "name", name) == HL_OK && decode(name, value, out);
    json_decref(value);
    if (good)
        return HL_OK;
    hl__code_document_cleanup(out);
    return hl__fail(HL_ERR_STORE_CORRUPT, ACTION, name,
                    "The store's document of module %s cannot be understood; load the module's code again.", name);
}

void hl__code_document_cleanup(hl__code_document *document)
{
    for (size_t i = 0; i < document->functions_len; i++) {
        free(document->functions[i].name);
        free(document->functions[i].doc);
    }
    free(document->functions);
    free(document->name);
    free(document->version);
    free(document->file);
    memset(document, 0, sizeof(*document));
}

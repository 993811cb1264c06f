/* From the text of a manifest to a checked hl__manifest, part by part. Used for packages, files and folders alike;
 * types and sizes of single values are checked in manifest_fields.c. */
#include "install/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "install/manifest_fields.h"
#include "install/names.h"

#define ACTION HL__MANIFEST_ACTION
#define DESCRIPTION_MAX 1024
#define WORD_MAX 32

/* ---- text to JSON ---- */

/* Before the parser goes as deep as the text. Brackets in strings do not count. */
static bool too_deep(const char *text, size_t len)
{
    size_t depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < len && depth <= HL__MANIFEST_DEPTH_MAX; i++) {
        if (in_string && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            in_string = !in_string;
        else if (!in_string && (text[i] == '[' || text[i] == '{'))
            depth++;
        else if (!in_string && depth && (text[i] == ']' || text[i] == '}'))
            depth--;
    }
    return depth > HL__MANIFEST_DEPTH_MAX;
}

static hl_status load(const char *text, size_t len, json_t **out)
{
    json_error_t error;
    char shown[HL__SHOWN_MAX];

    *out = NULL;
    if (len > HL__MANIFEST_BYTES_MAX)
        return hl__fail(HL_ERR_LIMIT, ACTION, HL__MANIFEST_NAME, "The manifest has %zu bytes; it may have %zu.", len,
                        HL__MANIFEST_BYTES_MAX);
    if (too_deep(text, len))
        return hl__fail(HL_ERR_LIMIT, ACTION, HL__MANIFEST_NAME,
                        "The manifest's lists and objects lie more than %d deep in each other.",
                        HL__MANIFEST_DEPTH_MAX);
    *out = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (*out)
        return HL_OK;
    if (json_error_code(&error) == json_error_out_of_memory)
        return hl__fail_memory(ACTION);
    return hl__fail(HL_ERR_MANIFEST, ACTION, HL__MANIFEST_NAME,
                    "The manifest cannot be read at line %d, column %d: %s. Correct it and pack again.", error.line,
                    error.column, hl__shown(error.text, shown));
}

/* ---- what it is ---- */

static hl_status read_app(const json_t *object, hl__manifest *out)
{
    hl_status status = hl__field_text("app", json_object_get(object, "app"), HL__FIELD_TEXT_MAX, &out->app);

    return status == HL_OK ? hl__field_app_name("app", out->app) : status;
}

static hl_status read_version(const json_t *object, hl__manifest *out)
{
    hl_status status =
        hl__field_text("version", json_object_get(object, "version"), HL__FIELD_TEXT_MAX, &out->version_text);

    return status == HL_OK ? hl__version_parse(ACTION, "version", out->version_text, &out->version) : status;
}

static hl_status read_abi(const json_t *object, hl__manifest *out)
{
    const json_t *value = json_object_get(object, "abi");
    json_int_t abi = json_integer_value(value);

    if (!json_is_integer(value) || abi < 1 || abi > (json_int_t)UINT32_MAX)
        return hl__field_wrong("abi", "must be a whole number from 1 on; this Hookline's is %d.", HL_ABI);
    out->abi = (uint32_t)abi;
    return HL_OK;
}

static hl_status read_architecture(const json_t *object, hl__manifest *out)
{
    hl_status status =
        hl__field_text("architecture", json_object_get(object, "architecture"), WORD_MAX, &out->architecture);

    if (status == HL_OK && out->architecture[strspn(out->architecture, "abcdefghijklmnopqrstuvwxyz0123456789_")])
        return hl__field_wrong("architecture", "must be a word as `uname -m` writes it, such as \"x86_64\".");
    return status;
}

static hl_status read_libc(const json_t *object, hl__manifest *out)
{
    hl_status status = hl__field_text("libc", json_object_get(object, "libc"), WORD_MAX, &out->libc);

    if (status == HL_OK && strcmp(out->libc, "gnu") != 0 && strcmp(out->libc, "musl") != 0)
        return hl__field_wrong("libc", "must be \"gnu\" or \"musl\".");
    return status;
}

static hl_status read_description(const json_t *object, hl__manifest *out)
{
    const json_t *value = json_object_get(object, "description");

    if (value && (!json_is_string(value) || json_string_length(value) > 0))
        return hl__field_text("description", value, DESCRIPTION_MAX, &out->description);
    out->description = strdup("");
    return out->description ? HL_OK : hl__fail_memory(ACTION);
}

static hl_status check_data(const char *data)
{
    const char *problem = hl__path_problem(data);

    if (problem)
        return hl__field_wrong("data", "%s; name a folder of the package, such as \"priv\".", problem);
    if (strcmp(data, "lib") == 0 || strncmp(data, "lib/", 4) == 0 || strcmp(data, HL__MANIFEST_NAME) == 0)
        return hl__field_wrong("data", "must not be in lib/, which holds code; name a folder such as \"priv\".");
    return HL_OK;
}

static hl_status read_data(const json_t *object, hl__manifest *out)
{
    const json_t *value = json_object_get(object, "data");
    hl_status status;

    if (value) {
        status = hl__field_text("data", value, HL__FIELD_TEXT_MAX, &out->data);
        return status == HL_OK ? check_data(out->data) : status;
    }
    out->data = strdup("");
    return out->data ? HL_OK : hl__fail_memory(ACTION);
}

/* ---- the whole ---- */

typedef hl_status read_fn(const json_t *object, hl__manifest *out);

static hl_status read_object(const json_t *object, hl__manifest *out)
{
    static const char *const known[] = {"app",       "version",     "abi",      "architecture", "libc",
                                        "libraries", "requires",    "optional", "conflicts",    "capabilities",
                                        "data",      "description", NULL};
    static read_fn *const parts[] = {read_app,
                                     read_version,
                                     read_abi,
                                     read_architecture,
                                     read_libc,
                                     hl__manifest_read_libraries,
                                     hl__manifest_read_relations,
                                     read_data,
                                     hl__manifest_read_capabilities,
                                     read_description};
    hl_status status = HL_OK;

    if (!json_is_object(object))
        return hl__fail(HL_ERR_MANIFEST, ACTION, HL__MANIFEST_NAME, "The manifest is no JSON object.");
    status = hl__field_items(HL__MANIFEST_NAME, object, JSON_OBJECT);
    for (size_t i = 0; status == HL_OK && i < sizeof(parts) / sizeof(parts[0]); i++)
        status = parts[i](object, out);
    return status == HL_OK ? hl__field_unknown(out, "", object, known) : status;
}

hl_status hl__manifest_parse(const char *text, size_t len, hl__manifest *out)
{
    json_t *object;
    hl_status status;

    memset(out, 0, sizeof(*out));
    status = load(text, len, &object);
    if (status == HL_OK)
        status = read_object(object, out);
    json_decref(object);
    return status;
}

void hl__manifest_names_free(char **names, size_t len)
{
    for (size_t i = 0; i < len; i++)
        free(names[i]);
    free(names);
}

void hl__manifest_needs_free(hl__manifest_need *needs, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        free(needs[i].app);
        free(needs[i].range);
    }
    free(needs);
}

void hl__manifest_cleanup(hl__manifest *manifest)
{
    for (size_t i = 0; i < manifest->libraries_len; i++) {
        free(manifest->libraries[i].file);
        hl__manifest_names_free(manifest->libraries[i].isolation, manifest->libraries[i].plugins_len);
        hl__manifest_names_free(manifest->libraries[i].plugins, manifest->libraries[i].plugins_len);
    }
    free(manifest->libraries);
    hl__manifest_needs_free(manifest->needs, manifest->needs_len);
    hl__manifest_needs_free(manifest->conflicts, manifest->conflicts_len);
    hl__manifest_names_free(manifest->capabilities, manifest->capabilities_len);
    hl__manifest_names_free(manifest->warnings, manifest->warnings_len);
    free(manifest->app);
    free(manifest->version_text);
    free(manifest->architecture);
    free(manifest->libc);
    free(manifest->description);
    free(manifest->data);
    memset(manifest, 0, sizeof(*manifest));
}

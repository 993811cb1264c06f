/* From the text of a manifest to a checked hl__manifest, part by part. Used for packages, files and folders alike; types
 * and sizes of single values are checked in manifest_fields.c. */
#include "install/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "core/error.h"
#include "core/validate.h"
#include "install/manifest_fields.h"
#include "install/names.h"

#define ACTION HL__MANIFEST_ACTION
#define DESCRIPTION_MAX 1024
#define WORD_MAX 32
#define FILE_MAX 255

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

/* The name's own rule, told as a rule of the manifest. */
static hl_status check_app_name(const char *field, const char *name)
{
    if (hl__app_name_check(ACTION, field, name) == HL_OK)
        return HL_OK;
    return hl__field_wrong(field,
                           "is no name of an app: it has 1 to %d bytes, begins with a lowercase letter and goes on "
                           "with lowercase letters, digits, '_' and '-'.",
                           HL__APP_NAME_MAX);
}

static hl_status read_app(const json_t *object, hl__manifest *out)
{
    hl_status status = hl__field_text("app", json_object_get(object, "app"), FILE_MAX, &out->app);

    return status == HL_OK ? check_app_name("app", out->app) : status;
}

static hl_status read_version(const json_t *object, hl__manifest *out)
{
    hl_status status = hl__field_text("version", json_object_get(object, "version"), FILE_MAX, &out->version_text);

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
        status = hl__field_text("data", value, FILE_MAX, &out->data);
        return status == HL_OK ? check_data(out->data) : status;
    }
    out->data = strdup("");
    return out->data ? HL_OK : hl__fail_memory(ACTION);
}

/* ---- libraries ---- */

/* A list of names that core takes as names of plugins. */
static hl_status read_plugins(const char *field, const json_t *list, hl__manifest_library *out)
{
    hl_status status = hl__field_items(field, list, JSON_ARRAY);

    if (status == HL_OK && json_array_size(list) == 0)
        return hl__field_wrong(field, "is empty; name the plugins of the library.");
    if (status == HL_OK && !(out->plugins = calloc(json_array_size(list), sizeof(*out->plugins))))
        return hl__fail_memory(ACTION);
    for (size_t i = 0; status == HL_OK && i < json_array_size(list); i++) {
        char item[HL__FIELD_MAX + 32];

        snprintf(item, sizeof(item), "%s[%zu]", field, i);
        status = hl__field_text(item, json_array_get(list, i), HL__NAME_MAX, &out->plugins[i]);
        out->plugins_len += status == HL_OK;
    }
    return status;
}

static hl_status read_library(const json_t *object, size_t number, hl__manifest *manifest, hl__manifest_library *out)
{
    static const char *const known[] = {"file", "plugins", NULL};
    char field[HL__FIELD_MAX];
    hl_status status;

    snprintf(field, sizeof(field), "libraries[%zu]", number);
    status = hl__field_items(field, object, JSON_OBJECT);
    snprintf(field, sizeof(field), "libraries[%zu].file", number);
    if (status == HL_OK)
        status = hl__field_text(field, json_object_get(object, "file"), FILE_MAX, &out->file);
    if (status == HL_OK && !hl__path_is_library(out->file))
        status = hl__field_wrong(field, "must be the path of a file below lib/ that ends in .so, such as "
                                        "\"lib/shop.so\", without \"..\" and empty parts.");
    snprintf(field, sizeof(field), "libraries[%zu].plugins", number);
    if (status == HL_OK)
        status = read_plugins(field, json_object_get(object, "plugins"), out);
    snprintf(field, sizeof(field), "libraries[%zu].", number);
    return status == HL_OK ? hl__field_unknown(manifest, field, object, known) : status;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorts the names and refuses those that are there twice. */
static hl_status check_different(const char *field, const char **names, size_t len)
{
    char shown[HL__SHOWN_MAX];

    qsort(names, len, sizeof(*names), compare_texts);
    for (size_t i = 1; i < len; i++) {
        if (strcmp(names[i - 1], names[i]) == 0)
            return hl__field_wrong(field, "names %s twice; leave one of them out.", hl__shown(names[i], shown));
    }
    return HL_OK;
}

/* Files, and plugins over all libraries. */
static hl_status check_libraries(const hl__manifest *manifest)
{
    size_t len = 0, plugins_len = 0;
    const char **names;
    hl_status status;

    for (size_t i = 0; i < manifest->libraries_len; i++)
        plugins_len += manifest->libraries[i].plugins_len;
    names = calloc(plugins_len + manifest->libraries_len, sizeof(*names));
    if (!names)
        return hl__fail_memory(ACTION);
    for (size_t i = 0; i < manifest->libraries_len; i++)
        names[i] = manifest->libraries[i].file;
    status = check_different("libraries", names, manifest->libraries_len);
    for (size_t i = 0; i < manifest->libraries_len; i++) {
        for (size_t k = 0; k < manifest->libraries[i].plugins_len; k++)
            names[len++] = manifest->libraries[i].plugins[k];
    }
    if (status == HL_OK)
        status = check_different("libraries[].plugins", names, len);
    free(names);
    return status;
}

static hl_status read_libraries(const json_t *object, hl__manifest *out)
{
    const json_t *list = json_object_get(object, "libraries");
    hl_status status = hl__field_items("libraries", list, JSON_ARRAY);

    if (status != HL_OK)
        return status;
    if (json_array_size(list) == 0)
        return hl__field_wrong("libraries", "is empty; a package has at least one plugin library.");
    out->libraries = calloc(json_array_size(list), sizeof(*out->libraries));
    if (!out->libraries)
        return hl__fail_memory(ACTION);
    for (size_t i = 0; status == HL_OK && i < json_array_size(list); i++)
        status = read_library(json_array_get(list, i), out->libraries_len++, out, &out->libraries[i]);
    return status == HL_OK ? check_libraries(out) : status;
}

/* ---- other apps, capabilities ---- */

static hl_status read_need(const char *list, const char *app, const json_t *range, const hl__manifest *manifest,
                           hl__manifest_need *out)
{
    char field[HL__FIELD_MAX];
    char shown[HL__SHOWN_MAX];
    hl_status status;

    snprintf(field, sizeof(field), "%s.%.100s", list, hl__shown(app, shown));
    status = check_app_name(field, app);
    if (status == HL_OK && strcmp(app, manifest->app) == 0)
        status = hl__field_wrong(field, "is the app itself; leave it out.");
    if (status == HL_OK)
        status = hl__field_text(field, range, HL__RANGE_MAX, &out->range);
    if (status == HL_OK)
        status = hl__range_check(ACTION, field, out->range);
    if (status == HL_OK && !(out->app = strdup(app)))
        status = hl__fail_memory(ACTION);
    return status;
}

/* Appends the pairs of one object, sorted by nothing: JSON's order is kept by no one. */
static hl_status read_needs(const json_t *object, const char *field, bool optional, const hl__manifest *manifest,
                            hl__manifest_need **needs, size_t *len)
{
    json_t *pairs = json_object_get(object, field);
    hl__manifest_need *grown;
    hl_status status = pairs ? hl__field_items(field, pairs, JSON_OBJECT) : HL_OK;
    const char *app;
    json_t *range;

    if (!pairs || status != HL_OK)
        return status;
    grown = realloc(*needs, (*len + json_object_size(pairs) + 1) * sizeof(*grown));
    if (!grown)
        return hl__fail_memory(ACTION);
    *needs = grown;
    json_object_foreach (pairs, app, range) {
        if (status != HL_OK)
            break;
        grown[*len] = (hl__manifest_need){NULL, NULL, optional};
        status = read_need(field, app, range, manifest, &grown[(*len)++]);
    }
    return status;
}

static hl_status check_needs(const hl__manifest *manifest)
{
    const char **names = calloc(manifest->needs_len + 1, sizeof(*names));
    hl_status status;

    if (!names)
        return hl__fail_memory(ACTION);
    for (size_t i = 0; i < manifest->needs_len; i++)
        names[i] = manifest->needs[i].app;
    status = check_different("optional", names, manifest->needs_len);
    free(names);
    return status;
}

static int compare_needs(const void *a, const void *b)
{
    return strcmp(((const hl__manifest_need *)a)->app, ((const hl__manifest_need *)b)->app);
}

/* Sorted, so that what is told of them does not depend on how the manifest was written. */
static hl_status read_relations(const json_t *object, hl__manifest *out)
{
    hl_status status = read_needs(object, "requires", false, out, &out->needs, &out->needs_len);

    if (status == HL_OK)
        status = read_needs(object, "optional", true, out, &out->needs, &out->needs_len);
    if (status == HL_OK)
        status = check_needs(out);
    if (status == HL_OK)
        status = read_needs(object, "conflicts", false, out, &out->conflicts, &out->conflicts_len);
    if (status != HL_OK)
        return status;
    if (out->needs_len)
        qsort(out->needs, out->needs_len, sizeof(*out->needs), compare_needs);
    if (out->conflicts_len)
        qsort(out->conflicts, out->conflicts_len, sizeof(*out->conflicts), compare_needs);
    return HL_OK;
}

static hl_status read_capability(size_t number, const json_t *value, char **out)
{
    char field[HL__FIELD_MAX];
    hl_status status;

    snprintf(field, sizeof(field), "capabilities[%zu]", number);
    status = hl__field_text(field, value, HL__APP_NAME_MAX, out);
    if (status == HL_OK && hl__app_name_check(ACTION, field, *out) != HL_OK)
        return hl__field_wrong(field, "must be a word of lowercase letters, digits, '_' and '-', such as \"network\".");
    return status;
}

static hl_status read_capabilities(const json_t *object, hl__manifest *out)
{
    const json_t *list = json_object_get(object, "capabilities");
    hl_status status = list ? hl__field_items("capabilities", list, JSON_ARRAY) : HL_OK;

    if (!list || status != HL_OK)
        return status;
    out->capabilities = calloc(json_array_size(list) + 1, sizeof(*out->capabilities));
    if (!out->capabilities)
        return hl__fail_memory(ACTION);
    for (size_t i = 0; status == HL_OK && i < json_array_size(list); i++)
        status = read_capability(i, json_array_get(list, i), &out->capabilities[out->capabilities_len++]);
    return status == HL_OK
               ? check_different("capabilities", (const char **)(void *)out->capabilities, out->capabilities_len)
               : status;
}

/* ---- the whole ---- */

typedef hl_status read_fn(const json_t *object, hl__manifest *out);

static hl_status read_object(const json_t *object, hl__manifest *out)
{
    static const char *const known[] = {"app",       "version",     "abi",      "architecture", "libc",
                                        "libraries", "requires",    "optional", "conflicts",    "capabilities",
                                        "data",      "description", NULL};
    static read_fn *const parts[] = {read_app,       read_version,   read_abi,  read_architecture, read_libc,
                                     read_libraries, read_relations, read_data, read_capabilities, read_description};
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

static void free_texts(char **texts, size_t len)
{
    for (size_t i = 0; i < len; i++)
        free(texts[i]);
    free(texts);
}

static void free_needs(hl__manifest_need *needs, size_t len)
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
        free_texts(manifest->libraries[i].plugins, manifest->libraries[i].plugins_len);
    }
    free(manifest->libraries);
    free_needs(manifest->needs, manifest->needs_len);
    free_needs(manifest->conflicts, manifest->conflicts_len);
    free_texts(manifest->capabilities, manifest->capabilities_len);
    free_texts(manifest->warnings, manifest->warnings_len);
    free(manifest->app);
    free(manifest->version_text);
    free(manifest->architecture);
    free(manifest->libc);
    free(manifest->description);
    free(manifest->data);
    memset(manifest, 0, sizeof(*manifest));
}

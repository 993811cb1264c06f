/* The other apps that a manifest speaks of, and the capabilities that it wants. Used by manifest.c only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "install/manifest_fields.h"
#include "install/names.h"

#define ACTION HL__MANIFEST_ACTION

static hl_status read_need(const char *list, const char *app, const json_t *range, const hl__manifest *manifest,
                           hl__manifest_need *out)
{
    char field[HL__FIELD_MAX];
    char shown[HL__SHOWN_MAX];
    hl_status status;

    snprintf(field, sizeof(field), "%s.%.100s", list, hl__shown(app, shown));
    status = hl__field_app_name(field, app);
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
    status = hl__field_different("optional", names, manifest->needs_len);
    free(names);
    return status;
}

static int compare_needs(const void *a, const void *b)
{
    return strcmp(((const hl__manifest_need *)a)->app, ((const hl__manifest_need *)b)->app);
}

/* Sorted, so that what is told of them does not depend on how the manifest was written. */
hl_status hl__manifest_read_relations(const json_t *object, hl__manifest *out)
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

hl_status hl__manifest_read_capabilities(const json_t *object, hl__manifest *out)
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
               ? hl__field_different("capabilities", (const char **)(void *)out->capabilities, out->capabilities_len)
               : status;
}

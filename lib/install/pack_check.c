/* What goes into a package, and whether its libraries are what the manifest says. Used by pack.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hookline/library.h>

#include "core/error.h"
#include "core/grow.h"
#include "install/names.h"
#include "install/pack.h"
#include "install/package_folder.h"

/* ---- the list ---- */

static hl_status collect(void *user, hl__rules *rules, const hl__tree_entry *entry)
{
    hl__pack_list *list = user;
    bool executable = (entry->stat.st_mode & 0111) != 0;
    char *path;

    if (S_ISDIR(entry->stat.st_mode))
        return HL_OK;
    path = strdup(entry->path);
    if (!path || !hl__grow(&list->rows, list->len, &list->room, sizeof(*list->rows))) {
        free(path);
        return hl__fail_memory(HL__PACK_ACTION);
    }
    list->rows[list->len++] =
        (hl__package_file){.path = path, .bytes = (uint64_t)entry->stat.st_size, .executable = executable};
    return hl__rules_content(rules, (size_t)entry->stat.st_size);
}

static int compare_rows(const void *a, const void *b)
{
    const char *a_path = ((const hl__package_file *)a)->path, *b_path = ((const hl__package_file *)b)->path;
    bool a_first = strcmp(a_path, HL__MANIFEST_NAME) == 0, b_first = strcmp(b_path, HL__MANIFEST_NAME) == 0;

    return a_first != b_first ? b_first - a_first : strcmp(a_path, b_path);
}

hl_status hl__pack_collect(int folder, const hl__archive_limits *limits, const hl__manifest *manifest,
                           hl__pack_list *out)
{
    hl_status status = hl__folder_visit(folder, limits, manifest, collect, out);

    if (status == HL_OK)
        qsort(out->rows, out->len, sizeof(*out->rows), compare_rows);
    return status;
}

void hl__pack_list_free(hl__pack_list *list)
{
    for (size_t i = 0; i < list->len; i++)
        free(list->rows[i].path);
    free(list->rows);
}

/* ---- libraries ---- */

typedef struct comparison {
    const hl__manifest_library *library;
    hl_status status;
} comparison;

static bool lists(const hl__manifest_library *library, const char *name)
{
    for (size_t i = 0; i < library->plugins_len; i++) {
        if (strcmp(library->plugins[i], name) == 0)
            return true;
    }
    return false;
}

static bool exports(const hl_library_info *info, const char *name)
{
    for (size_t i = 0; i < info->specs_len; i++) {
        if (strcmp(info->specs[i].name, name) == 0)
            return true;
    }
    return false;
}

static hl_status differ(const hl__manifest_library *library, const char *name, const char *how)
{
    char shown[HL__SHOWN_MAX];

    return hl__fail(HL_ERR_MANIFEST, HL__PACK_ACTION, "libraries", "The manifest and %s differ: the plugin %s is %s.",
                    library->file, hl__shown(name, shown), how);
}

static void compare(const hl_library_info *info, void *user)
{
    comparison *comparison = user;
    const hl__manifest_library *library = comparison->library;

    for (size_t i = 0; comparison->status == HL_OK && i < info->specs_len; i++) {
        if (!lists(library, info->specs[i].name))
            comparison->status = differ(library, info->specs[i].name, "in the library and not in the manifest");
    }
    for (size_t i = 0; comparison->status == HL_OK && i < library->plugins_len; i++) {
        if (!exports(info, library->plugins[i]))
            comparison->status = differ(library, library->plugins[i], "in the manifest and not in the library");
    }
}

static bool is_listed(const hl__pack_list *list, const char *path)
{
    for (size_t i = 0; i < list->len; i++) {
        if (strcmp(list->rows[i].path, path) == 0)
            return true;
    }
    return false;
}

static hl_status check_library(const char *folder, const hl__manifest_library *library)
{
    comparison comparison = {library, HL_OK};
    hl_status status;
    char *path;

    if (asprintf(&path, "%s/%s", folder, library->file) < 0)
        return hl__fail_memory(HL__PACK_ACTION);
    status = hl_library_inspect(path, compare, &comparison);
    free(path);
    return status == HL_OK ? comparison.status : status;
}

hl_status hl__pack_check_libraries(const char *path, const hl__manifest *manifest, const hl__pack_list *list)
{
    hl_status status = HL_OK;

    for (size_t i = 0; status == HL_OK && i < manifest->libraries_len; i++) {
        const hl__manifest_library *library = &manifest->libraries[i];

        if (!is_listed(list, library->file))
            return hl__fail(HL_ERR_MANIFEST, HL__PACK_ACTION, "libraries",
                            "The manifest names %s, which is not in the folder; build it first.", library->file);
        status = check_library(path, library);
    }
    return status;
}

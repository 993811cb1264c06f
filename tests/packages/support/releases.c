/* The part of the tests' server that plays GitHub's release API; see answer.h.
 *
 *   FOLDER/releases/OWNER/REPOSITORY/TAG/ASSET...   what there is; the highest tag is the latest
 *   FOLDER/releases/OWNER/REPOSITORY/api-query      how the API's answer is sent: "code=403&rate=1"
 *   FOLDER/releases/OWNER/REPOSITORY/assets-query   goes behind each asset's address: "rotten=1"
 *   FOLDER/releases/OWNER/REPOSITORY/assets-at      where the assets are, instead of this server: "https://localhost:1"
 *   FOLDER/releases/OWNER/REPOSITORY/token          who does not send it is told 404 */
#include <dirent.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/packages/support/answer.h"

/* The first line of a file of the repository; false when there is none. */
static bool note(const char *repository, const char *name, char *out, size_t out_len)
{
    char path[PATH_MAX];
    FILE *file;
    bool good;

    if (snprintf(path, sizeof(path), "%s/%s", repository, name) >= (int)sizeof(path))
        return false;
    file = fopen(path, "re");
    good = file && fgets(out, (int)out_len, file);
    if (file)
        fclose(file);
    if (good)
        out[strcspn(out, "\r\n")] = '\0';
    return good;
}

static bool is_folder(const char *parent, const char *name)
{
    char path[PATH_MAX];
    struct stat found;

    return name[0] != '.' && snprintf(path, sizeof(path), "%s/%s", parent, name) < (int)sizeof(path) &&
           stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

static bool find_latest(const char *repository, char *tag, size_t tag_len)
{
    DIR *folder = opendir(repository);
    struct dirent *row;

    tag[0] = '\0';
    while (folder && (row = readdir(folder))) {
        if (is_folder(repository, row->d_name) && strverscmp(row->d_name, tag) > 0)
            snprintf(tag, tag_len, "%s", row->d_name);
    }
    if (folder)
        closedir(folder);
    return tag[0] != '\0';
}

static json_t *list_assets(const char *repository, const char *tag, const char *base)
{
    char path[PATH_MAX], query[256] = "";
    json_t *assets = json_array();
    DIR *folder = NULL;
    struct dirent *row;

    if (snprintf(path, sizeof(path), "%s/%s", repository, tag) < (int)sizeof(path))
        folder = opendir(path);
    note(repository, "assets-query", query, sizeof(query));
    while (folder && (row = readdir(folder))) {
        char url[2048];

        if (row->d_name[0] == '.' || snprintf(url, sizeof(url), "%s/%s/%s%s%s", base, tag, row->d_name,
                                              query[0] ? "?" : "", query) >= (int)sizeof(url))
            continue;
        json_array_append_new(assets, json_pack("{s:s, s:s, s:s}", "name", row->d_name, "state", "uploaded",
                                                "browser_download_url", url));
    }
    if (folder)
        closedir(folder);
    return assets;
}

static bool is_allowed(const char *repository, const test_request *request)
{
    char token[256], wanted[300];

    if (!note(repository, "token", token, sizeof(token)))
        return true;
    snprintf(wanted, sizeof(wanted), "Bearer %s", token);
    return strcmp(request->authorization, wanted) == 0;
}

char *test_release_json(const char *folder, const test_request *request, const char *place, char *query,
                        size_t query_len)
{
    char owner[128], name[128], tag[256] = "", repository[PATH_MAX], base[1024], elsewhere[512] = "";
    json_t *release;
    char *text;
    int read = 0;

    query[0] = '\0';
    sscanf(request->path, "/repos/%127[^/]/%127[^/]/releases/%n", owner, name, &read);
    if (!read || strstr(request->path, "..") ||
        snprintf(repository, sizeof(repository), "%s/releases/%s/%s", folder, owner, name) >= (int)sizeof(repository))
        return NULL;
    note(repository, "api-query", query, query_len);
    if (strcmp(request->path + read, "latest") == 0)
        find_latest(repository, tag, sizeof(tag));
    else if (strncmp(request->path + read, "tags/", 5) == 0)
        snprintf(tag, sizeof(tag), "%s", request->path + read + 5);
    if (!tag[0] || !is_folder(repository, tag) || !is_allowed(repository, request))
        return NULL;
    note(repository, "assets-at", elsewhere, sizeof(elsewhere));
    snprintf(base, sizeof(base), "%s/releases/%s/%s", elsewhere[0] ? elsewhere : place, owner, name);
    release = json_pack("{s:s, s:s, s:b, s:o}", "tag_name", tag, "name", tag, "draft", 0, "assets",
                        list_assets(repository, tag, base));
    text = json_dumps(release, JSON_INDENT(1));
    json_decref(release);
    return text;
}

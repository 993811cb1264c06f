/* Which of a release's assets is the package: by its exact name, else by processor and C library (DL-04). Called with
 * the text of the release API's answer, which is not believed. */
#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "core/error.h"
#include "install/fetch.h"
#include "install/list.h"

#define ACTION "choose asset"
#define ASSETS_MAX 1000
#define NAME_BYTES_MAX 255

#ifdef __GLIBC__
#define OWN_LIBC 0
#else
#define OWN_LIBC 1
#endif

/* What names call one thing, in small letters. */
typedef const char *const names[6];

static const names processors[] = {{"x86_64", "amd64", "x64"}, {"aarch64", "arm64"}};
static const names libcs[] = {{"gnu", "glibc"}, {"musl"}};
static const names foreign_systems = {"darwin", "macos", "apple", "windows", "freebsd"};
static const char *const package_ends[] = {".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".zip"};

typedef struct candidate {
    const char *name;
    const char *url;
    unsigned fits; /* 0: it may still be the only one; 1: for this processor; 2: for this C library too */
} candidate;

typedef struct release {
    candidate *rows;
    size_t len;
    const char *tag;
} release;

/* ---- names ---- */

static bool ends_with(const char *name, const char *end)
{
    size_t len = strlen(name), end_len = strlen(end);

    return len > end_len && strcasecmp(name + len - end_len, end) == 0;
}

static bool is_package(const char *name)
{
    for (size_t i = 0; i < sizeof(package_ends) / sizeof(package_ends[0]); i++) {
        if (ends_with(name, package_ends[i]))
            return true;
    }
    return false;
}

/* Whether the word is in the name, with no letter or digit beside it. */
static bool has_word(const char *name, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = strcasestr(name, word); at; at = strcasestr(at + 1, word)) {
        bool begins = at == name || !isalnum((unsigned char)at[-1]);

        if (begins && !isalnum((unsigned char)at[len]))
            return true;
    }
    return false;
}

static bool has_any(const char *name, const names words)
{
    for (size_t i = 0; words[i]; i++) {
        if (has_word(name, words[i]))
            return true;
    }
    return false;
}

static bool is_own_processor(const char *name)
{
    struct utsname machine;

    if (uname(&machine) != 0)
        return false;
    for (size_t i = 0; i < sizeof(processors) / sizeof(processors[0]); i++) {
        if (strcmp(processors[i][0], machine.machine) == 0)
            return has_any(name, processors[i]);
    }
    return has_word(name, machine.machine);
}

static unsigned fit_of(const char *name)
{
    bool own = has_any(name, libcs[OWN_LIBC]);

    if (!is_own_processor(name) || has_any(name, foreign_systems) || (!own && has_any(name, libcs[!OWN_LIBC])))
        return 0;
    return own ? 2 : 1;
}

/* ---- the answer ---- */

static hl_status refuse_answer(const char *what)
{
    return hl__fail(HL_ERR_DOWNLOAD, ACTION, "github_api",
                    "The release API's answer is not understood: %s. Is \"github_api\" in the policy right?", what);
}

static const char *text_field(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text && text[0] ? text : NULL;
}

/* A name becomes part of messages, and perhaps of a path. */
static bool is_good_name(const char *name)
{
    for (const char *at = name; *at; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f || *at == '/')
            return false;
    }
    return strlen(name) <= NAME_BYTES_MAX && name[0] != '.';
}

static hl_status read_asset(const json_t *object, candidate *out)
{
    out->name = text_field(object, "name");
    out->url = text_field(object, "browser_download_url");
    if (!out->name || !out->url)
        return refuse_answer("an asset has no name or no browser_download_url");
    if (!is_good_name(out->name))
        return refuse_answer("an asset's name has letters that no file name has");
    out->fits = fit_of(out->name);
    return HL_OK;
}

static hl_status read_release(const json_t *document, release *out)
{
    const json_t *assets = json_object_get(document, "assets");
    hl_status status = HL_OK;

    out->tag = text_field(document, "tag_name");
    if (!out->tag || !json_is_array(assets))
        return refuse_answer("there is no \"tag_name\" or no list \"assets\"");
    if (json_array_size(assets) > ASSETS_MAX)
        return refuse_answer("there are more than 1000 assets");
    out->rows = calloc(json_array_size(assets) + 1, sizeof(*out->rows));
    if (!out->rows)
        return hl__fail_memory(ACTION);
    for (size_t i = 0; i < json_array_size(assets) && status == HL_OK; i++) {
        status = read_asset(json_array_get(assets, i), &out->rows[i]);
        out->len = i + 1;
    }
    return status;
}

/* ---- the choice ---- */

static const candidate *find(const release *release, const char *name)
{
    for (size_t i = 0; i < release->len; i++) {
        if (strcmp(release->rows[i].name, name) == 0)
            return &release->rows[i];
    }
    return NULL;
}

/* The only package that fits at least so well; *count gets how many there are. */
static const candidate *only(const release *release, unsigned fits, size_t *count)
{
    const candidate *found = NULL;

    *count = 0;
    for (size_t i = 0; i < release->len; i++) {
        const candidate *row = &release->rows[i];

        if (row->fits < fits || !is_package(row->name))
            continue;
        found = row;
        (*count)++;
    }
    return *count == 1 ? found : NULL;
}

/* From the strictest question to the most lenient; more than one answer is never taken as one. */
static const candidate *choose_by_machine(const release *release)
{
    size_t count = 0;
    const candidate *found = only(release, 2, &count);

    if (!count)
        found = only(release, 1, &count);
    if (!count)
        found = only(release, 0, &count);
    return found;
}

static hl_status refuse_choice(const release *release, const char *wished)
{
    hl__list list = HL__LIST_INIT;

    for (size_t i = 0; i < release->len; i++)
        hl__list_add(&list, "%s", release->rows[i].name);
    if (wished)
        return hl__fail(HL_ERR_ASSET, ACTION, "asset", "Release %.60s has no asset %.100s; it has: %s.", release->tag,
                        wished, release->len ? list.text : "none");
    return hl__fail(HL_ERR_ASSET, ACTION, "asset",
                    "No single asset of release %.60s is for this machine; name one of: %s.", release->tag,
                    release->len ? list.text : "none");
}

static char *copy_of(const char *text, bool *failed)
{
    char *copy = text ? strdup(text) : NULL;

    *failed = *failed || (text && !copy);
    return copy;
}

static hl_status take(const release *release, const candidate *chosen, hl__asset *out)
{
    char signature_name[NAME_BYTES_MAX + sizeof(".minisig")];
    const candidate *signature;
    bool failed = false;

    snprintf(signature_name, sizeof(signature_name), "%s.minisig", chosen->name);
    signature = find(release, signature_name);
    *out = (hl__asset){copy_of(chosen->name, &failed), copy_of(chosen->url, &failed),
                       copy_of(signature ? signature->url : NULL, &failed), copy_of(release->tag, &failed)};
    if (!failed)
        return HL_OK;
    hl__asset_cleanup(out);
    return hl__fail_memory(ACTION);
}

hl_status hl__github_choose(const char *text, size_t len, const char *wished, hl__asset *out)
{
    release release = {NULL, 0, NULL};
    json_t *document = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    const candidate *chosen = NULL;
    hl_status status = json_is_object(document) ? HL_OK : refuse_answer("it is no JSON object");

    *out = (hl__asset){NULL, NULL, NULL, NULL};
    if (status == HL_OK)
        status = read_release(document, &release);
    if (status == HL_OK) {
        chosen = wished ? find(&release, wished) : choose_by_machine(&release);
        status = chosen ? take(&release, chosen, out) : refuse_choice(&release, wished);
    }
    free(release.rows);
    json_decref(document);
    return status;
}

void hl__asset_cleanup(hl__asset *asset)
{
    free(asset->name);
    free(asset->url);
    free(asset->signature_url);
    free(asset->tag);
    *asset = (hl__asset){NULL, NULL, NULL, NULL};
}

/* The fields of install.json, one function each; called by policy.c only. A field that is not understood is refused: a
 * mistyped rule must not be no rule. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/error.h"
#include "core/grow.h"
#include "install/policy_part.h"
#include "install/version.h"

#define LIST_MAX 4096
#define OTHERS_MAY_DO_ANYTHING 0077
#define OTHERS_MAY_WRITE 0022
#define CA_BYTES_MAX ((size_t)16 << 20)

typedef hl_status read_fn(hl__policy *policy, const char *field, const json_t *value);

typedef struct field_reader {
    const char *name;
    read_fn *read;
} field_reader;

static const char *text_of(const json_t *value)
{
    return json_is_string(value) && json_string_length(value) > 0 ? json_string_value(value) : NULL;
}

/* Reads each text of a list; the function makes room for itself. */
static hl_status read_list(hl__policy *policy, const char *name, const json_t *list,
                           hl_status (*read)(hl__policy *policy, const char *field, const char *text))
{
    char field[64];

    if (!json_is_array(list) || json_array_size(list) > LIST_MAX)
        return hl__policy_refuse(policy, name, "\"%s\" has to be a list of at most %d texts.", name, LIST_MAX);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = text_of(json_array_get(list, i));
        hl_status status;

        snprintf(field, sizeof(field), "%s[%zu]", name, i);
        status = text ? read(policy, field, text) : hl__policy_refuse(policy, field, "%s has to be a text.", field);
        if (status != HL_OK)
            return status;
    }
    return HL_OK;
}

/* Puts the text, which it owns from now on, at the end of a list. */
static hl_status add_text(char ***rows, size_t *len, size_t *room, char *text)
{
    if (!text || !hl__grow(rows, *len, room, sizeof(**rows))) {
        free(text);
        return hl__fail_memory(HL__POLICY_ACTION);
    }
    (*rows)[(*len)++] = text;
    return HL_OK;
}

static hl_status read_host(hl__policy *policy, const char *field, const char *text)
{
    hl__url url;
    const char *reason = hl__url_parse_host(text, &url);
    hl_status status = HL_OK;

    if (reason) {
        status = hl__policy_refuse(policy, field, "\"%s\" %s; write a host as \"example.org\" or \"example.org:8443\".",
                                   text, reason);
        goto out;
    }
    if (!hl__grow(&policy->hosts, policy->hosts_len, &policy->hosts_room, sizeof(*policy->hosts))) {
        status = hl__fail_memory(HL__POLICY_ACTION);
        goto out;
    }
    policy->hosts[policy->hosts_len++] = (hl__policy_host){url.host, url.port, url.http};
    url.host = NULL;
out:
    hl__url_cleanup(&url);
    return status;
}

static char *lowercase(const char *text)
{
    char *copy = strdup(text);

    for (char *at = copy; at && *at; at++)
        *at = (char)(*at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at);
    return copy;
}

static hl_status read_repository(hl__policy *policy, const char *field, const char *text)
{
    if (!hl__policy_is_repository(text))
        return hl__policy_refuse(policy, field, "\"%s\" is no repository; write it as \"owner/repository\".", text);
    return add_text(&policy->repositories, &policy->repositories_len, &policy->repositories_room, lowercase(text));
}

static hl_status read_unsigned(hl__policy *policy, const char *field, const char *text)
{
    hl__url url;
    const char *reason;

    if (hl__policy_is_repository(text))
        return add_text(&policy->unsigned_sources, &policy->unsigned_len, &policy->unsigned_room, lowercase(text));
    reason = hl__url_parse_host(text, &url);
    hl__url_cleanup(&url);
    if (reason)
        return hl__policy_refuse(policy, field, "\"%s\" is no host and no repository: it %s.", text, reason);
    return add_text(&policy->unsigned_sources, &policy->unsigned_len, &policy->unsigned_room, strdup(text));
}

static hl_status read_protected(hl__policy *policy, const char *field, const char *text)
{
    if (hl__app_name_check(HL__POLICY_ACTION, field, text) != HL_OK)
        return hl__policy_refuse(policy, field, "\"%s\" is no name of an app.", text);
    return add_text(&policy->protected_apps, &policy->protected_len, &policy->protected_room, strdup(text));
}

static hl_status read_key(hl__policy *policy, const char *field, const char *text)
{
    if (!hl__grow(&policy->keys, policy->keys_len, &policy->keys_room, sizeof(*policy->keys)))
        return hl__fail_memory(HL__POLICY_ACTION);
    if (hl__public_key_parse(field, text, &policy->keys[policy->keys_len]) != HL_OK)
        return hl__policy_refuse(policy, field, "\"%.60s\" is no public key as minisign writes it.", text);
    policy->keys_len++;
    return HL_OK;
}

static hl_status read_hosts(hl__policy *policy, const char *field, const json_t *value)
{
    return read_list(policy, field, value, read_host);
}

static hl_status read_repositories(hl__policy *policy, const char *field, const json_t *value)
{
    return read_list(policy, field, value, read_repository);
}

static hl_status read_keys(hl__policy *policy, const char *field, const json_t *value)
{
    return read_list(policy, field, value, read_key);
}

static hl_status read_unsigned_list(hl__policy *policy, const char *field, const json_t *value)
{
    return read_list(policy, field, value, read_unsigned);
}

static hl_status read_protected_list(hl__policy *policy, const char *field, const json_t *value)
{
    return read_list(policy, field, value, read_protected);
}

static hl_status read_number(const hl__policy *policy, const char *field, const json_t *value, uint64_t least,
                             uint64_t most, uint64_t *out)
{
    json_int_t number = json_integer_value(value);

    if (!json_is_integer(value) || number < 0 || (uint64_t)number < least || (uint64_t)number > most)
        return hl__policy_refuse(policy, field, "%s has to be a whole number from %llu to %llu.", field,
                                 (unsigned long long)least, (unsigned long long)most);
    *out = (uint64_t)number;
    return HL_OK;
}

static hl_status read_small(const hl__policy *policy, const char *field, const json_t *value, uint64_t least,
                            uint64_t most, uint32_t *out)
{
    uint64_t number = 0;
    hl_status status = read_number(policy, field, value, least, most, &number);

    if (status == HL_OK)
        *out = (uint32_t)number;
    return status;
}

/* Where a limit is kept, in 64 or in 32 bits, and what it may be. */
typedef struct limit_place {
    const char *name;
    uint64_t *wide;
    uint32_t *small;
    uint64_t least, most;
} limit_place;

static hl_status read_limit(hl__policy *policy, const char *name, const json_t *value)
{
    const limit_place places[] = {
        {"download_bytes", &policy->download_bytes, NULL, 1, UINT64_C(1) << 44},
        {"download_seconds", NULL, &policy->download_seconds, 1, 7 * 24 * 3600},
        {"stall_seconds", NULL, &policy->stall_seconds, 1, 24 * 3600},
        {"redirects", NULL, &policy->redirects, 0, 50},
        {"entries", &policy->archive.entries, NULL, 1, 10000000},
        {"unpacked_bytes", &policy->archive.unpacked_bytes, NULL, 1, UINT64_C(1) << 44},
        {"name_bytes", &policy->archive.name_bytes, NULL, 1, 4095},
        {"ratio", &policy->archive.ratio, NULL, 1, 1000000},
    };
    char field[64];

    snprintf(field, sizeof(field), "limits.%s", name);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        const limit_place *place = &places[i];

        if (strcmp(place->name, name) != 0)
            continue;
        if (place->wide)
            return read_number(policy, field, value, place->least, place->most, place->wide);
        return read_small(policy, field, value, place->least, place->most, place->small);
    }
    return hl__policy_refuse(policy, field, "There is no limit \"%.60s\"; is it mistyped?", name);
}

static hl_status read_limits(hl__policy *policy, const char *field, const json_t *value)
{
    const char *name;
    json_t *number;
    hl_status status = HL_OK;

    if (!json_is_object(value))
        return hl__policy_refuse(policy, field, "\"limits\" has to be an object of numbers.");
    json_object_foreach ((json_t *)value, name, number) {
        status = read_limit(policy, name, number);
        if (status != HL_OK)
            break;
    }
    return status;
}

static hl_status read_keep(hl__policy *policy, const char *field, const json_t *value)
{
    return read_small(policy, field, value, 0, 1000, &policy->keep);
}

static hl_status read_github_api(hl__policy *policy, const char *field, const json_t *value)
{
    const char *text = text_of(value);
    hl__url url = {NULL, NULL, 0, false};
    const char *reason = text ? hl__url_parse(text, &url) : "is no text";
    char *copy;
    size_t len;

    hl__url_cleanup(&url);
    if (reason)
        return hl__policy_refuse(policy, field, "\"github_api\" %s.", reason);
    if (strpbrk(text, "?#"))
        return hl__policy_refuse(policy, field, "\"github_api\" has a query; only host and path can be given.");
    copy = strdup(text);
    if (!copy)
        return hl__fail_memory(HL__POLICY_ACTION);
    for (len = strlen(copy); len > 0 && copy[len - 1] == '/'; len--)
        copy[len - 1] = '\0';
    free(policy->github_api);
    policy->github_api = copy;
    return HL_OK;
}

/* A command run by root uses what belongs to the server's user, as the policy itself does. */
static uint32_t owner_of_policy(const hl__policy *policy)
{
    struct stat found;

    return stat(policy->path, &found) == 0 ? found.st_uid : 0;
}

/* Reads a file that a field names, to check it and to keep its text. */
static hl_status read_named_file(hl__policy *policy, const json_t *value, hl__policy_file file, char **text,
                                 size_t *len)
{
    hl_status status;

    *text = NULL;
    file.path = text_of(value);
    file.owner = owner_of_policy(policy);
    if (!file.path || file.path[0] != '/')
        return hl__policy_refuse(policy, file.field, "\"%s\" has to be an absolute path.", file.field);
    status = hl__policy_read_file(policy, &file, text, len);
    return status == HL_ERR_NOT_FOUND ? hl__policy_refuse(policy, file.field, "There is no file %s.", file.path)
                                      : status;
}

static hl_status read_ca_file(hl__policy *policy, const char *field, const json_t *value)
{
    const hl__policy_file file = {.field = field, .forbidden = OTHERS_MAY_WRITE, .most = CA_BYTES_MAX};
    char *text;
    size_t len;
    hl_status status = read_named_file(policy, value, file, &text, &len);

    free(text);
    if (status != HL_OK)
        return status;
    policy->ca_file = strdup(json_string_value(value));
    return policy->ca_file ? HL_OK : hl__fail_memory(HL__POLICY_ACTION);
}

/* The token goes into a header line: whatever could end that line is refused. */
static hl_status read_token_file(hl__policy *policy, const char *field, const json_t *value)
{
    const hl__policy_file file = {.field = field, .forbidden = OTHERS_MAY_DO_ANYTHING, .most = HL__TOKEN_BYTES_MAX};
    size_t len;
    hl_status status = read_named_file(policy, value, file, &policy->token, &len);

    if (status != HL_OK)
        return status;
    while (len > 0 && (policy->token[len - 1] == '\n' || policy->token[len - 1] == '\r'))
        policy->token[--len] = '\0';
    for (size_t i = 0; i < len; i++) {
        if (policy->token[i] <= ' ' || policy->token[i] > '~')
            len = 0;
    }
    if (len == 0)
        return hl__policy_refuse(policy, field, "The file has to hold one line with the token and nothing else.");
    return HL_OK;
}

static const field_reader readers[] = {
    {"hosts", read_hosts},
    {"repositories", read_repositories},
    {"keys", read_keys},
    {"unsigned", read_unsigned_list},
    {"protected", read_protected_list},
    {"limits", read_limits},
    {"keep", read_keep},
    {"github_api", read_github_api},
    {"ca_file", read_ca_file},
    {"token_file", read_token_file},
};

static hl_status read_field(hl__policy *policy, const char *name, const json_t *value)
{
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
        if (strcmp(readers[i].name, name) == 0)
            return readers[i].read(policy, readers[i].name, value);
    }
    return hl__policy_refuse(policy, name, "There is no field \"%.60s\"; is it mistyped?", name);
}

/* The API needs no entry of its own among the hosts, but plain http has to be allowed as everywhere. */
static hl_status check_github_api(const hl__policy *policy)
{
    hl__url url;
    char entry[300] = "";
    bool http = !hl__url_parse(policy->github_api, &url) && url.http;
    bool listed = http && hl__policy_check_url(policy, policy->github_api) == HL_OK;

    if (http)
        hl__url_entry(&url, entry, sizeof(entry));
    hl__url_cleanup(&url);
    if (http && !listed)
        return hl__policy_refuse(policy, "github_api", "It is not https; add \"%s\" to \"hosts\" to allow that.",
                                 entry);
    if (http && policy->token)
        return hl__policy_refuse(policy, "github_api", "It is not https, so the token would be seen by others.");
    return HL_OK;
}

hl_status hl__policy_read_fields(hl__policy *policy, json_t *document)
{
    const char *name;
    json_t *value;
    hl_status status = HL_OK;

    json_object_foreach (document, name, value) {
        status = read_field(policy, name, value);
        if (status != HL_OK)
            return status;
    }
    return check_github_api(policy);
}

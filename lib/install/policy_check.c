/* Holding sources and apps against a policy. Called before anything is downloaded, and again for each redirect. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/error.h"
#include "install/policy_part.h"

#define ACTION "check source"
#define ALWAYS_PROTECTED "hookline"
#define REPOSITORY_BYTES_MAX 200

static const char *path_of(const hl__policy *policy)
{
    return policy->path ? policy->path : "the policy, " HL__POLICY_NAME " in the store's folder";
}

static size_t span_of_name(const char *text)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

    return strspn(text, ".") == len ? 0 : len;
}

bool hl__policy_is_repository(const char *text)
{
    size_t owner = span_of_name(text);
    size_t name = owner && text[owner] == '/' ? span_of_name(text + owner + 1) : 0;

    return name && text[owner + 1 + name] == '\0' && strlen(text) <= REPOSITORY_BYTES_MAX;
}

bool hl__policy_host_fits(const char *host, uint16_t port, bool http, const hl__url *url)
{
    return url->port == port && (http || !url->http) && strcmp(url->host, host) == 0;
}

static bool is_listed(const hl__policy *policy, const hl__url *url)
{
    for (size_t i = 0; i < policy->hosts_len; i++) {
        const hl__policy_host *row = &policy->hosts[i];

        if (hl__policy_host_fits(row->host, row->port, row->http, url))
            return true;
    }
    return false;
}

static hl_status refuse_host(const hl__policy *policy, const hl__url *url)
{
    char entry[300];

    if (!hl__url_entry(url, entry, sizeof(entry)))
        return hl__fail(HL_ERR_POLICY, ACTION, "hosts", "The host's name is too long.");
    return hl__fail(HL_ERR_POLICY, ACTION, "hosts",
                    "Nothing may be downloaded from %s%s. To allow it, add \"%s\" to \"hosts\" in %s.", entry,
                    url->http ? " over plain http" : "", entry, path_of(policy));
}

hl_status hl__policy_check_url(const hl__policy *policy, const char *url)
{
    hl__url parsed;
    const char *reason = hl__url_parse(url, &parsed);
    char shown[256];
    hl_status status = HL_OK;

    hl__url_show(url, shown, sizeof(shown));
    if (reason)
        status = hl__fail(HL_ERR_POLICY, ACTION, "location", "The address %s %s.",
                          strchr(url, '@') ? "(not shown)" : shown, reason);
    else if (!is_listed(policy, &parsed))
        status = refuse_host(policy, &parsed);
    hl__url_cleanup(&parsed);
    return status;
}

hl_status hl__policy_check_repository(const hl__policy *policy, const char *repository)
{
    if (!hl__policy_is_repository(repository))
        return hl__fail(HL_ERR_POLICY, ACTION, "location", "\"%.200s\" is no repository; write \"owner/repository\".",
                        repository);
    for (size_t i = 0; i < policy->repositories_len; i++) {
        if (strcasecmp(policy->repositories[i], repository) == 0)
            return HL_OK;
    }
    return hl__fail(HL_ERR_POLICY, ACTION, "repositories",
                    "Nothing may be installed from %s. To allow it, add \"%s\" to \"repositories\" in %s.", repository,
                    repository, path_of(policy));
}

hl_status hl__policy_check_app(const hl__policy *policy, const char *action, const char *app)
{
    bool found = strcasecmp(app, ALWAYS_PROTECTED) == 0;

    if (found)
        return hl__fail(HL_ERR_PROTECTED, action, "app", "%s itself is always protected; use your system's packages.",
                        ALWAYS_PROTECTED);
    for (size_t i = 0; i < policy->protected_len && !found; i++)
        found = strcasecmp(policy->protected_apps[i], app) == 0;
    if (!found)
        return HL_OK;
    return hl__fail(HL_ERR_PROTECTED, action, "app",
                    "App %s is protected. To allow this, take \"%s\" out of \"protected\" in %s.", app, app,
                    path_of(policy));
}

static bool is_host_of(const char *entry, const char *url)
{
    hl__url rule = {NULL, NULL, 0, false}, place = {NULL, NULL, 0, false};
    bool fits = !hl__url_parse_host(entry, &rule) && !hl__url_parse(url, &place) &&
                hl__policy_host_fits(rule.host, rule.port, rule.http, &place);

    hl__url_cleanup(&rule);
    hl__url_cleanup(&place);
    return fits;
}

bool hl__policy_needs_signature(const hl__policy *policy, const char *url, const char *repository)
{
    for (size_t i = 0; i < policy->unsigned_len; i++) {
        const char *entry = policy->unsigned_sources[i];

        if (hl__policy_is_repository(entry) ? repository && strcasecmp(entry, repository) == 0
                                            : url && is_host_of(entry, url))
            return false;
    }
    return url || repository;
}

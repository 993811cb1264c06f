/* GitHub's release API: which address a release's package has. Called by the installation for sources of that type; see
 * fetch.h. The choice itself is in asset.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/error.h"
#include "install/fetch_request.h"
#include "install/url.h"

#define ACTION "find release"
#define ANSWER_BYTES_MAX ((size_t)4 << 20)

/* DL-05: what is asked for has to make sense before anything is sent. */
static hl_status check_spec(const hl_install_spec *spec)
{
    if (spec->type != HL_SOURCE_GITHUB_TAG && spec->type != HL_SOURCE_GITHUB_LATEST)
        return hl__fail(HL_ERR_INVALID, ACTION, "type", "Only a source of type github has releases.");
    if (!spec->location)
        return hl__fail(HL_ERR_INVALID, ACTION, "location", "The location is NULL; give \"owner/repository\".");
    if (spec->type == HL_SOURCE_GITHUB_TAG && (!spec->tag || !spec->tag[0]))
        return hl__fail(HL_ERR_INVALID, ACTION, "tag", "A source of this type needs the release's tag.");
    return HL_OK;
}

static hl_status make_url(const hl__policy *policy, const hl_install_spec *spec, char **url)
{
    bool latest = spec->type == HL_SOURCE_GITHUB_LATEST;
    char *tag = latest ? NULL : curl_easy_escape(NULL, spec->tag, 0);
    int len = -1;

    if (latest || tag)
        len = asprintf(url, "%s/repos/%s/releases/%s%s", policy->github_api, spec->location,
                       latest ? "latest" : "tags/", latest ? "" : tag);
    curl_free(tag);
    if (len >= 0)
        return HL_OK;
    *url = NULL;
    return hl__fail_memory(ACTION);
}

static hl_status choose_from(int fd, const char *wished, hl__asset *out)
{
    off_t len = lseek(fd, 0, SEEK_END);
    char *text = len > 0 ? mmap(NULL, (size_t)len, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    hl_status status;

    if (len == 0)
        return hl__github_choose("", 0, wished, out);
    if (text == MAP_FAILED)
        return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "", "The API's answer cannot be read");
    status = hl__github_choose(text, (size_t)len, wished, out);
    munmap(text, (size_t)len);
    return status;
}

static hl_status ask(const hl__policy *policy, const char *url, const char *wished, hl__asset *out)
{
    int fd = memfd_create("release", MFD_CLOEXEC);
    const hl__fetch_request request = {policy, url, fd, ANSWER_BYTES_MAX, true, NULL, NULL};
    char *final_url = NULL;
    hl_status status;

    if (fd < 0)
        return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "", "No room for the API's answer");
    status = hl__fetch_run(&request, &final_url);
    if (status == HL_OK)
        status = choose_from(fd, wished, out);
    free(final_url);
    close(fd);
    return status;
}

hl_status hl__github_resolve(const hl__policy *policy, const hl_install_spec *spec, hl__asset *out)
{
    hl_status status = check_spec(spec);
    char *url = NULL;

    *out = (hl__asset){NULL, NULL, NULL, NULL};
    if (status == HL_OK)
        status = hl__policy_check_repository(policy, spec->location);
    if (status == HL_OK)
        status = make_url(policy, spec, &url);
    if (status == HL_OK)
        status = ask(policy, url, spec->asset, out);
    free(url);
    return status;
}

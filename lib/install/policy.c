/* The policy of a store: its file and its defaults. Called by everything that installs. */
#include "install/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "install/policy_part.h"

#define OTHERS_MAY_WRITE 0022

hl_status hl__policy_refuse(const hl__policy *policy, const char *field, const char *format, ...)
{
    char message[900];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    return hl__fail(HL_ERR_POLICY, HL__POLICY_ACTION, field, "%s: %s", policy->path ? policy->path : "The policy",
                    message);
}

static hl_status check_file(const hl__policy *policy, const hl__policy_file *file, const struct stat *found)
{
    if (!S_ISREG(found->st_mode))
        return hl__policy_refuse(policy, file->field, "%s is not a regular file.", file->path);
    if (found->st_mode & file->forbidden)
        return hl__policy_refuse(policy, file->field, "%s has mode %04o, which gives others too much; chmod %s it.",
                                 file->path, (unsigned)(found->st_mode & 07777),
                                 file->forbidden & 0044 ? "go=" : "go-w");
    if (found->st_uid != 0 && found->st_uid != geteuid() && found->st_uid != file->owner)
        return hl__policy_refuse(policy, file->field,
                                 "%s belongs to user %u; it has to be this process's user or root.", file->path,
                                 (unsigned)found->st_uid);
    if ((uint64_t)found->st_size > file->most)
        return hl__policy_refuse(policy, file->field, "%s has more than %zu bytes.", file->path, file->most);
    return HL_OK;
}

/* One byte more than allowed is asked for, so that a file that grows meanwhile is noticed. */
static hl_status read_text(const hl__policy *policy, const hl__policy_file *file, int fd, char **text, size_t *len)
{
    ssize_t got = 1;
    size_t used = 0;

    *text = malloc(file->most + 2);
    if (!*text)
        return hl__fail_memory(HL__POLICY_ACTION);
    while (got != 0 && used <= file->most) {
        got = pread(fd, *text + used, file->most + 1 - used, (off_t)used);
        if (got < 0 && errno != EINTR)
            return hl__policy_refuse(policy, file->field, "%s cannot be read: %s.", file->path, strerror(errno));
        used += got > 0 ? (size_t)got : 0;
    }
    if (used > file->most)
        return hl__policy_refuse(policy, file->field, "%s has more than %zu bytes.", file->path, file->most);
    (*text)[used] = '\0';
    *len = used;
    return HL_OK;
}

/* O_NONBLOCK: opening a pipe must not wait for its writer. */
hl_status hl__policy_read_file(const hl__policy *policy, const hl__policy_file *file, char **text, size_t *len)
{
    int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat found;
    hl_status status;

    *text = NULL;
    if (fd < 0 && errno == ENOENT)
        return HL_ERR_NOT_FOUND;
    if (fd < 0)
        return hl__policy_refuse(policy, file->field, "%s cannot be opened: %s.", file->path, strerror(errno));
    if (fstat(fd, &found) != 0)
        status = hl__policy_refuse(policy, file->field, "%s cannot be examined: %s.", file->path, strerror(errno));
    else
        status = check_file(policy, file, &found);
    if (status == HL_OK)
        status = read_text(policy, file, fd, text, len);
    if (status != HL_OK) {
        free(*text);
        *text = NULL;
    }
    close(fd);
    return status;
}

static hl_status set_defaults(hl__policy *out)
{
    *out = (hl__policy){
        .archive = {.entries = 10000, .unpacked_bytes = UINT64_C(4) << 30, .name_bytes = 512, .ratio = 200},
        .download_bytes = UINT64_C(1) << 30,
        .download_seconds = 600,
        .stall_seconds = 30,
        .redirects = 5,
        .keep = 1,
        .github_api = strdup("https://api.github.com"),
    };
    return out->github_api ? HL_OK : hl__fail_memory(HL__POLICY_ACTION);
}

static hl_status read_document(hl__policy *policy, const char *text, size_t len)
{
    json_error_t error;
    json_t *document = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    hl_status status;

    if (!document)
        return hl__policy_refuse(policy, HL__POLICY_NAME, "Line %d is not understood: %s.", error.line, error.text);
    if (json_is_object(document))
        status = hl__policy_read_fields(policy, document);
    else
        status = hl__policy_refuse(policy, HL__POLICY_NAME, "It is not a JSON object.");
    json_decref(document);
    return status;
}

static uint32_t owner_of(const char *folder)
{
    struct stat found;

    return stat(folder, &found) == 0 ? found.st_uid : 0;
}

/* Who owns the store's folder can put another file there anyway. */
hl_status hl__policy_load(const char *store_folder, hl__policy *out)
{
    char *text = NULL;
    size_t len = 0;
    hl_status status = set_defaults(out);
    hl__policy_file file;

    if (status != HL_OK || !store_folder)
        return status;
    if (asprintf(&out->path, "%s/%s", store_folder, HL__POLICY_NAME) < 0) {
        out->path = NULL;
        return hl__fail_memory(HL__POLICY_ACTION);
    }
    file =
        (hl__policy_file){HL__POLICY_NAME, out->path, OTHERS_MAY_WRITE, owner_of(store_folder), HL__POLICY_BYTES_MAX};
    status = hl__policy_read_file(out, &file, &text, &len);
    if (status == HL_OK)
        status = read_document(out, text, len);
    free(text);
    return status == HL_ERR_NOT_FOUND ? HL_OK : status;
}

static void free_texts(char **texts, size_t len)
{
    for (size_t i = 0; i < len; i++)
        free(texts[i]);
    free(texts);
}

void hl__policy_cleanup(hl__policy *policy)
{
    for (size_t i = 0; i < policy->hosts_len; i++)
        free(policy->hosts[i].host);
    free(policy->hosts);
    free_texts(policy->repositories, policy->repositories_len);
    free_texts(policy->unsigned_sources, policy->unsigned_len);
    free_texts(policy->protected_apps, policy->protected_len);
    free(policy->keys);
    free(policy->path);
    free(policy->github_api);
    free(policy->ca_file);
    free(policy->token);
    *policy = (hl__policy){0};
}

/* Asking for the newest code of a module; see code.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "module/code_place.h"

#define ACTION "module code"
#define TRIES 8 /* each means that newer code arrived between reading the document and opening the file */

hl_status hl__code_find(hl_runtime *runtime, const char *name, hl__code_document *out)
{
    char key[HL__DOCUMENT_KEY_MAX + 1];
    char *text = NULL;
    hl_status status = hl__module_name_check(ACTION, "module", name);

    memset(out, 0, sizeof(*out));
    if (status != HL_OK)
        return status;
    snprintf(key, sizeof(key), HL__MODULE_KEY "%s", name);
    status = hl__document_get(runtime, key, &text);
    if (status == HL_ERR_NOT_FOUND)
        return hl__fail(status, ACTION, "module",
                        "The store has no code of a module %s; compile it or load its file first.", name);
    if (status == HL_OK)
        status = hl__code_decode(name, text, out);
    free(text);
    return status;
}

hl_status hl__code_path(hl_runtime *runtime, const hl__code_document *document, char **out)
{
    char *place = NULL;
    hl_status status = hl__code_place_path(runtime, &place);

    *out = NULL;
    if (status != HL_OK)
        return status;
    if (asprintf(out, "%s/%s", place, document->file) < 0) {
        *out = NULL;
        status = hl__fail_memory(ACTION);
    }
    free(place);
    return status;
}

static hl_status check_content(const hl__code_document *document, const char *path, int fd)
{
    char sha256[HL__SHA256_TEXT];
    hl_status status = hl__digest_fd(fd, sha256);

    if (status != HL_OK || hl__digest_same(sha256, document->sha256))
        return status;
    return hl__fail(HL_ERR_CHECKSUM, ACTION, "sha256",
                    "%s was changed since it was kept: its checksum is %s; load the module's code again.", path,
                    sha256);
}

/* *gone: there is no such file. */
static hl_status open_checked(hl_runtime *runtime, const hl__code_document *document, int *fd, bool *gone)
{
    char *path = NULL;
    hl_status status = hl__code_path(runtime, document, &path);

    if (status != HL_OK)
        return status;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    *gone = *fd < 0 && errno == ENOENT;
    if (*gone)
        status = hl__fail(HL_ERR_NOT_FOUND, ACTION, "module",
                          "The code of module %s is not on this machine: there is no %s. Load its file again.",
                          document->name, path);
    else if (*fd < 0)
        status = hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "module", "Cannot open %s", path);
    else
        status = check_content(document, path, *fd);
    free(path);
    return status;
}

static hl_status open_newest(hl_runtime *runtime, const char *name, hl__code_document *out, int *fd, bool *gone)
{
    hl_status status = hl__code_find(runtime, name, out);

    *fd = -1;
    *gone = false;
    if (status == HL_OK)
        status = open_checked(runtime, out, fd, gone);
    if (status == HL_OK)
        return HL_OK;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    hl__code_document_cleanup(out);
    return status;
}

hl_status hl__code_open(hl_runtime *runtime, const char *name, hl__code_document *out, int *fd)
{
    bool gone = true;
    hl_status status = HL_OK;

    for (int i = 0; gone && i < TRIES; i++)
        status = open_newest(runtime, name, out, fd, &gone);
    return status;
}

/* Keeping code; see code_keep.h. The file is whole and synced before a document names it, and the one that it replaces
 * is deleted after that, so that a crash leaves at most a file that no document names; the next change of the module
 * deletes it. */
#include "module/code_keep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/error.h"
#include "install/app.h"
#include "install/folder.h"
#include "install/outfile.h"
#include "module/elf_entry.h"

#define ACTION "module code"

/* ---- checking ---------------------------------------------------------------------------------------------------- */

static hl_status check_name(const hl__code_bytes *code, const hl__code_document *document)
{
    if (!code->name || strcmp(code->name, document->name) == 0)
        return HL_OK;
    return hl__fail(HL_ERR_INVALID, ACTION, "name", "%s is module %s, not %s; give the name that its HL_MODULE has.",
                    code->path, document->name, code->name);
}

static hl_status set_file(hl__code_document *document)
{
    document->kept_at = (int64_t)time(NULL);
    if (asprintf(&document->file, "%s/%s.so", document->name, document->sha256) >= 0)
        return HL_OK;
    document->file = NULL;
    return hl__fail_memory(ACTION);
}

hl_status hl__code_check(const hl__code_bytes *code, hl__code_document *out)
{
    hl_status status = hl__module_entry_read(code->path, code->bytes, code->len, out);

    if (status == HL_OK)
        status = check_name(code, out);
    if (status == HL_OK)
        status = hl__digest_text((const char *)code->bytes, code->len, out->sha256);
    return status == HL_OK ? set_file(out) : status;
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

static hl_status write_all(int fd, const char *path, const void *bytes, size_t len)
{
    const char *at = (const char *)bytes;

    while (len) {
        ssize_t put = write(fd, at, len);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return hl__fail_errno(hl__disk_status(errno), errno, ACTION, "module", "Cannot write %s", path);
        at += put;
        len -= (size_t)put;
    }
    return HL_OK;
}

static hl_status write_file(const char *path, const hl__code_bytes *code)
{
    hl__outfile file;
    hl_status status = hl__outfile_begin(ACTION, path, &file);

    if (status == HL_OK)
        status = write_all(file.fd, path, code->bytes, code->len);
    if (status == HL_OK && fchmod(file.fd, 0444) != 0)
        status = hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "module", "Cannot make %s read-only", path);
    if (status == HL_OK)
        status = hl__outfile_place(ACTION, &file);
    hl__outfile_cleanup(&file);
    return status;
}

/* A file of this name is this content, unless somebody has damaged it. */
static bool is_there(const char *path, const char *sha256)
{
    char found[HL__SHA256_TEXT];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool same = fd >= 0 && hl__digest_fd(fd, found) == HL_OK && hl__digest_same(found, sha256);

    if (fd >= 0)
        close(fd);
    return same;
}

static hl_status place_file(const hl__code_place *place, const hl__code_bytes *code, const hl__code_document *document)
{
    int folder = hl__folder_open(ACTION, place->folder, document->name, 0755);
    char *path = NULL;
    hl_status status;

    if (folder < 0)
        return hl_last_error()->status;
    close(folder);
    status = hl__folder_sync(place->folder);
    if (status == HL_OK && asprintf(&path, "%s/%s", place->path, document->file) < 0) {
        path = NULL;
        status = hl__fail_memory(ACTION);
    }
    if (status == HL_OK && !is_there(path, document->sha256))
        status = write_file(path, code);
    free(path);
    return status;
}

/* ---- the commit -------------------------------------------------------------------------------------------------- */

typedef struct keeping {
    const hl__code_bytes *code;
    const hl__code_document *document;
    char *before; /* the file that the replaced document names; NULL: none */
} keeping;

/* A document that cannot be read is replaced as well; what it named is swept. */
static hl_status note_before(keeping *keeping, hl__documents *documents, const char *key)
{
    hl__code_document before;
    char *text = NULL;
    hl_status status = hl__documents_get(documents, key, &text);

    free(keeping->before);
    keeping->before = NULL;
    if (status == HL_ERR_NOT_FOUND)
        return HL_OK;
    if (status == HL_OK && hl__code_decode(keeping->document->name, text, &before) == HL_OK) {
        keeping->before = before.file;
        before.file = NULL;
        hl__code_document_cleanup(&before);
    }
    free(text);
    return status;
}

static hl_status put_documents(void *user, hl__documents *documents)
{
    keeping *keeping = user;
    char key[HL__DOCUMENT_KEY_MAX + 1];
    char *text = NULL;
    hl_status status;

    snprintf(key, sizeof(key), HL__MODULE_KEY "%s", keeping->document->name);
    status = note_before(keeping, documents, key);
    if (status == HL_OK)
        status = hl__code_encode(keeping->document, &text);
    if (status == HL_OK)
        status = hl__documents_put(documents, key, text);
    if (status == HL_OK && keeping->code->key)
        status = hl__registry_put_key(documents, keeping->code->key, keeping->document->name);
    if (status == HL_OK)
        status = hl__registry_note(documents, keeping->document->name, keeping->code->key);
    free(text);
    return status;
}

static hl_status commit(hl_runtime *runtime, const hl__code_place *place, const hl__code_bytes *code,
                        const hl__code_document *document)
{
    keeping keeping = {code, document, NULL};
    hl_status status = hl__commit_documents(runtime, ACTION, NULL, 0, put_documents, &keeping, 0, NULL);

    if (status == HL_OK)
        hl__registry_moved(runtime);
    if (status == HL_OK && keeping.before && strcmp(keeping.before, document->file) != 0)
        unlinkat(place->folder, keeping.before, 0);
    free(keeping.before);
    return status;
}

static hl_status keep_locked(hl_runtime *runtime, const hl__code_place *place, const hl__code_bytes *code,
                             const hl__code_document *document)
{
    hl_status status;

    hl__code_sweep(runtime, place, document->name); /* the command opens no runtime that would */
    status = place_file(place, code, document);
    return status == HL_OK ? commit(runtime, place, code, document) : status;
}

hl_status hl__code_keep(hl_runtime *runtime, const hl__code_bytes *code, hl__code_document *out)
{
    hl__code_place place = HL__CODE_PLACE_INIT;
    int lock = -1;
    hl_status status = hl__code_check(code, out);

    if (status == HL_OK)
        status = hl__code_place_open(runtime, &place);
    if (status == HL_OK && !code->locked)
        status = hl__code_lock(&place, out->name, code->deadline_ns, &lock);
    if (status == HL_OK)
        status = keep_locked(runtime, &place, code, out);
    if (lock >= 0)
        close(lock);
    hl__code_place_close(&place);
    return status;
}

/* ---- what the caller is told ------------------------------------------------------------------------------------- */

hl_status hl__code_begin(const char *action, hl_module_code *out)
{
    if (!out)
        return HL_OK;
    if (out->size < sizeof(*out))
        return hl__fail(HL_ERR_STRUCT_SIZE, action, "out",
                        "The struct's size is %zu and should be %zu; begin with HL_MODULE_CODE_INIT.", out->size,
                        sizeof(*out));
    *out = (hl_module_code){.size = out->size};
    out->diagnostics = strdup("");
    return out->diagnostics ? HL_OK : hl__fail_memory(action);
}

hl_status hl__code_fill(hl_runtime *runtime, const hl__code_document *document, hl_module_code *out)
{
    if (!out)
        return HL_OK;
    memcpy(out->sha256, document->sha256, sizeof(out->sha256));
    out->name = strdup(document->name);
    out->version = strdup(document->version);
    if (!out->name || !out->version)
        return hl__fail_memory(ACTION);
    return runtime ? hl__code_path(runtime, document, &out->path) : HL_OK;
}

void hl_module_code_cleanup(hl_module_code *code)
{
    if (!code)
        return;
    free(code->name);
    free(code->version);
    free(code->path);
    free(code->diagnostics);
    *code = (hl_module_code){.size = code->size};
}

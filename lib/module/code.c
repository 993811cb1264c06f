/* The public calls that bring and remove code: files and bytes of shared objects. Source is compile.c's. */
#include "module/code.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "install/app.h"
#include "install/folder.h"
#include "library/file.h"
#include "module/code_keep.h"

#define LOCK_MS 60000

static uint64_t lock_deadline(void)
{
    return hl__now_ns() + UINT64_C(1000000) * LOCK_MS;
}

/* Keeps the bytes and fills *out, which was begun. */
static hl_status take(hl_runtime *runtime, hl__code_bytes *code, hl_module_code *out)
{
    hl__code_document document = {0};
    hl_status status;

    code->deadline_ns = lock_deadline();
    status = hl__code_keep(runtime, code, &document);
    if (status == HL_OK)
        status = hl__code_fill(runtime, &document, out);
    hl__code_document_cleanup(&document);
    return status;
}

hl_status hl__code_take_file(hl_runtime *runtime, const char *path, const hl_key *key, hl_module_code *out)
{
    hl__code_bytes code = {.path = path, .key = key};
    unsigned char *bytes = NULL;
    hl__identity identity;
    hl_status status;
    int fd = -1;

    if (!path)
        return hl__fail(HL_ERR_INVALID, "load module", "path", "The path is NULL; name a shared object.");
    status = hl__file_open(path, &fd, &identity);
    if (status == HL_OK)
        status = hl__file_bytes(fd, &identity, path, &bytes);
    if (status == HL_OK) {
        code.bytes = bytes;
        code.len = identity.size_bytes;
        status = take(runtime, &code, out);
    }
    if (fd >= 0)
        close(fd);
    free(bytes);
    return status;
}

hl_status hl_module_load_file(hl_runtime *runtime, const char *path, hl_module_code *out)
{
    hl_status status = hl__code_begin("load module", out);

    if (status == HL_OK)
        status = hl__code_take_file(runtime, path, NULL, out);
    return status == HL_OK ? HL_OK : hl__fail_as("load module");
}

static hl_status take_memory(hl_runtime *runtime, const char *name, const void *bytes, size_t len, hl_module_code *out)
{
    hl__code_bytes code = {.path = name, .bytes = bytes, .len = len, .name = name};
    hl_status status = hl__module_name_check("load module", "name", name);

    if (status == HL_OK && !bytes)
        status = hl__fail(HL_ERR_INVALID, "load module", "bytes", "The bytes are NULL; give a shared object's.");
    if (status == HL_OK && len > HL__LIBRARY_BYTES_MAX)
        status = hl__fail(HL_ERR_LIMIT, "load module", "len", "%zu bytes are too many; a module may have %llu.", len,
                          (unsigned long long)HL__LIBRARY_BYTES_MAX);
    return status == HL_OK ? take(runtime, &code, out) : status;
}

hl_status hl_module_load_memory(hl_runtime *runtime, const char *name, const void *bytes, size_t len,
                                hl_module_code *out)
{
    hl_status status = hl__code_begin("load module", out);

    if (status == HL_OK)
        status = take_memory(runtime, name, bytes, len, out);
    return status == HL_OK ? HL_OK : hl__fail_as("load module");
}

/* ---- removing ---------------------------------------------------------------------------------------------------- */

static hl_status remove_document(void *user, hl__documents *documents)
{
    const char *name = user;
    char key[HL__DOCUMENT_KEY_MAX + 1];
    char *text = NULL;
    hl_status status;

    snprintf(key, sizeof(key), HL__MODULE_KEY "%s", name);
    status = hl__documents_get(documents, key, &text);
    free(text);
    if (status == HL_ERR_NOT_FOUND)
        return hl__fail(status, "purge module", "module", "The store has no code of a module %s.", name);
    if (status == HL_OK)
        status = hl__registry_check_unused(documents, name);
    if (status == HL_OK)
        status = hl__registry_note(documents, name, NULL);
    return status == HL_OK ? hl__documents_put(documents, key, NULL) : status;
}

/* Running workers have their code open; it ends with them. */
static hl_status purge_locked(hl_runtime *runtime, const hl__code_place *place, const char *name)
{
    hl_status status = hl__commit_documents(runtime, "purge module", NULL, 0, remove_document, (void *)name, 0, NULL);

    if (status != HL_OK)
        return status;
    hl__registry_moved(runtime);
    return hl__folder_remove(place->folder, name);
}

static hl_status purge(hl_runtime *runtime, const char *name)
{
    hl__code_place place = HL__CODE_PLACE_INIT;
    int lock = -1;
    hl_status status = hl__module_name_check("purge module", "module", name);

    if (status == HL_OK)
        status = hl__code_place_open(runtime, &place);
    if (status == HL_OK)
        status = hl__code_lock(&place, name, lock_deadline(), &lock);
    if (status == HL_OK)
        status = purge_locked(runtime, &place, name);
    if (lock >= 0)
        close(lock);
    hl__code_place_close(&place);
    return status;
}

hl_status hl_module_purge(hl_runtime *runtime, const char *name)
{
    return purge(runtime, name) == HL_OK ? HL_OK : hl__fail_as("purge module");
}

/* The public calls that compile modules. What they share with the registry is one commit at the end: nothing waits for
 * a compiler but other compiles of the same name. */
#include "module/compile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/validate.h"
#include "library/file.h"
#include "module/code_keep.h"

#define ACTION HL__COMPILE_ACTION
#define TIMEOUT_MS_DEFAULT 60000
#define TIMEOUT_MS_MAX 3600000
#define SOURCE_BYTES_MAX ((size_t)16 << 20)
#define FILE_DEFAULT "module.c"
#define FILE_LEN_MAX 100

/* One compile. */
typedef struct compiling {
    hl_runtime *runtime;
    hl_module_source source;
    const char *file; /* its name in diagnostics */
    uint64_t deadline_ns;
    hl__code_place place;
    int lock;
    hl__compile_tools tools;
    hl_module_code *out;
} compiling;

/* ---- checking ---------------------------------------------------------------------------------------------------- */

static hl_status check_source(const hl_module_source *source)
{
    hl_status status = HL_OK;

    if (!source->text)
        return hl__fail(HL_ERR_INVALID, ACTION, "text", "The source is NULL; give C source.");
    if (source->len > SOURCE_BYTES_MAX)
        return hl__fail(HL_ERR_LIMIT, ACTION, "len", "The source has %zu bytes; it may have %zu.", source->len,
                        SOURCE_BYTES_MAX);
    if (source->timeout_ms > TIMEOUT_MS_MAX)
        return hl__fail(HL_ERR_INVALID, ACTION, "timeout_ms", "%u ms are too long; give at most %d.",
                        source->timeout_ms, TIMEOUT_MS_MAX);
    if (source->do_not_keep && source->key)
        return hl__fail(HL_ERR_INVALID, ACTION, "key",
                        "Code that is not kept cannot be registered; leave out the key or do_not_keep.");
    if (source->name)
        status = hl__module_name_check(ACTION, "name", source->name);
    return status;
}

/* ---- one compile ------------------------------------------------------------------------------------------------- */

static hl_status keep(compiling *compiling, const void *bytes, size_t len)
{
    const hl__code_bytes code = {.path = compiling->file,
                                 .bytes = bytes,
                                 .len = len,
                                 .name = compiling->source.name,
                                 .key = compiling->source.key,
                                 .locked = compiling->lock >= 0,
                                 .deadline_ns = compiling->deadline_ns};
    bool kept = !compiling->source.do_not_keep;
    hl__code_document document = {0};
    hl_status status = kept ? hl__code_keep(compiling->runtime, &code, &document) : hl__code_check(&code, &document);

    if (status == HL_OK)
        status = hl__code_fill(kept ? compiling->runtime : NULL, &document, compiling->out);
    hl__code_document_cleanup(&document);
    return status;
}

static hl_status run(compiling *compiling, const hl__compile_folder *folder)
{
    const hl__compile_run run = {&compiling->tools, folder->path, compiling->file, compiling->deadline_ns};
    char *diagnostics = NULL;
    hl_status status = hl__compile_do(&run, &diagnostics);

    if (compiling->out && diagnostics) {
        free(compiling->out->diagnostics);
        compiling->out->diagnostics = diagnostics;
        diagnostics = NULL;
    }
    free(diagnostics);
    return status;
}

static hl_status compile_and_keep(compiling *compiling)
{
    hl__compile_folder folder = HL__COMPILE_FOLDER_INIT;
    void *bytes = NULL;
    size_t len = 0;
    hl_status status = hl__compile_folder_make(&compiling->place, compiling->file, compiling->source.text,
                                               compiling->source.len, &folder);

    if (status == HL_OK)
        status = run(compiling, &folder);
    if (status == HL_OK)
        status = hl__compile_folder_result(&folder, &bytes, &len);
    hl__compile_folder_remove(&folder);
    if (status == HL_OK)
        status = keep(compiling, bytes, len);
    free(bytes);
    return status;
}

static void set_deadline(compiling *compiling)
{
    uint32_t timeout_ms = compiling->source.timeout_ms ? compiling->source.timeout_ms : TIMEOUT_MS_DEFAULT;

    compiling->deadline_ns = hl__now_ns() + UINT64_C(1000000) * timeout_ms;
}

static hl_status compile(compiling *compiling)
{
    hl_status status = check_source(&compiling->source);

    set_deadline(compiling);
    if (status == HL_OK)
        status = hl__compile_tools_find(&compiling->tools);
    if (status == HL_OK)
        status = hl__code_place_open(compiling->runtime, &compiling->place);
    if (status == HL_OK)
        hl__compile_sweep(&compiling->place); /* the command opens no runtime that would */
    if (status == HL_OK && compiling->source.name)
        status = hl__code_lock(&compiling->place, compiling->source.name, compiling->deadline_ns, &compiling->lock);
    if (status == HL_OK)
        status = compile_and_keep(compiling);
    if (compiling->lock >= 0)
        close(compiling->lock);
    hl__compile_tools_cleanup(&compiling->tools);
    hl__code_place_close(&compiling->place);
    return status;
}

/* ---- the public calls -------------------------------------------------------------------------------------------- */

static hl_status begin(compiling *compiling, hl_runtime *runtime, const hl_module_source *source, hl_module_code *out)
{
    hl_status status = hl__code_begin(ACTION, out);

    compiling->runtime = runtime;
    compiling->file = FILE_DEFAULT;
    compiling->place = (hl__code_place)HL__CODE_PLACE_INIT;
    compiling->lock = -1;
    compiling->out = out;
    if (status == HL_OK)
        status = hl__copy_struct(ACTION, "source", &compiling->source, sizeof(compiling->source), source,
                                 offsetof(hl_module_source, name));
    return status == HL_OK ? hl__check_may_wait(runtime, ACTION) : status;
}

hl_status hl_module_compile(hl_runtime *runtime, const hl_module_source *source, hl_module_code *out)
{
    compiling compiling = {0};
    hl_status status = begin(&compiling, runtime, source, out);

    if (status == HL_OK)
        status = compile(&compiling);
    return status == HL_OK ? HL_OK : hl__fail_as(ACTION);
}

/* A file's own name in its diagnostics, where the compiler cannot mistake it for an option or for another language. */
static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    size_t len = strlen(name);

    if (len < 3 || len > FILE_LEN_MAX || name[0] == '-' || strcmp(name + len - 2, ".c") != 0)
        return FILE_DEFAULT;
    return name;
}

/* O_NONBLOCK: opening a pipe must not wait for its writer. */
static hl_status open_source(const char *path, int *fd, hl__identity *identity)
{
    struct stat about;

    *fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
    if (!path)
        return hl__fail(HL_ERR_INVALID, ACTION, "path", "The path is NULL; name a file of C source.");
    if (*fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return hl__fail(HL_ERR_NOT_FOUND, ACTION, "path", "There is no file %s.", path);
    if (*fd < 0 || fstat(*fd, &about) != 0)
        return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "path", "%s cannot be opened", path);
    if (!S_ISREG(about.st_mode))
        return hl__fail(HL_ERR_INVALID, ACTION, "path", "%s is no regular file; name a file of C source.", path);
    *identity = (hl__identity){.size_bytes = (uint64_t)about.st_size};
    if (identity->size_bytes <= SOURCE_BYTES_MAX)
        return HL_OK;
    return hl__fail(HL_ERR_LIMIT, ACTION, "path", "%s has %llu bytes; a source may have %zu.", path,
                    (unsigned long long)identity->size_bytes, SOURCE_BYTES_MAX);
}

static hl_status read_source(const char *path, char **text, size_t *len)
{
    unsigned char *bytes = NULL;
    hl__identity identity = {0};
    int fd;
    hl_status status = open_source(path, &fd, &identity);

    if (status == HL_OK)
        status = hl__file_bytes(fd, &identity, path, &bytes);
    if (fd >= 0)
        close(fd);
    *text = (char *)bytes;
    *len = identity.size_bytes;
    return status;
}

hl_status hl_module_compile_file(hl_runtime *runtime, const char *path, const hl_module_source *source,
                                 hl_module_code *out)
{
    const hl_module_source defaults = HL_MODULE_SOURCE_INIT(NULL, 0);
    compiling compiling = {0};
    char *text = NULL;
    size_t len = 0;
    hl_status status = begin(&compiling, runtime, source ? source : &defaults, out);

    if (status == HL_OK)
        status = read_source(path, &text, &len);
    if (status == HL_OK) {
        compiling.source.text = text;
        compiling.source.len = len;
        compiling.file = name_of(path);
        status = compile(&compiling);
    }
    free(text);
    return status == HL_OK ? HL_OK : hl__fail_as(ACTION);
}

/* hl_pack: from a folder to a package that installing will take. The package appears under its name when it is
 * whole. */
#include "install/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <hookline/install.h>

#include "core/error.h"
#include "install/folder.h"
#include "install/package_folder.h"

#define ACTION HL__PACK_ACTION

typedef struct packing {
    const char *path; /* of the folder */
    int folder;
    int out_folder;
    int out;
    hl__manifest manifest;
    hl__pack_list list;
    char *top;       /* "shop-1.2.0" */
    char *name;      /* "shop-1.2.0.tar.gz" */
    char *temporary; /* NULL: there is none */
} packing;

static hl_status open_folder(const char *field, const char *path, int *out)
{
    *out = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*out >= 0)
        return HL_OK;
    return hl__fail_errno(errno == ENOENT ? HL_ERR_NOT_FOUND : HL_ERR_SYSTEM, errno, ACTION, field,
                          "The folder %s cannot be opened", path);
}

/* Everything that installing would ask, before anything is written. */
static hl_status check(packing *packing, const hl__archive_limits *limits)
{
    char *text;
    size_t len;
    hl_status status = hl__folder_manifest(packing->folder, &text, &len, &packing->manifest);

    if (status != HL_OK)
        return status;
    free(text);
    status = hl__manifest_fits(&packing->manifest);
    if (status == HL_OK)
        status = hl__pack_collect(packing->folder, limits, &packing->manifest, &packing->list);
    if (status == HL_OK)
        status = hl__pack_check_libraries(packing->path, &packing->manifest, &packing->list);
    return status;
}

static hl_status make_names(packing *packing)
{
    const hl__manifest *manifest = &packing->manifest;
    uint64_t number = 0;

    if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
        number = (uint64_t)getpid();
    if (asprintf(&packing->top, "%s-%s", manifest->app, manifest->version_text) < 0)
        packing->top = NULL;
    if (packing->top && asprintf(&packing->name, "%s.tar.gz", packing->top) < 0)
        packing->name = NULL;
    if (packing->name && asprintf(&packing->temporary, ".%s.%016llx", packing->name, (unsigned long long)number) < 0)
        packing->temporary = NULL;
    return packing->temporary ? HL_OK : hl__fail_memory(ACTION);
}

static hl_status fail_out(int error)
{
    return hl__fail_errno(hl__disk_status(error), error, ACTION, "out_folder", "The package cannot be written");
}

static hl_status create(packing *packing)
{
    packing->out =
        openat(packing->out_folder, packing->temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    return packing->out >= 0 ? HL_OK : fail_out(errno);
}

/* What was written is read again, by the rules of installing. */
static hl_status examine(const packing *packing, const hl__archive_limits *limits)
{
    char *text;
    size_t len;
    hl_status status = hl__archive_examine(packing->out, limits, &text, &len);

    free(text);
    return status;
}

static hl_status place(packing *packing)
{
    if (fsync(packing->out) != 0)
        return fail_out(errno);
    if (renameat(packing->out_folder, packing->temporary, packing->out_folder, packing->name) != 0)
        return fail_out(errno);
    free(packing->temporary);
    packing->temporary = NULL;
    return fsync(packing->out_folder) == 0 ? HL_OK : fail_out(errno);
}

static hl_status tell_path(const packing *packing, const char *out_folder, char **path)
{
    if (!path || asprintf(path, "%s/%s", out_folder, packing->name) >= 0)
        return HL_OK;
    *path = NULL;
    return hl__fail_memory(ACTION);
}

static hl_status run(packing *packing, const char *out_folder, char **path)
{
    const hl__archive_limits limits = HL__ARCHIVE_LIMITS_INIT;
    hl_status status = open_folder("folder", packing->path, &packing->folder);

    if (status == HL_OK)
        status = check(packing, &limits);
    if (status == HL_OK)
        status = open_folder("out_folder", out_folder, &packing->out_folder);
    if (status == HL_OK)
        status = make_names(packing);
    if (status == HL_OK)
        status = create(packing);
    if (status == HL_OK)
        status = hl__pack_write(packing->folder, &packing->list, packing->top, packing->out);
    if (status == HL_OK)
        status = examine(packing, &limits);
    if (status == HL_OK)
        status = place(packing);
    return status == HL_OK ? tell_path(packing, out_folder, path) : status;
}

static void cleanup(packing *packing)
{
    const int fds[] = {packing->out, packing->out_folder, packing->folder};

    if (packing->temporary && packing->out >= 0)
        unlinkat(packing->out_folder, packing->temporary, 0);
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    hl__manifest_cleanup(&packing->manifest);
    hl__pack_list_free(&packing->list);
    free(packing->top);
    free(packing->name);
    free(packing->temporary);
}

hl_status hl_pack(const char *folder, const char *out_folder, char **path)
{
    packing packing = {.path = folder, .folder = -1, .out_folder = -1, .out = -1};
    hl_status status;

    if (path)
        *path = NULL;
    if (!folder || !folder[0])
        return hl__fail(HL_ERR_INVALID, ACTION, "folder", "No folder is named; give the one with hookline.json in it.");
    status = run(&packing, out_folder && out_folder[0] ? out_folder : ".", path);
    cleanup(&packing);
    return status == HL_OK ? HL_OK : hl__fail_as(ACTION);
}

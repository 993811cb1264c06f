/* The packages of the install case of hookline bench: a template library with its marks replaced, and a file of
 * data. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench_install.h"
#include "package_folder.h"

#define BLOCK_LEN ((size_t)1 << 17) /* words */

/* ---- names ----------------------------------------------------------------------------------------------------- */

void bench_app_name(unsigned number, char *out, size_t out_len)
{
    snprintf(out, out_len, "bench-%05u", number);
}

void bench_app_event(unsigned number, unsigned k, char *out, size_t out_len)
{
    snprintf(out, out_len, "installed-%05u-%u", number / 10, k);
}

uint64_t bench_app_adds(unsigned number, unsigned k)
{
    return (uint64_t)number * 10 + k;
}

/* ---- the library ----------------------------------------------------------------------------------------------- */

static void replace(char *bytes, size_t len, const char *mark, unsigned number)
{
    char digits[BENCH_MARK_LEN + 8];
    char *at = bytes;

    snprintf(digits, sizeof(digits), "%05u", number);
    while ((at = memmem(at, len - (size_t)(at - bytes), mark, BENCH_MARK_LEN)))
        memcpy(at, digits, BENCH_MARK_LEN);
}

static void *make_library(const bench_app *app, size_t *len)
{
    char file[32], path[PATH_MAX + 64];
    char *bytes;

    snprintf(file, sizeof(file), "installed-%zu.so", app->plugins);
    bytes = package_file_read(bench_part_path(file, path, sizeof(path)), len);
    if (bytes) {
        replace(bytes, *len, BENCH_APP_MARK, app->number);
        replace(bytes, *len, BENCH_GROUP_MARK, app->number / 10);
    }
    return bytes;
}

/* ---- the folder ------------------------------------------------------------------------------------------------ */

static bool write_random(FILE *file, uint64_t bytes, uint64_t seed)
{
    uint64_t *block = malloc(BLOCK_LEN * sizeof(*block));
    bool written = block != NULL;

    while (written && bytes > 0) {
        size_t len = bytes < BLOCK_LEN * sizeof(*block) ? (size_t)bytes : BLOCK_LEN * sizeof(*block);

        for (size_t i = 0; i < BLOCK_LEN; i++)
            block[i] = bench_random(&seed);
        written = fwrite(block, 1, len, file) == len;
        bytes -= len;
    }
    free(block);
    return written;
}

static bool write_data(const char *folder, const bench_app *app)
{
    char path[PATH_MAX];
    FILE *file;
    bool written;

    if (app->data_bytes == 0)
        return true;
    snprintf(path, sizeof(path), "%.4000s/priv", folder);
    if (mkdir(path, 0755) != 0)
        return false;
    snprintf(path, sizeof(path), "%.4000s/priv/data", folder);
    file = fopen(path, "we");
    if (!file)
        return false;
    written = write_random(file, app->data_bytes, app->number + 1);
    return fclose(file) == 0 && written;
}

static bool write_folder(const char *path, const bench_app *app)
{
    char names[BENCH_APP_PLUGINS][48], name[24];
    const char *plugins[BENCH_APP_PLUGINS + 1] = {NULL};
    struct package_folder folder = {.app = name, .version = "1.0.0", .plugins = plugins};
    void *library = make_library(app, &folder.library_len);
    bool written;

    bench_app_name(app->number, name, sizeof(name));
    for (size_t i = 0; i < app->plugins; i++) {
        snprintf(names[i], sizeof(names[i]), "%s-%zu", name, i);
        plugins[i] = names[i];
    }
    folder.library = library;
    written = library && package_folder_write(path, &folder) && write_data(path, app);
    free(library);
    return written;
}

/* ---- the package ----------------------------------------------------------------------------------------------- */

static int pack(bench *b, const char *folder, char *package, size_t package_len)
{
    char *path = NULL;

    if (hl_pack(folder, b->work, &path) != HL_OK)
        return tool_fail(b->context);
    snprintf(package, package_len, "%s", path);
    free(path);
    return TOOL_DONE;
}

int bench_app_pack(bench *b, const bench_app *app, char *package, size_t package_len)
{
    char folder[PATH_MAX];
    int code;

    snprintf(folder, sizeof(folder), "%.4000s/package", b->work);
    if (write_folder(folder, app))
        code = pack(b, folder, package, package_len);
    else
        code = tool_error(b->context, TOOL_REFUSED, HL_ERR_SYSTEM, "dir", "A package cannot be made in %s: %s", folder,
                          strerror(errno));
    bench_folder_remove(folder);
    return code;
}

/* The folder of one run of hookline bench, for stores. It is removed at the end. */
#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

static const char *default_place(void)
{
    const char *wished = getenv("TMPDIR");

    return wished && wished[0] == '/' ? wished : "/var/tmp";
}

int bench_work_make(bench *b)
{
    const char *place = b->where ? b->where : default_place();
    int len = snprintf(b->work, sizeof(b->work), "%s/hookline-bench.XXXXXX", place);

    if (len > 0 && (size_t)len < sizeof(b->work) && mkdtemp(b->work))
        return TOOL_DONE;
    b->work[0] = '\0';
    return tool_error(b->context, TOOL_REFUSED, HL_ERR_SYSTEM, "dir",
                      "No folder can be made in %s: %s. Name another with --dir.", place, strerror(errno));
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

void bench_folder_remove(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void bench_work_remove(bench *b)
{
    if (b->work[0])
        bench_folder_remove(b->work);
}

const char *bench_store_url(const bench *b, const char *name, char *buffer, size_t buffer_len)
{
    snprintf(buffer, buffer_len, "lmdb:%s/%s", b->work, name);
    return buffer;
}

/* Bare LMDB in the run's folder: what a durable change is held against. Used by the cases of hookline bench. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "bench.h"

int bench_bare_fail(bench *b, int error)
{
    return tool_error(b->context, TOOL_REFUSED, HL_ERR_STORE, "", "Bare LMDB failed: %s",
                      b->parts.lmdb->error_text(error));
}

int bench_bare_open(bench *b, const char *name, void **out)
{
    char path[sizeof(b->work) + 32];
    int error;

    snprintf(path, sizeof(path), "%s/%s", b->work, name);
    if (mkdir(path, 0700) < 0)
        return tool_error(b->context, TOOL_REFUSED, HL_ERR_SYSTEM, "dir", "The folder %s cannot be made: %s", path,
                          strerror(errno));
    error = b->parts.lmdb->open(path, out);
    return error ? bench_bare_fail(b, error) : TOOL_DONE;
}

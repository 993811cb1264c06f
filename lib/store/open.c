/* Opens a store by its URL: the only place that knows which schemes there are. */
#include "store/backends.h"

#include <string.h>

#include "core/error.h"

static const char *after(const char *text, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

hl_status hl__store_open(const char *url, unsigned flags, uint64_t map_bytes, hl__store **out)
{
    const char *rest;

    if (!url)
        return hl__fail(HL_ERR_INVALID, "open", "store",
                        "The store is NULL; give \"lmdb:DIR\", \"memory:\" or "
                        "\"memory:NAME\".");
    if ((rest = after(url, "memory:")))
        return hl__memory_open(rest, flags, out);
    if ((rest = after(url, "lmdb:")))
        return hl__lmdb_open(rest, flags, map_bytes, out);
    if (after(url, "etcd:"))
        return hl__fail(HL_ERR_UNSUPPORTED, "open", "store",
                        "\"%s\": this build has no cluster store; use \"lmdb:DIR\" or \"memory:NAME\".", url);
    return hl__fail(HL_ERR_INVALID, "open", "store",
                    "\"%s\" names no kind of store; give \"lmdb:DIR\", \"memory:\" or \"memory:NAME\".", url);
}

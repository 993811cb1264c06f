/* Whether old code has gone; see unloaded.h. */
#include "install/unloaded.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/error.h"
#include "install/servers.h"
#include "observe/prepared.h"

#define PAUSE_NS 2000000L

typedef struct search {
    char **paths;
    size_t len;
    bool found;
} search;

static void compare(void *user, const char *path, const char *stamp)
{
    search *wanted = user;

    (void)stamp;
    for (size_t i = 0; i < wanted->len; i++)
        wanted->found = wanted->found || strcmp(wanted->paths[i], path) == 0;
}

static bool gone_here(hl_runtime *runtime, search *wanted, uint64_t until_ns)
{
    struct timespec pause = {.tv_nsec = PAUSE_NS};

    for (;;) {
        wanted->found = false;
        hl__libraries_mapped(runtime, compare, wanted);
        if (!wanted->found || hl__now_ns() >= until_ns)
            return !wanted->found;
        nanosleep(&pause, NULL);
    }
}

static bool make_paths(const hl__apps_place *place, const hl__app_version *version, search *out)
{
    out->paths = calloc(version->libraries_len + 1, sizeof(*out->paths));
    if (!out->paths)
        return false;
    for (; out->len < version->libraries_len; out->len++) {
        out->paths[out->len] = hl__app_library_path(place, version, &version->libraries[out->len]);
        if (!out->paths[out->len])
            return false;
    }
    return true;
}

bool hl__version_unloaded(hl_runtime *runtime, const hl__apps_place *place, const hl__app_version *version)
{
    uint64_t until_ns = hl__now_ns() + (uint64_t)HL__UNLOAD_MS * 1000000;
    search wanted = {0};
    bool gone = make_paths(place, version, &wanted) && gone_here(runtime, &wanted, until_ns);
    uint64_t now_ns = hl__now_ns();

    if (gone)
        gone = hl__servers_unloaded(runtime, (const char *const *)wanted.paths, wanted.len,
                                    now_ns < until_ns ? (uint32_t)((until_ns - now_ns) / 1000000) : 0);
    for (size_t i = 0; i < wanted.len; i++)
        free(wanted.paths[i]);
    free(wanted.paths);
    return gone;
}

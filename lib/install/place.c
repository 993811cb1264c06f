/* The folder of a store's apps, and the lock under which they are changed; see app.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "core/error.h"
#include "install/app.h"
#include "install/folder.h"
#include "install/staging.h"

#define ACTION "open apps"
#define APPS "apps"
#define PAUSE_NS 10000000L

bool hl__apps_name_is_own(const char *name)
{
    static const char *const own[] = {HL__APPS_LOCK, HL__APPS_BOOT, HL__APPS_QUEUE, HL__STAGING};

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (strcmp(own[i], name) == 0)
            return true;
    }
    return false;
}

static hl_status open_folders(hl__apps_place *out, const char *directory)
{
    int store = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    hl_status status;

    if (store < 0)
        return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "store", "Cannot open the store's folder %s.", directory);
    out->folder = hl__folder_open(ACTION, store, APPS, 0755);
    status = out->folder < 0 ? hl_last_error()->status : HL_OK;
    close(store);
    return status;
}

static hl_status find_store(hl_runtime *runtime, char **out)
{
    hl__store *store = runtime->parts.store;
    const char *directory = store->ops->directory(store);

    if (!directory)
        return hl__fail(HL_ERR_UNSUPPORTED, ACTION, "store",
                        "This store has no folder to keep apps in; open an \"lmdb:DIR\" store.");
    *out = realpath(directory, NULL);
    if (!*out)
        return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "store", "Cannot find the store's folder %s.", directory);
    return HL_OK;
}

static hl_status find_paths(hl_runtime *runtime, char **store, char **path)
{
    hl_status status = hl__lock(runtime, ACTION);

    if (status != HL_OK)
        return status;
    status = find_store(runtime, store);
    hl__unlock(runtime);
    if (status != HL_OK || asprintf(path, "%s/%s", *store, APPS) >= 0)
        return status;
    *path = NULL;
    return hl__fail_memory(ACTION);
}

hl_status hl__apps_path(hl_runtime *runtime, char **out)
{
    char *store = NULL;
    hl_status status = find_paths(runtime, &store, out);

    free(store);
    return status;
}

hl_status hl__apps_place_open(hl_runtime *runtime, hl__apps_place *out)
{
    hl_status status;

    *out = (hl__apps_place){.folder = -1, .lock = -1};
    status = find_paths(runtime, &out->store, &out->path);
    if (status == HL_OK)
        status = open_folders(out, out->store);
    if (status != HL_OK)
        hl__apps_place_close(out);
    return status;
}

void hl__apps_place_close(hl__apps_place *place)
{
    if (place->lock >= 0)
        close(place->lock);
    if (place->folder >= 0)
        close(place->folder);
    free(place->path);
    free(place->store);
    *place = (hl__apps_place){.folder = -1, .lock = -1};
}

/* ---- the lock ---------------------------------------------------------------------------------------------------- */

/* flock wakes its waiters in no order and takes no time limit: asking again and again does. */
static bool take_lock(int fd, uint64_t until_ns)
{
    struct timespec pause = {.tv_nsec = PAUSE_NS};

    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || hl__now_ns() >= until_ns)
            return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

hl_status hl__apps_place_lock(hl__apps_place *place, uint32_t timeout_ms)
{
    uint64_t until_ns = hl__now_ns() + (uint64_t)timeout_ms * 1000000;

    place->lock = openat(place->folder, HL__APPS_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (place->lock < 0)
        return hl__fail_errno(hl__disk_status(errno), errno, ACTION, HL__APPS_LOCK, "Cannot open %s/%s.", place->path,
                              HL__APPS_LOCK);
    if (take_lock(place->lock, until_ns))
        return HL_OK;
    close(place->lock);
    place->lock = -1;
    return hl__fail(HL_ERR_TIMEOUT, ACTION, HL__APPS_LOCK,
                    "Another process has been changing the apps of %s for %u ms; try again when it is done.",
                    place->store, timeout_ms);
}

char *hl__app_library_path(const hl__apps_place *place, const hl__app_version *version, const hl__app_library *library)
{
    char *path = NULL;

    return asprintf(&path, "%s/%s/%s", place->path, version->folder, library->file) < 0 ? NULL : path;
}

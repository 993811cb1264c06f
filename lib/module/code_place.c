/* The folder of modules' code; see code_place.h. */
#include "module/code_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/error.h"
#include "install/folder.h"

#define ACTION "module code"
#define PLACE "modules"
#define OPEN_FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define PAUSE_NS 5000000L

/* ---- the place of a runtime -------------------------------------------------------------------------------------- */

/* NULL: the store has none. Under the lock. */
static hl_status find_store(hl_runtime *runtime, char **out)
{
    hl__store *store = runtime->parts.store;
    const char *directory = store->ops->directory(store);

    *out = directory ? realpath(directory, NULL) : NULL;
    if (*out || !directory)
        return HL_OK;
    return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "store", "Cannot find the store's folder %s", directory);
}

static hl_status find_path(hl_runtime *runtime, bool make, char **out)
{
    char *store = NULL;
    hl_status status = hl__lock(runtime, ACTION);

    *out = NULL;
    if (status != HL_OK)
        return status;
    status = find_store(runtime, &store);
    hl__unlock(runtime);
    if (status != HL_OK)
        return status;
    if (!store)
        return hl__code_private_path(runtime, make, out);
    if (asprintf(out, "%s/" PLACE, store) < 0) {
        *out = NULL;
        status = hl__fail_memory(ACTION);
    }
    free(store);
    return status;
}

hl_status hl__code_place_path(hl_runtime *runtime, char **out)
{
    return find_path(runtime, false, out);
}

hl_status hl__code_place_open(hl_runtime *runtime, hl__code_place *out)
{
    hl_status status;

    *out = (hl__code_place)HL__CODE_PLACE_INIT;
    status = find_path(runtime, true, &out->path);
    if (status == HL_OK && runtime->options.flags & HL_OPEN_READ_ONLY) {
        hl__code_place_close(out);
        status = hl__fail(HL_ERR_STORE_READ_ONLY, ACTION, "flags",
                          "The runtime was opened with HL_OPEN_READ_ONLY; open it without to bring or remove code.");
    }
    if (status != HL_OK)
        return status;
    if (mkdir(out->path, 0755) == 0 || errno == EEXIST)
        out->folder = open(out->path, OPEN_FOLDER);
    if (out->folder >= 0)
        return HL_OK;
    status =
        hl__fail_errno(hl__disk_status(errno), errno, ACTION, "store", "Cannot make or open the folder %s", out->path);
    hl__code_place_close(out);
    return status;
}

void hl__code_place_close(hl__code_place *place)
{
    if (place->folder >= 0)
        close(place->folder);
    free(place->path);
    *place = (hl__code_place)HL__CODE_PLACE_INIT;
}

/* ---- locks ------------------------------------------------------------------------------------------------------- */

/* flock takes no time limit: asking again and again does. */
static bool take_lock(int fd, uint64_t deadline_ns)
{
    struct timespec pause = {.tv_nsec = PAUSE_NS};

    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || hl__now_ns() >= deadline_ns)
            return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

hl_status hl__code_lock(const hl__code_place *place, const char *name, uint64_t deadline_ns, int *lock)
{
    int locks = hl__folder_open(ACTION, place->folder, HL__CODE_LOCKS, 0755);

    *lock = -1;
    if (locks < 0)
        return hl_last_error()->status;
    *lock = openat(locks, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    close(locks);
    if (*lock < 0)
        return hl__fail_errno(hl__disk_status(errno), errno, ACTION, "module", "Cannot open the lock of module %s",
                              name);
    if (take_lock(*lock, deadline_ns))
        return HL_OK;
    close(*lock);
    *lock = -1;
    return hl__fail(HL_ERR_TIMEOUT, ACTION, "module",
                    "Somebody else has been changing the code of module %s all the time; try again later.", name);
}

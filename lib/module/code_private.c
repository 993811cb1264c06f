/* Private folders for the code of modules in memory stores: below the system's folder for temporary files, locked as
 * long as the runtime is open, gone with it. Called by code_place.c; hl__code_closed by the extension of the
 * runtime. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/error.h"
#include "install/app.h"
#include "install/folder.h"
#include "module/code_place.h"

#define ACTION "module code"
#define PRIVATE "hookline-modules."
#define YOUNG_S 60 /* such a folder may be on the way to its lock */
#define OPEN_FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

typedef struct private_place {
    struct private_place *next;
    hl_runtime *runtime;
    pid_t pid; /* a forked child leaves its parent's folder alone */
    char *path;
    int folder; /* open and locked */
} private_place;

static pthread_mutex_t private_lock = PTHREAD_MUTEX_INITIALIZER; /* a leaf; held across forks */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static private_place *private_places;

static void lock_before_fork(void)
{
    pthread_mutex_lock(&private_lock);
}

static void unlock_after_fork(void)
{
    pthread_mutex_unlock(&private_lock);
}

static void watch_forks(void)
{
    pthread_atfork(lock_before_fork, unlock_after_fork, unlock_after_fork);
}

static void lock_places(void)
{
    pthread_once(&once, watch_forks);
    pthread_mutex_lock(&private_lock);
}

static const char *temporary_folder(void)
{
    const char *named = secure_getenv("TMPDIR");

    return named && named[0] == '/' ? named : "/tmp";
}

static private_place *find_private(hl_runtime *runtime)
{
    for (private_place *at = private_places; at; at = at->next) {
        if (at->runtime == runtime)
            return at;
    }
    return NULL;
}

static void free_private(private_place *place)
{
    if (place->folder >= 0)
        close(place->folder);
    free(place->path);
    free(place);
}

static bool is_left(int folder)
{
    struct stat about;

    return fstat(folder, &about) == 0 && about.st_uid == geteuid() && about.st_mtime < time(NULL) - YOUNG_S &&
           flock(folder, LOCK_EX | LOCK_NB) == 0;
}

static void sweep_entry(int parent, const char *name)
{
    int folder = openat(parent, name, OPEN_FOLDER);

    if (folder >= 0 && is_left(folder))
        (void)!hl__folder_remove(parent, name);
    if (folder >= 0)
        close(folder);
}

/* What a killed process left: its folder is not locked any more. */
static void sweep_private(void)
{
    DIR *entries = opendir(temporary_folder());
    struct dirent *entry;

    while (entries && (entry = readdir(entries))) {
        if (strncmp(entry->d_name, PRIVATE, strlen(PRIVATE)) == 0)
            sweep_entry(dirfd(entries), entry->d_name);
    }
    if (entries)
        closedir(entries);
}

static hl_status fill_private(private_place *place)
{
    if (asprintf(&place->path, "%s/" PRIVATE "XXXXXX", temporary_folder()) < 0) {
        place->path = NULL;
        return hl__fail_memory(ACTION);
    }
    if (!mkdtemp(place->path))
        return hl__fail_errno(hl__disk_status(errno), errno, ACTION, "TMPDIR", "Cannot make a folder in %s",
                              temporary_folder());
    place->folder = open(place->path, OPEN_FOLDER);
    if (place->folder >= 0 && flock(place->folder, LOCK_EX | LOCK_NB) == 0)
        return HL_OK;
    return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "TMPDIR", "Cannot lock the folder %s", place->path);
}

static hl_status make_private(hl_runtime *runtime)
{
    private_place *place = (private_place *)calloc(1, sizeof(*place));
    hl_status status;

    if (!place)
        return hl__fail_memory(ACTION);
    sweep_private();
    place->folder = -1;
    place->runtime = runtime;
    place->pid = getpid();
    status = fill_private(place);
    if (status != HL_OK) {
        free_private(place);
        return status;
    }
    place->next = private_places;
    private_places = place;
    return HL_OK;
}

hl_status hl__code_private_path(hl_runtime *runtime, bool make, char **out)
{
    private_place *place;
    hl_status status = HL_OK;

    lock_places();
    if (make && !find_private(runtime))
        status = make_private(runtime);
    place = find_private(runtime);
    if (status == HL_OK && !place)
        status = hl__fail(HL_ERR_NOT_FOUND, ACTION, "module", "No code has been loaded into this memory store yet.");
    if (status == HL_OK) {
        *out = strdup(place->path);
        status = *out ? HL_OK : hl__fail_memory(ACTION);
    }
    pthread_mutex_unlock(&private_lock);
    return status;
}

static private_place *take_private(hl_runtime *runtime)
{
    private_place *found = NULL;

    for (private_place **at = &private_places; *at; at = &(*at)->next) {
        if ((*at)->runtime != runtime)
            continue;
        found = *at;
        *at = found->next;
        break;
    }
    return found;
}

void hl__code_closed(hl_runtime *runtime)
{
    private_place *place;

    lock_places();
    place = take_private(runtime);
    pthread_mutex_unlock(&private_lock);
    if (!place)
        return;
    if (place->pid == getpid())
        (void)!hl__folder_remove(AT_FDCWD, place->path);
    free_private(place);
}

/* Opening an LMDB file once per process: the list of open ones by device and inode, and the checks before first use. */
#include "store/env.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "store/pages.h"
#include "store/process.h"
#include "store/schema.h"

#define READERS_MAX 512
#define MAP_BYTES_MIN (UINT64_C(64) << 10)
#define CHECK_TRIES 100

static hl__env *open_envs; /* under the process lock */

/* ---- LMDB ----------------------------------------------------------------------------------------------------- */

static int open_mdb_with(hl__env *env, uint64_t map_bytes, unsigned flags)
{
    int rc = mdb_env_create(&env->mdb);
    if (rc != 0)
        return rc;
    mdb_env_set_maxdbs(env->mdb, HL__TABLES);
    mdb_env_set_maxreaders(env->mdb, READERS_MAX);
    rc = mdb_env_set_mapsize(env->mdb, map_bytes);
    if (rc == 0)
        rc = mdb_env_open(env->mdb, env->directory, flags | MDB_NOTLS, 0600);
    if (rc != 0) {
        mdb_env_close(env->mdb);
        env->mdb = NULL;
    }
    return rc;
}

/* Where the process may not have so much address space, a smaller map does as long as the store is small. */
static int open_mdb(hl__env *env, unsigned flags)
{
    static const uint64_t smaller[] = {UINT64_C(1) << 30, UINT64_C(256) << 20, UINT64_C(64) << 20};

    int rc = open_mdb_with(env, env->map_limit, flags);
    for (size_t i = 0; rc == ENOMEM && i < sizeof(smaller) / sizeof(smaller[0]); i++) {
        if (smaller[i] < env->map_limit)
            rc = open_mdb_with(env, smaller[i], flags);
    }
    return rc;
}

static bool has_lock_file(const hl__env *env)
{
    char path[PATH_MAX + 16];
    snprintf(path, sizeof(path), "%s/lock.mdb", env->directory);
    return access(path, F_OK) == 0;
}

/* A store that nobody has opened since it was copied there has no lock file, and where none can be made there is no
 * writer: it may be read without locks. */
static int open_readable(hl__env *env)
{
    int rc = open_mdb(env, MDB_RDONLY);
    if ((rc == EACCES || rc == EPERM) && !has_lock_file(env))
        rc = open_mdb(env, MDB_RDONLY | MDB_NOLOCK);
    return rc;
}

static hl_status check_tree(hl__env *env, int fd)
{
    bool moved_on = true;
    hl_status status = HL_OK;

    for (int tries = 0; status == HL_OK && moved_on && tries < CHECK_TRIES; tries++) {
        MDB_txn *txn;
        int rc = mdb_txn_begin(env->mdb, NULL, MDB_RDONLY, &txn);
        if (rc != 0)
            return hl__lmdb_result(env, rc, "open");
        status = hl__pages_check_tree(fd, env->directory, mdb_txn_id(txn), &moved_on);
        mdb_txn_abort(txn);
    }
    return status;
}

static hl_status open_checked(hl__env *env, int fd)
{
    bool empty;

    hl_status status = hl__pages_check_heads(fd, env->directory, &empty);
    if (status != HL_OK)
        return status;
    if (empty && env->read_only)
        return hl__fail(HL_ERR_STORE, "open", "store", "There is no store in %s yet; open it for writing.",
                        env->directory);
    status = hl__lmdb_result(env, env->read_only ? open_readable(env) : open_mdb(env, 0), "open");
    if (status != HL_OK)
        return status;
    mdb_reader_check(env->mdb, NULL);
    return empty ? HL_OK : check_tree(env, fd);
}

/* ---- the file ------------------------------------------------------------------------------------------------- */

/* The name of a new file must survive power loss as its content does. */
static void sync_directory(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

static void sync_new(const char *directory)
{
    char parent[PATH_MAX + 8];
    snprintf(parent, sizeof(parent), "%s/..", directory);
    sync_directory(directory);
    sync_directory(parent);
}

static hl_status fail_open(const char *directory, int error_number)
{
    switch (error_number) {
    case ENOENT:
        return hl__fail(HL_ERR_STORE, "open", "store", "There is no store in %s.", directory);
    case EACCES:
    case EPERM:
    case EROFS:
        return hl__fail_errno(
            HL_ERR_STORE_READ_ONLY, error_number, "open", "store",
            "The file data.mdb in %s may not be opened for writing; change its owner or mode, or open "
            "it read-only.",
            directory);
    case ENOSPC:
    case EDQUOT:
        return hl__fail_errno(HL_ERR_STORE_FULL, error_number, "open", "store",
                              "The file data.mdb in %s cannot be made.", directory);
    default:
        return hl__fail_errno(HL_ERR_STORE, error_number, "open", "store", "The file data.mdb in %s cannot be opened.",
                              directory);
    }
}

/* A reader too opens the file for writing where it may, so that a writer of the same process can share it. */
static int open_data(const char *directory, bool read_only, bool *file_read_only)
{
    char path[PATH_MAX + 16];
    snprintf(path, sizeof(path), "%s/data.mdb", directory);
    *file_read_only = false;
    int fd = open(path, O_RDWR | O_CLOEXEC | (read_only ? 0 : O_CREAT), 0600);
    if (fd < 0 && read_only && (errno == EACCES || errno == EPERM || errno == EROFS)) {
        *file_read_only = true;
        fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    return fd;
}

static bool can_write_in(const char *directory)
{
    return faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) == 0;
}

/* ---- the list of open files ----------------------------------------------------------------------------------- */

static hl__env *find_env(const struct stat *file)
{
    for (hl__env *each = open_envs; each; each = each->next) {
        if (each->generation == hl__process_generation() && each->device == file->st_dev && each->inode == file->st_ino)
            return each;
    }
    return NULL;
}

static void env_destroy(hl__env *env)
{
    if (env->mdb)
        mdb_env_close(env->mdb);
    if (env->notify_fd >= 0)
        close(env->notify_fd);
    pthread_rwlock_destroy(&env->lock);
    free(env->directory);
    free(env);
}

static hl__env *env_new(const char *directory, const struct stat *file, uint64_t map_bytes)
{
    hl__env *env = calloc(1, sizeof(*env));
    uint64_t limit = map_bytes ? map_bytes : HL__MAP_BYTES_DEFAULT;
    if (!env)
        return NULL;
    env->directory = strdup(directory);
    if (!env->directory) {
        free(env);
        return NULL;
    }
    pthread_rwlock_init(&env->lock, NULL);
    limit = limit < MAP_BYTES_MIN ? MAP_BYTES_MIN : limit;
    env->map_limit = limit / MAP_BYTES_MIN * MAP_BYTES_MIN;
    env->notify_fd = -1;
    env->device = file->st_dev;
    env->inode = file->st_ino;
    env->generation = hl__process_generation();
    return env;
}

static hl_status open_env(const char *directory, int fd, const struct stat *file, uint64_t map_bytes, bool read_only,
                          hl__env **out)
{
    hl__env *env = env_new(directory, file, map_bytes);
    if (!env)
        return hl__fail_memory("open");
    env->read_only = read_only;
    hl_status status = open_checked(env, fd);
    if (status != HL_OK) {
        env_destroy(env);
        return status;
    }
    if (file->st_size == 0)
        sync_new(directory);
    env->next = open_envs;
    open_envs = env;
    *out = env;
    return HL_OK;
}

static void drop_env(hl__env *env)
{
    for (hl__env **link = &open_envs; *link; link = &(*link)->next) {
        if (*link == env) {
            *link = env->next;
            break;
        }
    }
    env_destroy(env);
}

/* ---- joining -------------------------------------------------------------------------------------------------- */

static void open_notify(hl__env *env)
{
    char path[PATH_MAX + 16];
    snprintf(path, sizeof(path), "%s/notify", env->directory);
    /* Without it the others find out by their regular look. */
    env->notify_fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

static hl_status settle(hl__opener *opener)
{
    hl__env *env = opener->env;

    if (env->read_only && !opener->read_only)
        return hl__fail(HL_ERR_STORE_READ_ONLY, "open", "store",
                        "The store in %s is open in this process, which may not write it; close that first.",
                        env->directory);
    hl_status status = env->settled ? HL_OK : hl__schema_settle(env, opener->read_only);
    if (status == HL_OK && !opener->read_only && env->notify_fd < 0)
        open_notify(env);
    return status;
}

static hl_status join_file(hl__opener *opener, const char *directory, int fd, uint64_t map_bytes, bool file_read_only)
{
    struct stat file;
    hl_status status = HL_OK;

    if (fstat(fd, &file) != 0)
        return fail_open(directory, errno);
    opener->env = find_env(&file);
    if (!opener->env)
        status = open_env(directory, fd, &file, map_bytes, file_read_only, &opener->env);
    if (status != HL_OK)
        return status;
    status = settle(opener);
    if (status != HL_OK) {
        if (opener->env->refs == 0)
            drop_env(opener->env);
        return status;
    }
    opener->env->refs++;
    return HL_OK;
}

hl_status hl__env_join(hl__opener *opener, const char *directory, uint64_t map_bytes)
{
    char path[PATH_MAX];
    bool file_read_only;

    hl_status status = opener->read_only ? HL_OK : hl__make_directory(directory, "open");
    if (status != HL_OK)
        return status;
    if (!realpath(directory, path))
        return fail_open(directory, errno);
    hl__process_lock();
    int fd = open_data(path, opener->read_only, &file_read_only);
    if (fd < 0) {
        status = fail_open(path, errno);
    } else {
        file_read_only = file_read_only || (opener->read_only && !can_write_in(path));
        status = join_file(opener, path, fd, map_bytes, file_read_only);
        close(fd);
    }
    hl__process_unlock();
    return status;
}

/* A forked child leaves everything as it is: the locks and the reader's slot are the parent's. */
void hl__env_leave(hl__opener *opener)
{
    hl__process_lock();
    if (opener->env->generation == hl__process_generation()) {
        if (opener->reader)
            mdb_txn_abort(opener->reader);
        if (--opener->env->refs == 0)
            drop_env(opener->env);
    }
    hl__process_unlock();
}

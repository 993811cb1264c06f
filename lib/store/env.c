/* Transactions on a shared LMDB file, the growth of its map, and LMDB's errors in our words. */
#include "store/env.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "core/error.h"
#include "store/process.h"

hl_status hl__env_check_owner(const hl__env *env, const char *action)
{
    if (env->generation == hl__process_generation())
        return HL_OK;
    return hl__fail(HL_ERR_FORKED, action, "store", "The store belongs to the parent process; open it again here.");
}

/* ---- errors --------------------------------------------------------------------------------------------------- */

#define NEARLY_FULL_BYTES (UINT64_C(256) << 10)

/* LMDB reports a write that was cut short by a full disk as EIO. */
static bool out_of_space(const hl__env *env)
{
    struct statvfs disk;
    struct rlimit limit;
    struct stat file;
    mdb_filehandle_t fd;

    if (statvfs(env->directory, &disk) == 0 && (uint64_t)disk.f_bavail * disk.f_frsize < NEARLY_FULL_BYTES)
        return true;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && env->mdb &&
           mdb_env_get_fd(env->mdb, &fd) == 0 && fstat(fd, &file) == 0 &&
           (uint64_t)file.st_size + NEARLY_FULL_BYTES > limit.rlim_cur;
}

static hl_status fail_full(const hl__env *env, int rc, const char *action)
{
    if (rc == MDB_MAP_FULL)
        return hl__fail(HL_ERR_STORE_FULL, action, "store_map_bytes",
                        "The map of the store in %s is full; raise store_map_bytes or the address space limit.",
                        env->directory);
    return hl__fail(HL_ERR_STORE_FULL, action, "store",
                    "No space is left for the store in %s; free some, then try again.", env->directory);
}

static hl_status fail_corrupt(const hl__env *env, int rc, const char *action)
{
    return hl__fail(HL_ERR_STORE_CORRUPT, action, "store",
                    "The store in %s is damaged or is not one (%s); move it away and restore a backup.", env->directory,
                    mdb_strerror(rc));
}

hl_status hl__lmdb_result(const hl__env *env, int rc, const char *action)
{
    if (rc == EIO && out_of_space(env))
        rc = ENOSPC;
    switch (rc) {
    case 0:
        return HL_OK;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
    case MDB_NOTFOUND:
        return fail_corrupt(env, rc, action);
    case MDB_MAP_FULL:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return fail_full(env, rc, action);
    case EACCES:
    case EPERM:
    case EROFS:
        return hl__fail_errno(HL_ERR_STORE_READ_ONLY, rc, action, "store",
                              "This process may not write in %s, which also readers must; change its owner or mode.",
                              env->directory);
    case ENOMEM:
        return hl__fail_memory(action);
    case MDB_READERS_FULL:
        return hl__fail(HL_ERR_STORE, action, "store", "Too many processes read the store in %s; end some.",
                        env->directory);
    default:
        break;
    }
    if (rc < 0 && rc > -100)
        return (hl_status)rc;
    return hl__fail(HL_ERR_STORE, action, "store",
                    "The store in %s cannot be used: %s. Look at the disk, then open it "
                    "again.",
                    env->directory, mdb_strerror(rc));
}

hl_status hl__make_directory(const char *path, const char *action)
{
    char partial[4096];
    size_t path_len = strlen(path);

    if (path_len >= sizeof(partial))
        return hl__fail(HL_ERR_INVALID, action, "store", "The directory's path is longer than %zu bytes.",
                        sizeof(partial) - 1);
    for (size_t i = 1; i <= path_len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        snprintf(partial, sizeof(partial), "%.*s", (int)i, path);
        if (mkdir(partial, 0700) == 0 || errno == EEXIST)
            continue;
        hl_status status = errno == EACCES || errno == EROFS || errno == EPERM ? HL_ERR_STORE_READ_ONLY
                           : errno == ENOSPC || errno == EDQUOT                ? HL_ERR_STORE_FULL
                                                                               : HL_ERR_STORE;
        return hl__fail_errno(status, errno, action, "store", "The directory %s cannot be made.", partial);
    }
    return HL_OK;
}

/* ---- growth of the map ---------------------------------------------------------------------------------------- */

/* mdb_env_set_mapsize leaves the environment without a map when the new one does not fit: try the difference first. */
static bool address_space_for(uint64_t bytes)
{
    void *probe = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (probe == MAP_FAILED)
        return false;
    munmap(probe, bytes);
    return true;
}

/* The size to grow to: twice as much within the limit, but at the least what other processes have written. 0: none. */
static uint64_t next_map_size(const hl__env *env)
{
    MDB_envinfo info;
    MDB_stat stat;

    mdb_env_info(env->mdb, &info);
    mdb_env_stat(env->mdb, &stat);
    uint64_t written = ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
    uint64_t size = (uint64_t)info.me_mapsize * 2;
    if (size > env->map_limit)
        size = env->map_limit;
    if (size < written)
        size = written;
    if (size <= info.me_mapsize || !address_space_for(size - info.me_mapsize))
        return 0;
    return size;
}

/* Other threads may have grown the map while this one waited for the lock: then trying again is all there is to do. */
static bool grow(hl__env *env, size_t seen_bytes)
{
    MDB_envinfo info;
    bool grown = true;

    pthread_rwlock_wrlock(&env->lock);
    mdb_env_info(env->mdb, &info);
    if (info.me_mapsize == seen_bytes) {
        uint64_t size = next_map_size(env);
        grown = size != 0 && mdb_env_set_mapsize(env->mdb, size) == 0;
    }
    pthread_rwlock_unlock(&env->lock);
    return grown;
}

static size_t map_bytes(const hl__env *env)
{
    MDB_envinfo info;
    mdb_env_info(env->mdb, &info);
    return info.me_mapsize;
}

/* ---- transactions --------------------------------------------------------------------------------------------- */

static int begin_or_renew(hl__opener *opener)
{
    if (opener->reader)
        return mdb_txn_renew(opener->reader);
    int rc = mdb_txn_begin(opener->env->mdb, NULL, MDB_RDONLY, &opener->reader);
    if (rc == MDB_READERS_FULL) {
        mdb_reader_check(opener->env->mdb, NULL);
        rc = mdb_txn_begin(opener->env->mdb, NULL, MDB_RDONLY, &opener->reader);
    }
    return rc;
}

hl_status hl__env_begin_read(hl__opener *opener, const char *action, MDB_txn **out)
{
    hl__env *env = opener->env;

    hl_status status = hl__env_check_owner(env, action);
    if (status != HL_OK)
        return status;
    for (;;) {
        pthread_rwlock_rdlock(&env->lock);
        int rc = begin_or_renew(opener);
        if (rc == 0) {
            *out = opener->reader;
            return HL_OK;
        }
        size_t seen_bytes = map_bytes(env);
        pthread_rwlock_unlock(&env->lock);
        if (rc != MDB_MAP_RESIZED || !grow(env, seen_bytes))
            return hl__lmdb_result(env, rc == MDB_MAP_RESIZED ? ENOMEM : rc, action);
    }
}

void hl__env_end_read(hl__opener *opener)
{
    mdb_txn_reset(opener->reader);
    pthread_rwlock_unlock(&opener->env->lock);
}

static int write_once(hl__env *env, hl__write_fn *body, void *user, size_t *txn_id)
{
    MDB_txn *txn;

    int rc = mdb_txn_begin(env->mdb, NULL, 0, &txn);
    if (rc != 0)
        return rc;
    rc = body(env, txn, user);
    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc;
    }
    if (txn_id)
        *txn_id = mdb_txn_id(txn);
    return mdb_txn_commit(txn);
}

hl_status hl__env_write(hl__env *env, const char *action, hl__write_fn *body, void *user, size_t *txn_id)
{
    hl_status status = hl__env_check_owner(env, action);
    if (status != HL_OK)
        return status;
    for (;;) {
        pthread_rwlock_rdlock(&env->lock);
        int rc = write_once(env, body, user, txn_id);
        size_t seen_bytes = map_bytes(env);
        pthread_rwlock_unlock(&env->lock);
        if ((rc != MDB_MAP_FULL && rc != MDB_MAP_RESIZED) || !grow(env, seen_bytes))
            return hl__lmdb_result(env, rc == MDB_MAP_RESIZED ? ENOMEM : rc, action);
    }
}

/* One LMDB file, opened once in this process whoever asks for it: LMDB breaks when one file is opened twice and one
 * handle is closed. Transactions, growth of the map, and LMDB's errors in our words. Used by the LMDB store only.
 *
 * Results of functions that return int are one of three, which do not overlap: 0; an LMDB or system error; or a
 * hl_status (-1..-99) whose error is set already. hl__lmdb_result makes a status of any of them. */
#ifndef HL_STORE_ENV_H
#define HL_STORE_ENV_H

#include <pthread.h>
#include <sys/types.h>

#include <lmdb.h>

#include "store/store.h"

#define HL__SCHEMA 4 /* the layout that this version reads and writes */
#define HL__MAP_BYTES_DEFAULT (UINT64_C(16) << 30)

typedef struct hl__opener hl__opener;

typedef enum hl__table { HL__PLUGINS, HL__EVENTS, HL__DOCUMENTS, HL__LOG, HL__META, HL__TABLES } hl__table;

typedef struct hl__env {
    pthread_rwlock_t lock; /* shared by every transaction, exclusive for what needs none to run */
    MDB_env *mdb;
    MDB_dbi tables[HL__TABLES];
    bool settled;   /* tables are open, in the current schema */
    bool read_only; /* the file is opened so */
    uint64_t map_limit;
    int notify_fd; /* written after each commit; -1 where there is none */
    char id[HL__UUID_TEXT];
    char *directory; /* absolute */
    /* Under the process lock: */
    dev_t device;
    ino_t inode;
    unsigned generation;
    unsigned refs;
    struct hl__env *next;
} hl__env;

/* One opener of the file. */
struct hl__opener {
    hl__store base;
    hl__env *env;
    bool read_only;
    MDB_txn *reader;        /* reset between uses, so that it holds no pages; NULL before the first use */
    bool head_known;        /* the two below are set */
    size_t head_txn;        /* the transaction whose revision is known... */
    uint64_t head_revision; /* ...and that revision */
    uint64_t reported;      /* the newest revision that this opener was told of */
    int watch_fd;           /* an epoll of the two below */
    int inotify_fd;
    int wake_fd;
};

/* Finds or opens the file and joins its openers. With read_only nothing is made. Checks the file's pages. */
hl_status hl__env_join(hl__opener *opener, const char *directory, uint64_t map_bytes);
void hl__env_leave(hl__opener *opener);

/* HL_ERR_FORKED in a child process. */
hl_status hl__env_check_owner(const hl__env *env, const char *action);

/* A read transaction of this opener; ended by hl__env_end_read, soon. */
hl_status hl__env_begin_read(hl__opener *opener, const char *action, MDB_txn **out);
void hl__env_end_read(hl__opener *opener);

/* What is done inside a write transaction. It may run again from the start when the map had to grow. */
typedef int hl__write_fn(hl__env *env, MDB_txn *txn, void *user);

/* Runs `body` in a write transaction and commits it, or rolls everything back. txn_id may be NULL. */
hl_status hl__env_write(hl__env *env, const char *action, hl__write_fn *body, void *user, size_t *txn_id);

/* HL_OK for 0, else a failure with the thread's error set. */
hl_status hl__lmdb_result(const hl__env *env, int rc, const char *action);

/* Makes a directory with its parents, for its owner only. */
hl_status hl__make_directory(const char *path, const char *action);

#endif

/* What the tests of the store share: folders of their own, records, one-change commits, snapshots of content, and
 * helper processes. */
#ifndef HL_TEST_STORE_FIXTURE_H
#define HL_TEST_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/types.h>

#include "core/error.h"
#include "store/store.h"

#define URL_BYTES 320

/* ---- folders: made in the working folder, removed with all that is in them ---- */
char *folder_new(void);
void folder_remove(char *folder);
void lmdb_url(const char *folder, char url[URL_BYTES]);
void path_in(const char *folder, const char *name, char path[URL_BYTES]);
char *file_read(const char *path, size_t *bytes_len);
void file_write(const char *path, const void *bytes, size_t bytes_len);

/* ---- content ---- */
hl__record *record_named(const char *name, const char *extra, uint64_t revision);
hl__store *open_store(const char *url);
void close_store(hl__store *store);
uint64_t revision_of(hl__store *store);

/* ---- a store of a test's own: cmocka's setup and teardown ---- */
typedef struct own_store {
    char *folder; /* NULL: in memory */
    char url[URL_BYTES];
    hl__store *store;
} own_store;

int own_store_in_memory(void **state);
int own_store_in_lmdb(void **state);
int own_store_end(void **state);

#define ON_BOTH(test)                                                                                                  \
    {#test " [memory]", test, own_store_in_memory, own_store_end, NULL},                                               \
    {                                                                                                                  \
#test " [lmdb]", test, own_store_in_lmdb, own_store_end, NULL                                                  \
    }

/* ---- changes ---- */

/* One change on the store's own revision. */
hl_status put_plugin(hl__store *store, const char *name, const char *extra);
hl_status drop_plugin(hl__store *store, const char *name);
hl_status put_event(hl__store *store, const char *name, unsigned flags);
hl_status put_document(hl__store *store, const char *key, const char *text); /* text NULL: removes it */

/* Content as text, one item after the other in their order: "+name=extra " for a record, "-name " for one that is gone,
 * "!name=flags " for an event. Freed by the caller. */
char *all_of(hl__store *store);
char *changes_of(hl__store *store, uint64_t since);
/* "key=text " for each document whose key begins with prefix, in the store's order. */
char *documents_of(hl__store *store, const char *prefix);
hl_status try_changes(hl__store *store, uint64_t since);
hl_status try_load(hl__store *store);

#define assert_content(store, expected)                                                                                \
    do {                                                                                                               \
        char *found_ = all_of(store);                                                                                  \
        assert_string_equal(found_, expected);                                                                         \
        free(found_);                                                                                                  \
    } while (0)

#define assert_changes(store, since, expected)                                                                         \
    do {                                                                                                               \
        char *found_ = changes_of(store, since);                                                                       \
        assert_string_equal(found_, expected);                                                                         \
        free(found_);                                                                                                  \
    } while (0)

#define assert_documents(store, prefix, expected)                                                                      \
    do {                                                                                                               \
        char *found_ = documents_of(store, prefix);                                                                    \
        assert_string_equal(found_, expected);                                                                         \
        free(found_);                                                                                                  \
    } while (0)

/* Whether the store's watch is readable within the time. */
bool watch_fires(hl__store *store, int timeout_ms);

/* ---- helper processes: tests/store/programs/store_child.c ---- */
typedef struct child {
    pid_t pid;
    int out; /* reads its standard output */
    int in;  /* writes its standard input; when closed the child ends */
} child;

child child_start(const char *mode, const char *folder, const char *argument);
/* The next line without its end mark; false at the end of the output. */
bool child_line(const child *running, char *line, size_t line_len);
void child_kill(child *running);
/* Waits until it has ended by itself; its exit status. */
int child_end(child *running);

#endif

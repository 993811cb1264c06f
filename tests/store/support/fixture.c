/* Folders, records, snapshots and helper processes for the tests of the store. */
#include "tests/store/support/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* ---- folders ---- */

char *folder_new(void)
{
    char *folder = strdup("store-XXXXXX");
    assert_non_null(folder);
    assert_non_null(mkdtemp(folder));
    return folder;
}

static int remove_one(const char *path, const struct stat *file, int kind, struct FTW *walk)
{
    (void)file;
    (void)kind;
    (void)walk;
    return remove(path);
}

void folder_remove(char *folder)
{
    assert_int_equal(nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(folder);
}

void lmdb_url(const char *folder, char url[URL_BYTES])
{
    snprintf(url, URL_BYTES, "lmdb:%s", folder);
}

void path_in(const char *folder, const char *name, char path[URL_BYTES])
{
    snprintf(path, URL_BYTES, "%s/%s", folder, name);
}

char *file_read(const char *path, size_t *bytes_len)
{
    struct stat file;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &file), 0);
    char *bytes = malloc((size_t)file.st_size + 1);
    assert_non_null(bytes);
    assert_int_equal(read(fd, bytes, (size_t)file.st_size), file.st_size);
    close(fd);
    *bytes_len = (size_t)file.st_size;
    return bytes;
}

void file_write(const char *path, const void *bytes, size_t bytes_len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, bytes_len), bytes_len);
    close(fd);
}

/* ---- content ---- */

hl__record *record_named(const char *name, const char *extra, uint64_t revision)
{
    hl__record from = {.name = name,
                       .event = "request",
                       .extension = "host",
                       .extra = extra,
                       .priority = 100,
                       .status = HL_STARTED,
                       .library = "",
                       .library_stamp = "",
                       .version = "",
                       .inserted_at = 1700000000,
                       .updated_at = 1700000001,
                       .revision = revision};
    assert_int_equal(hl__uuid_new(from.id), HL_OK);
    hl__record *record = hl__record_new(&from);
    assert_non_null(record);
    return record;
}

hl__store *open_store(const char *url)
{
    hl__store *store = NULL;
    hl_status status = hl__store_open(url, 0, 0, &store);
    if (status != HL_OK)
        fail_msg("%s: %s", url, hl_last_error()->message);
    store->ops->watch_fd(store);
    store->ops->watch_drain(store);
    return store;
}

void close_store(hl__store *store)
{
    store->ops->close(store);
}

static own_store *own_store_new(void)
{
    own_store *own = calloc(1, sizeof(*own));

    assert_non_null(own);
    return own;
}

int own_store_in_memory(void **state)
{
    own_store *own = own_store_new();

    strcpy(own->url, "memory:own");
    own->store = open_store(own->url);
    *state = own;
    return 0;
}

int own_store_in_lmdb(void **state)
{
    own_store *own = own_store_new();

    own->folder = folder_new();
    lmdb_url(own->folder, own->url);
    own->store = open_store(own->url);
    *state = own;
    return 0;
}

int own_store_end(void **state)
{
    own_store *own = *state;

    close_store(own->store);
    if (own->folder)
        folder_remove(own->folder);
    free(own);
    return 0;
}

uint64_t revision_of(hl__store *store)
{
    uint64_t revision = UINT64_MAX;
    assert_int_equal(store->ops->revision(store, &revision), HL_OK);
    return revision;
}

static hl_status commit_one(hl__store *store, const hl__store_change *change, const char *action)
{
    hl__store_commit commit = {revision_of(store), change, 1, action};
    return store->ops->commit(store, &commit);
}

hl_status put_plugin(hl__store *store, const char *name, const char *extra)
{
    hl__record *record = record_named(name, extra, revision_of(store) + 1);
    hl_status status = commit_one(store, &(hl__store_change){.record = record}, "register");
    hl__record_unref(record);
    return status;
}

hl_status drop_plugin(hl__store *store, const char *name)
{
    return commit_one(store, &(hl__store_change){.gone = name}, "unregister");
}

hl_status put_event(hl__store *store, const char *name, unsigned flags)
{
    hl__event_def *def = hl__event_def_new(name, flags, NULL);
    assert_non_null(def);
    hl_status status = commit_one(store, &(hl__store_change){.event = def}, "define");
    hl__event_def_unref(def);
    return status;
}

hl_status put_document(hl__store *store, const char *key, const char *text)
{
    return commit_one(store, &(hl__store_change){.document = key, .text = text}, "document");
}

static hl_status print_record(void *user, hl__record *record)
{
    fprintf(user, "+%s=%s ", record->name, record->extra);
    hl__record_unref(record);
    return HL_OK;
}

static hl_status print_gone(void *user, const char *name)
{
    fprintf(user, "-%s ", name);
    return HL_OK;
}

static hl_status print_event(void *user, hl__event_def *def)
{
    fprintf(user, "!%s=%u ", def->name, def->flags);
    hl__event_def_unref(def);
    return HL_OK;
}

/* since UINT64_MAX: everything */
static hl_status visit(hl__store *store, uint64_t since, char **text)
{
    size_t text_len;
    uint64_t revision;
    FILE *out = open_memstream(text, &text_len);
    assert_non_null(out);
    hl__store_visitor visitor = {print_record, print_gone, print_event, out};
    hl_status status = since == UINT64_MAX ? store->ops->load(store, &visitor, &revision)
                                           : store->ops->changes(store, since, &visitor, &revision);
    fclose(out);
    if (status == HL_OK)
        assert_int_equal(revision, revision_of(store));
    return status;
}

char *all_of(hl__store *store)
{
    char *text = NULL;
    if (visit(store, UINT64_MAX, &text) != HL_OK)
        fail_msg("%s", hl_last_error()->message);
    return text;
}

char *changes_of(hl__store *store, uint64_t since)
{
    char *text = NULL;
    if (visit(store, since, &text) != HL_OK)
        fail_msg("%s", hl_last_error()->message);
    return text;
}

char *documents_of(hl__store *store, const char *prefix)
{
    hl__store_documents list = {0};
    size_t text_len;
    char *text;
    FILE *out = open_memstream(&text, &text_len);

    assert_non_null(out);
    assert_int_equal(store->ops->documents(store, prefix, HL__STORE_NEWEST, &list), HL_OK);
    for (size_t i = 0; i < list.len; i++)
        fprintf(out, "%s=%s ", list.items[i].key, list.items[i].text);
    fclose(out);
    hl__store_documents_cleanup(&list);
    return text;
}

hl_status try_changes(hl__store *store, uint64_t since)
{
    char *text = NULL;
    hl_status status = visit(store, since, &text);
    free(text);
    return status;
}

hl_status try_load(hl__store *store)
{
    return try_changes(store, UINT64_MAX);
}

bool watch_fires(hl__store *store, int timeout_ms)
{
    struct pollfd watch = {.fd = store->ops->watch_fd(store), .events = POLLIN};
    return poll(&watch, 1, timeout_ms) == 1;
}

/* ---- helper processes ---- */

child child_start(const char *mode, const char *folder, const char *argument)
{
    static char program[] = HL_TEST_PROGRAMS "/store_child";
    char *const arguments[] = {program, (char *)(uintptr_t)mode, (char *)(uintptr_t)folder,
                               (char *)(uintptr_t)(argument ? argument : ""), NULL};
    int out[2], in[2];
    child started;
    posix_spawn_file_actions_t actions;

    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    assert_int_equal(posix_spawn(&started.pid, program, &actions, NULL, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    close(in[0]);
    started.out = out[0];
    started.in = in[1];
    return started;
}

bool child_line(const child *running, char *line, size_t line_len)
{
    size_t at = 0;
    char byte;
    while (read(running->out, &byte, 1) == 1) {
        if (byte == '\n') {
            line[at] = '\0';
            return true;
        }
        if (at + 1 < line_len)
            line[at++] = byte;
    }
    line[at] = '\0';
    return false;
}

int child_end(child *running)
{
    int status = 0;
    close(running->in);
    while (waitpid(running->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    close(running->out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void child_kill(child *running)
{
    kill(running->pid, SIGKILL);
    assert_int_equal(child_end(running), 128 + SIGKILL);
}

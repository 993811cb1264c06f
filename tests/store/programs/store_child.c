/* The other process in the tests of the store: store_child MODE FOLDER ARGUMENT. It says what it did on standard
 * output, line by line, and ends with its standard input or with its parent. */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "core/error.h"
#include "store/env.h"
#include "store/store.h"

static char url[4200];

static int tell_failure(void)
{
    printf("%s %s\n", hl_status_name(hl_last_error()->status), hl_last_error()->message);
    fflush(stdout);
    return 1;
}

static hl__record *make_record(const char *name, const char *extra, uint64_t revision)
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
                       .revision = revision};
    return hl__uuid_new(from.id) == HL_OK ? hl__record_new(&from) : NULL;
}

static hl_status put(hl__store *store, const char *const *names, size_t names_len, const char *extra)
{
    hl__store_change changes[4];
    uint64_t revision;

    hl_status status = store->ops->revision(store, &revision);
    if (status != HL_OK)
        return status;
    for (size_t i = 0; i < names_len; i++)
        changes[i] = (hl__store_change){.record = make_record(names[i], extra, revision + 1)};
    hl__store_commit commit = {revision, changes, names_len, "register"};
    status = store->ops->commit(store, &commit);
    for (size_t i = 0; i < names_len; i++)
        hl__record_unref(changes[i].record);
    return status;
}

static int put_once(hl__store *store, const char *name)
{
    if (put(store, &name, 1, "by a child") != HL_OK)
        return tell_failure();
    puts("done");
    return 0;
}

/* Dies for the others between its commit and its notice. */
static int put_silently(hl__store *store, const char *name)
{
    hl__env *env = ((hl__opener *)store)->env;
    close(env->notify_fd);
    env->notify_fd = -1;
    return put_once(store, name);
}

/* Commits without pause; each commit sets "left" and "right" to the same number, which is told when it is durable. */
static int hammer(hl__store *store, const char *first)
{
    static const char *const names[] = {"left", "right"};
    char number[24];

    for (long i = atol(first);; i++) {
        snprintf(number, sizeof(number), "%ld", i);
        hl_status status = put(store, names, 2, number);
        if (status == HL_ERR_CONFLICT) {
            i--;
            continue;
        }
        if (status != HL_OK)
            return tell_failure();
        puts(number);
        fflush(stdout);
        usleep(50); /* the writer lock is unfair */
    }
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Tells the time at which it saw each new revision, woken by notices only. */
static int watch(hl__store *store, const char *count)
{
    struct pollfd ready = {.fd = store->ops->watch_fd(store), .events = POLLIN};
    uint64_t seen, revision;

    if (store->ops->revision(store, &seen) != HL_OK)
        return tell_failure();
    puts("ready");
    fflush(stdout);
    for (long left = atol(count); left > 0;) {
        if (poll(&ready, 1, 10000) != 1)
            return 1;
        store->ops->watch_drain(store);
        if (store->ops->revision(store, &revision) != HL_OK)
            return tell_failure();
        if (revision == seen)
            continue;
        left -= (long)(revision - seen);
        seen = revision;
        printf("%" PRIu64 " %" PRIu64 "\n", revision, now_ns());
        fflush(stdout);
    }
    return 0;
}

/* Holds a snapshot until it is killed. */
static int hold(hl__store *store, const char *unused)
{
    MDB_txn *txn;
    char byte;

    (void)unused;
    if (hl__env_begin_read((hl__opener *)store, "hold", &txn) != HL_OK)
        return tell_failure();
    puts("holding");
    fflush(stdout);
    return read(STDIN_FILENO, &byte, 1) == 0 ? 0 : 1;
}

/* Commits ever larger records until the limit on the size of files stops it; then tells how many went in. */
static int fill(hl__store *store, const char *limit_bytes)
{
    struct rlimit limit = {(rlim_t)atol(limit_bytes), (rlim_t)atol(limit_bytes)};
    static char extra[60001];
    char name[24];
    const char *names[] = {name};

    signal(SIGXFSZ, SIG_IGN);
    memset(extra, 'x', sizeof(extra) - 1);
    if (limit.rlim_cur && setrlimit(RLIMIT_FSIZE, &limit) != 0)
        return 1;
    for (int i = 0; i < 10000; i++) {
        snprintf(name, sizeof(name), "plugin-%d", i);
        if (put(store, names, 1, extra) == HL_OK)
            continue;
        printf("%d\n", i);
        tell_failure();
        return 0;
    }
    return 1;
}

static void limit_address_space(const char *bytes)
{
    struct rlimit limit = {(rlim_t)atol(bytes), (rlim_t)atol(bytes)};
    if (setrlimit(RLIMIT_AS, &limit) != 0)
        _exit(1);
}

static hl_status count_one(void *user, hl__record *record)
{
    ++*(long *)user;
    hl__record_unref(record);
    return HL_OK;
}

static hl_status skip_event(void *user, hl__event_def *def)
{
    (void)user;
    hl__event_def_unref(def);
    return HL_OK;
}

static int count(hl__store *store, const char *unused)
{
    long records = 0;
    uint64_t revision;
    hl__store_visitor visitor = {.record = count_one, .event = skip_event, .user = &records};

    (void)unused;
    if (store->ops->load(store, &visitor, &revision) != HL_OK)
        return tell_failure();
    printf("%ld at %" PRIu64 "\n", records, revision);
    return 0;
}

typedef struct mode {
    const char *name;
    unsigned flags;
    int (*run)(hl__store *store, const char *argument);
    void (*before)(const char *argument); /* before the store is opened */
    bool as_nobody;
} mode;

static const mode modes[] = {
    {"put", 0, put_once, NULL, false},
    {"put-silently", 0, put_silently, NULL, false},
    {"hammer", 0, hammer, NULL, false},
    {"watch", 0, watch, NULL, false},
    {"hold", 0, hold, NULL, false},
    {"fill", 0, fill, NULL, false},
    {"count", 0, count, NULL, false},
    {"fill-small", 0, fill, limit_address_space, false},
    {"count-read-only", HL__STORE_READ_ONLY, count, NULL, false},
    {"put-read-only", HL__STORE_READ_ONLY, put_once, NULL, false},
    {"nobody-put", 0, put_once, NULL, true},
    {"nobody-count-read-only", HL__STORE_READ_ONLY, count, NULL, true},
};

static int run(const mode *chosen, const char *argument)
{
    hl__store *store;

    if (chosen->before)
        chosen->before(argument);
    if (chosen->as_nobody && geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
        return 2;
    if (hl__store_open(url, chosen->flags, 0, &store) != HL_OK)
        return tell_failure();
    int result = chosen->run(store, chosen->run == fill && chosen->before ? "0" : argument);
    store->ops->close(store);
    return result;
}

int main(int argc, char **argv)
{
    struct rlimit no_core = {0, 0};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CORE, &no_core);
    if (argc != 4)
        return 2;
    snprintf(url, sizeof(url), "lmdb:%s", argv[2]);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(modes[i].name, argv[1]) == 0)
            return run(&modes[i], argv[3]);
    }
    return 2;
}

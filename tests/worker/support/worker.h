/* A worker as the tests of this room use it: started, called, ended, and everything that it held looked for. */
#ifndef TESTS_WORKER_WORKER_H
#define TESTS_WORKER_WORKER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/worker/support/deed.h"
#include "worker/plugin_call.h"
#include "worker/start.h"

typedef struct worker {
    hl__channel *channel;
    hl__child child;
    int report_fd;
    char *cgroup;
    hl__report_head ready;     /* its first report */
    char text[HL__REPORT_MAX]; /* and its text */
} worker;

typedef struct worker_options {
    const char *library; /* file name in HL_TEST_PLUGINS, or a path; NULL: obedient.so */
    int library_fd;      /* used in its place where it is not 0 */
    const char *entry;   /* NULL: "obedient" */
    const hl_sandbox *sandbox;
    const char *beside; /* one path */
    uint32_t slots;     /* 0: 1 */
    size_t bytes;       /* 0: 4096 */
} worker_options;

/* Starts it, and hears nothing yet. */
void worker_spawn(worker *worker, const worker_options *options);
/* Starts it, and waits for its first report, which may be a refusal. Fails the test when nothing is heard. */
void worker_start(worker *worker, const worker_options *options);
/* The same; fails the test unless it is ready. */
void worker_ready(worker *worker, const worker_options *options);
/* Waits for a report: as hl__worker_heard, 0 after five seconds. */
int worker_hear(worker *worker, hl__report_head *head, char text[HL__REPORT_MAX]);
/* Kills it, and frees everything. */
hl__child_end worker_finish(worker *worker);

/* Waits until it has ended by itself, at most five seconds; fails the test otherwise. Then as worker_finish. */
hl__child_end worker_await_end(worker *worker);

/* Posts `len` bytes of state in a claimed slot; the slot. */
int worker_post(worker *worker, const void *state, uint32_t len, uint64_t deadline_ns);
/* One whole call. For HL__REPLIED the reply's state is copied back. */
hl__wait_end worker_call(worker *worker, void *state, uint32_t len, unsigned timeout_ms, hl__reply_head *reply);
/* Has the obedient plugin do something, within five seconds; fails the test when it does not reply. */
deed worker_do(worker *worker, const char *what, const char *path, int64_t number);
/* The same for a deed that ends otherwise. */
hl__wait_end worker_try(worker *worker, const char *what, int64_t number, unsigned timeout_ms);

uint64_t after_ms(unsigned ms); /* CLOCK_MONOTONIC */

/* cmocka group setup and teardown: a folder for the test's files. */
int folder_begin(void **state);
int folder_end(void **state);
/* A path in it. Static memory: the last 16 are good. */
const char *in_folder(const char *name);
void write_text(const char *path, const char *text);
/* Compiles a C source into a shared object in the folder, free of the build's sanitizers; its path. */
const char *build_library(const char *name, const char *source, const char *flags);

/* What this process holds: descriptors, shared mappings of channels, children. */
typedef struct holdings {
    size_t fds;
    size_t channels;
    size_t children;
} holdings;

holdings holdings_now(void);
void expect_same_holdings(const holdings *before);

/* Processes of a process group that live; those that nobody has reaped do not. */
size_t living_in_group(int group);

bool sanitized(void); /* whether this build has a sanitizer */

#endif

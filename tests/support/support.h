/* What the contract tests share: opening a runtime with the engine under test, plugins that leave a trail, one-line
 * questions about registry and chain, notices as text, other processes. Public headers only. */
#ifndef HL_TEST_SUPPORT_H
#define HL_TEST_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <hookline/hookline.h>

/* ---- opening ---- */

/* The engine that this run is about: $HOOKLINE_TEST_ENGINE, else the reference engine. */
hl_engine test_engine(void);
hl_runtime *test_open(const char *store, unsigned flags);
hl_event *test_event(hl_runtime *runtime, const char *name);
/* Waits until chains are compiled, and checks that the event runs under the engine of this run. */
void test_settle(hl_runtime *runtime, hl_event *event);

/* ---- plugins that leave a trail ---- */

/* The state of most tests: each plugin appends its name and a comma. */
typedef struct test_trail {
    char text[512];
} test_trail;

/* A plugin whose self is its name. */
hl_reply test_leave_name(void *self, void *state, const void *meta);
/* For tests that never look at the state. */
hl_reply test_do_nothing(void *self, void *state, const void *meta);

/* What to register; fields left out have hl_plugin_spec's defaults, `call` is test_leave_name, `self` the name. Strings
 * must live as long as the runtime. depends: names with commas between them. */
typedef struct test_plugin {
    const char *name, *event, *depends, *extension, *extra;
    int *priority; /* NULL: the default */
    hl_call_fn *call;
    void *self;
    hl_release_fn *release;
    hl_health_fn *health;
    hl_status_fn *on_status;
    hl_dependency_error_fn *on_dependency_error;
    const hl_contract *contract;
} test_plugin;

hl_status test_register(hl_runtime *runtime, const test_plugin *plugin, unsigned flags);
hl_status test_txn_register(hl_txn *txn, const test_plugin *plugin, unsigned flags);

/* PRIORITY(5) for test_plugin.priority. */
#define PRIORITY(value) (&(int){value})

/* Registers a plugin of the trail, or fails the test. add: as registered; run: started too. */
#define add(runtime, ...) test_add((runtime), &(test_plugin){__VA_ARGS__}, 0)
#define run(runtime, ...) test_add((runtime), &(test_plugin){__VA_ARGS__}, HL_START)
void test_add(hl_runtime *runtime, const test_plugin *plugin, unsigned flags);

/* ---- asking ---- */

/* "a,b," as a dispatch leaves it, checked against what hl_chain says. Static memory: the last 8 are good. */
const char *test_run_trail(hl_event *event);
/* The same of the dispatch alone, for waiting until it changes: another process may make a change between two
 * questions. */
const char *test_seen_trail(hl_event *event);
/* A plugin's status word; "absent" when there is none. */
const char *test_status(hl_runtime *runtime, const char *name);
/* "a=started b=held " of all plugins by event, priority and name. Static memory: the last 8 are good. */
const char *test_statuses(hl_runtime *runtime);
uint64_t test_revision(hl_runtime *runtime, const char *name); /* of the plugin's record */
hl_counters test_counters(hl_runtime *runtime);

/* Lines of hl_explain and the like, each ended by a newline; static, the last call's. */
typedef struct test_text {
    char text[64 * 1024];
    size_t len;
} test_text;

void test_take_line(const char *line, void *text);

/* ---- failures ---- */

#define ok(expression) assert_int_equal((expression), HL_OK)
/* Fails the test unless the call was refused with this status, and the error speaks of the field, with a message. */
#define refused(expression, wanted, field) test_refused((expression), (wanted), (field), __FILE__, __LINE__)
void test_refused(hl_status status, hl_status wanted, const char *field, const char *file, int line);
/* The same for a verdict. */
#define refused_call(reply, wanted) test_refused((hl_status)(reply).verdict, (wanted), NULL, __FILE__, __LINE__)

/* ---- notices ---- */

/* Notices of an eventfd subscription as lines: "registered a", "status a registered started", "swapped e", and so on.
 * Compiler notices are left out unless asked for: which of them come depends on how fast it is. */
typedef struct test_notices {
    hl_subscription *subscription;
    int fd;
    bool compiler;
    char text[32 * 1024];
} test_notices;

void test_notices_begin(hl_runtime *runtime, test_notices *notices);
const char *test_notices_take(test_notices *notices); /* what came since; empties it */
void test_notices_end(test_notices *notices);
void test_notice_line(const hl_notice *notice, char *line, size_t len);

/* ---- folders, processes, time ---- */

const char *test_folder(void); /* a new one in the working folder; static memory: the last 8 are good */
void test_folder_remove(const char *folder);
const char *test_lmdb(const char *folder); /* "lmdb:FOLDER"; static likewise */

/* Whether this build has a sanitizer: it keeps freed memory for a while, and its allocator does not survive a fork
 * while another thread allocates. */
bool test_sanitized(void);

/* Runs this very program again with these arguments (NULL-terminated, without the program's name). */
int test_spawn(const char *const *arguments);
/* The process's exit status, or minus the signal that ended it. */
int test_wait(int pid);
/* One byte through a file in the folder says that something has happened in the other process. */
void test_signal(const char *folder, const char *what);
void test_await(const char *folder, const char *what);

void test_sleep_ms(unsigned ms);
uint64_t test_now_ns(void);
/* Waits for a condition for at most ten seconds. */
#define eventually(condition)                                                                                          \
    do {                                                                                                               \
        bool came_ = false;                                                                                            \
        for (int tries_ = 0; tries_ < 10000 && !(came_ = (condition)); tries_++)                                       \
            test_sleep_ms(1);                                                                                          \
        _assert_true(came_, #condition, __FILE__, __LINE__);                                                           \
    } while (0)

#endif

/* Workers start, say so, serve, and end; what cannot start says why. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hookline/status.h>

#include "library/library.h"
#include "tests/worker/support/worker.h"

#define PLUGIN                                                                                                         \
    "#include <hookline/plugin.h>\n"                                                                                   \
    "#include <stdlib.h>\n#include <unistd.h>\n"                                                                       \
    "static hl_reply call(void *self, void *state, const void *meta)\n"                                                \
    "{ (void)self; (void)meta; return hl_next(state); }\n"                                                             \
    "static const hl_plugin_spec specs[] = {HL_PLUGIN_INIT(\"made\", \"event\", call)};\n"

static void a_worker_that_is_ready_does_what_it_is_asked(void **state)
{
    holdings before = holdings_now();
    worker worker;
    deed done;

    (void)state;
    worker_ready(&worker, &(worker_options){0});
    done = worker_do(&worker, "double", NULL, 21);
    assert_int_equal(done.result, 42);
    assert_int_equal(done.worker, worker.child.pid);
    assert_int_equal(worker_do(&worker, "calls", NULL, 0).result, 2);
    worker_finish(&worker);
    expect_same_holdings(&before);
}

/* 0, 1, 2, the report socket, and of the channel what wakes the worker and what wakes each caller. */
static void a_worker_holds_no_descriptor_but_its_own(void **state)
{
    int leak = open("/dev/null", O_RDONLY); /* without O_CLOEXEC, as a careless server has some */
    worker worker;

    (void)state;
    assert_true(leak >= 0);
    worker_ready(&worker, &(worker_options){.slots = 3});
    assert_int_equal(worker_do(&worker, "descriptors", NULL, 0).result, 4 + 1 + 3);
    worker_finish(&worker);
    close(leak);
}

static void secrets_of_the_environment_stay_with_the_server(void **state)
{
    worker worker;

    (void)state;
    setenv("HOOKLINE_TEST_SECRET", "password", 1);
    setenv("TZ", "UTC", 1);
    worker_ready(&worker, &(worker_options){0});
    assert_int_equal(worker_do(&worker, "variable", "HOOKLINE_TEST_SECRET", 0).result, 0);
    assert_int_equal(worker_do(&worker, "variable", "TZ", 0).result, 1);
    worker_finish(&worker);
    unsetenv("HOOKLINE_TEST_SECRET");
}

/* The file that was checked runs, though its path names another one by now. */
static void the_bytes_that_were_opened_are_the_bytes_that_run(void **state)
{
    char command[512];
    worker worker;
    int fd;

    (void)state;
    snprintf(command, sizeof(command), "cp %s/obedient.so %s", HL_TEST_PLUGINS, in_folder("moving.so"));
    assert_int_equal(system(command), 0);
    fd = open(in_folder("moving.so"), O_RDONLY | O_CLOEXEC);
    assert_int_equal(unlink(in_folder("moving.so")), 0);
    write_text(in_folder("moving.so"), "this is another file");
    worker_ready(&worker, &(worker_options){.library_fd = fd});
    assert_int_equal(worker_do(&worker, "double", NULL, 4).result, 8);
    worker_finish(&worker);
    close(fd);
}

static void a_worker_that_is_told_to_end_unloads_and_exits(void **state)
{
    const char *library = build_library("leaving.so",
                                        PLUGIN "static void unload(void) { _exit(42); }\n"
                                               "HL_PLUGIN_LIBRARY_HOOKS(\"made\", \"1.0.0\", specs, NULL, unload)\n",
                                        "");
    hl__child_end end;
    worker worker;

    (void)state;
    worker_ready(&worker, &(worker_options){.library = library, .entry = "made"});
    assert_int_equal(hl__worker_order(worker.channel, worker.report_fd, HL__ORDER_END, -1), HL_OK);
    end = worker_await_end(&worker);
    assert_true(end.known && !end.signalled);
    assert_int_equal(end.code, 42);
}

static void a_worker_without_an_unload_function_ends_with_0(void **state)
{
    hl__child_end end;
    worker worker;

    (void)state;
    worker_ready(&worker, &(worker_options){0});
    assert_int_equal(hl__worker_order(worker.channel, worker.report_fd, HL__ORDER_END, -1), HL_OK);
    end = worker_await_end(&worker);
    assert_true(end.known && !end.signalled);
    assert_int_equal(end.code, 0);
}

/* Between requests that follow each other without a pause, too. */
static void an_order_is_heard_by_a_busy_worker(void **state)
{
    uint64_t deadline_ns = after_ms(5000);
    hl__reply_head reply;
    worker worker;
    int rounds = 0;

    (void)state;
    worker_ready(&worker, &(worker_options){.slots = 2});
    for (;;) {
        deed deed = {.what = "double"};
        int slot = worker_post(&worker, &deed, sizeof(deed), deadline_ns);
        hl__wait_end end = hl__channel_wait(worker.channel, slot, worker.child.pidfd, deadline_ns, 100000, &reply);

        hl__channel_release(worker.channel, slot);
        if (rounds++ == 100)
            assert_int_equal(hl__worker_order(worker.channel, worker.report_fd, HL__ORDER_END, -1), HL_OK);
        if (end == HL__DIED)
            break;
        assert_int_equal(end, HL__REPLIED);
    }
    assert_true(rounds < 110);
    worker_await_end(&worker);
}

/* ---- what needs other libraries ---- */

static const char *build_leaning(void)
{
    char flags[512];
    const char *deep = build_library("libhookline-test-deep.so", "int deep(void) { return 5; }\n",
                                     "-Wl,-soname,libhookline-test-deep.so");
    const char *beside;

    snprintf(flags, sizeof(flags), "-Wl,-soname,libhookline-test-beside.so -Wl,-rpath,'$ORIGIN' %s", deep);
    beside =
        build_library("libhookline-test-beside.so", "int deep(void);\nint beside(void) { return deep(); }\n", flags);
    snprintf(flags, sizeof(flags), "-Wl,-rpath,'$ORIGIN' %s", beside);
    return build_library("leaning.so",
                         PLUGIN "int beside(void);\n"
                                "static int load(void) { return beside() - 5; }\n"
                                "HL_PLUGIN_LIBRARY_HOOKS(\"made\", \"1.0.0\", specs, load, NULL)\n",
                         flags);
}

/* A worker knows its library as an open file without a folder; what lies beside that, and beside those, is loaded all
 * the same. */
static void libraries_that_a_library_brings_are_loaded_before_it(void **state)
{
    const char *leaning = build_leaning();
    hl__library_file *file = NULL;
    char *beside = NULL;
    size_t len = 0;
    worker worker;

    (void)state;
    worker_start(&worker, &(worker_options){.library = leaning, .entry = "made"});
    assert_int_equal(worker.ready.kind, HL__REPORT_REFUSED);
    assert_non_null(strstr(worker.text, "libhookline-test-beside.so"));
    worker_finish(&worker);
    assert_int_equal(hl__library_read(leaning, &file), HL_OK);
    assert_int_equal(hl__library_besides(file, &beside, &len), HL_OK);
    assert_int_equal(len, strlen(beside) + 1);
    worker_ready(&worker, &(worker_options){.library = leaning, .entry = "made", .beside = beside});
    worker_finish(&worker);
    hl__library_file_free(file);
    free(beside);
}

/* ---- refusals ---- */

static void expect_refusal(const worker_options *options, hl_status status, const char *words)
{
    holdings before = holdings_now();
    hl__child_end end;
    worker worker;

    worker_start(&worker, options);
    assert_int_equal(worker.ready.kind, HL__REPORT_REFUSED);
    assert_int_equal(worker.ready.status, status);
    if (!strstr(worker.text, words))
        fail_msg("%s does not say %s", worker.text, words);
    end = worker_await_end(&worker);
    assert_true(end.known && !end.signalled);
    expect_same_holdings(&before);
}

static void what_cannot_be_loaded_is_refused_in_a_sentence(void **state)
{
    (void)state;
    write_text(in_folder("text.so"), "no library");
    expect_refusal(&(worker_options){.library = in_folder("text.so")}, HL_ERR_LIBRARY, "cannot be loaded in a worker");
    expect_refusal(&(worker_options){.entry = "absent"}, HL_ERR_NOT_FOUND, "no plugin absent");
    expect_refusal(&(worker_options){.library = build_library("bare.so", "int nothing;\n", "")}, HL_ERR_NO_ENTRY,
                   "exports no hookline_plugin");
}

static void a_load_function_that_refuses_is_told_with_its_number(void **state)
{
    const char *library = build_library("unwilling.so",
                                        PLUGIN "static int load(void) { return 7; }\n"
                                               "HL_PLUGIN_LIBRARY_HOOKS(\"made\", \"1.0.0\", specs, load, NULL)\n",
                                        "");

    (void)state;
    expect_refusal(&(worker_options){.library = library, .entry = "made"}, HL_ERR_LIBRARY, "it returned 7");
}

static void too_little_memory_is_a_refusal(void **state)
{
    hl_sandbox sandbox = {.size = sizeof(sandbox), .memory_bytes = 4096};

    (void)state;
    if (sanitized())
        skip();
    expect_refusal(&(worker_options){.sandbox = &sandbox}, HL_ERR_LIBRARY, "cannot be loaded in a worker");
}

/* A constructor runs before anything is said. */
static void a_library_that_dies_as_it_is_loaded_is_seen_to_die(void **state)
{
    const char *library =
        build_library("dying.so",
                      PLUGIN "__attribute__((constructor)) static void die(void) { *(int *)16 = 1; }\n"
                             "HL_PLUGIN_LIBRARY(\"made\", \"1.0.0\", specs)\n",
                      "");
    hl__report_head head;
    char text[HL__REPORT_MAX];
    hl__child_end end;
    hl__fault fault;
    worker worker;

    (void)state;
    worker_spawn(&worker, &(worker_options){.library = library, .entry = "made"});
    assert_int_equal(worker_hear(&worker, &head, text), HL__HEARD_END);
    fault = hl__channel_fault(worker.channel);
    end = worker_await_end(&worker);
    assert_true(end.known && end.signalled);
    assert_int_equal(end.code, SIGSEGV);
    assert_int_equal(fault.signal, SIGSEGV);
    assert_int_equal(fault.slot, -1);
    assert_int_equal(fault.address, 16);
}

static hl_status start_with(const char *program)
{
    char *kept = strdup(getenv("HOOKLINE_WORKER") ? getenv("HOOKLINE_WORKER") : "");
    hl__start_spec spec = {.kind = HL__WORKER_PLUGIN, .entry = "made"};
    hl__child child;
    void *plan = NULL;
    char *cgroup = NULL;
    int report_fd = -1;
    hl_status status;

    assert_non_null(kept);
    setenv("HOOKLINE_WORKER", program, 1);
    spec.library_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(hl__sandbox_plan(NULL, &plan, &spec.plan_len), HL_OK);
    assert_int_equal(hl__channel_new(1, 64, &spec.channel), HL_OK);
    spec.plan = plan;
    status = hl__worker_start(&spec, &child, &report_fd, &cgroup);
    setenv("HOOKLINE_WORKER", kept, 1);
    hl__child_finish(&child);
    if (report_fd >= 0)
        close(report_fd);
    hl__channel_free(spec.channel);
    close(spec.library_fd);
    free(plan);
    free(kept);
    return status;
}

static void a_missing_program_is_told_with_its_path_and_leaves_nothing(void **state)
{
    holdings before = holdings_now();

    (void)state;
    assert_int_equal(start_with("/nowhere/hookline-worker"), HL_ERR_SYSTEM);
    assert_string_equal(hl_last_error()->field, "HOOKLINE_WORKER");
    assert_non_null(strstr(hl_last_error()->message, "/nowhere/hookline-worker"));
    expect_same_holdings(&before);
}

static void a_program_that_is_no_worker_says_nothing_and_ends(void **state)
{
    char *kept = strdup(getenv("HOOKLINE_WORKER") ? getenv("HOOKLINE_WORKER") : "");
    hl__report_head head;
    char text[HL__REPORT_MAX];
    worker worker;

    (void)state;
    assert_non_null(kept);
    setenv("HOOKLINE_WORKER", "/bin/true", 1);
    worker_spawn(&worker, &(worker_options){0});
    setenv("HOOKLINE_WORKER", kept, 1);
    free(kept);
    assert_int_equal(worker_hear(&worker, &head, text), HL__HEARD_END);
    worker_await_end(&worker);
}

static void the_program_alone_says_what_it_is_for(void **state)
{
    char command[1024];

    (void)state;
    snprintf(command, sizeof(command), "$HOOKLINE_WORKER 2>&1 | grep -q 'started by Hookline'");
    assert_int_equal(system(command), 0);
    assert_int_equal(WEXITSTATUS(system("$HOOKLINE_WORKER 2>/dev/null")), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_that_is_ready_does_what_it_is_asked),
        cmocka_unit_test(a_worker_holds_no_descriptor_but_its_own),
        cmocka_unit_test(secrets_of_the_environment_stay_with_the_server),
        cmocka_unit_test(the_bytes_that_were_opened_are_the_bytes_that_run),
        cmocka_unit_test(a_worker_that_is_told_to_end_unloads_and_exits),
        cmocka_unit_test(a_worker_without_an_unload_function_ends_with_0),
        cmocka_unit_test(an_order_is_heard_by_a_busy_worker),
        cmocka_unit_test(libraries_that_a_library_brings_are_loaded_before_it),
        cmocka_unit_test(what_cannot_be_loaded_is_refused_in_a_sentence),
        cmocka_unit_test(a_load_function_that_refuses_is_told_with_its_number),
        cmocka_unit_test(too_little_memory_is_a_refusal),
        cmocka_unit_test(a_library_that_dies_as_it_is_loaded_is_seen_to_die),
        cmocka_unit_test(a_missing_program_is_told_with_its_path_and_leaves_nothing),
        cmocka_unit_test(a_program_that_is_no_worker_says_nothing_and_ends),
        cmocka_unit_test(the_program_alone_says_what_it_is_for),
    };

    return cmocka_run_group_tests(tests, folder_begin, folder_end);
}

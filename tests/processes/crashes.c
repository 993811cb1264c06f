/* Fault records: a server that dies in a plugin leaves its name, the next one tells of it, and a plugin in which
 * servers die again and again is held. */
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/processes/support/peer.h"

extern char **environ;

/* ---- the process that dies ---- */

static pid_t start(const char *const *words)
{
    const char *argv[16] = {HL_TEST_PROGRAMS "/doomed_program", peer_store};
    size_t len = 2;
    pid_t pid;

    for (; *words && len < 15; words++)
        argv[len++] = *words;
    assert_int_equal(posix_spawn(&pid, argv[0], NULL, NULL, (char *const *)(uintptr_t)argv, environ), 0);
    return pid;
}

#define doomed(...) start((const char *const[]){__VA_ARGS__, NULL})

/* Sanitizers handle faults themselves and exit. */
static void died_by(pid_t pid, int signal)
{
    int ended = test_wait(pid);

    if (test_sanitized())
        assert_int_not_equal(ended, 0);
    else
        assert_int_equal(ended, -signal);
}

/* ---- what is told of it ---- */

typedef struct told {
    hl_crash_info rows[16];
    char plugin[16][64], version[16][16], event[16][64], text[16][256];
    size_t len;
} told;

static bool add_crash(const hl_crash_info *info, void *user)
{
    told *to = user;

    assert_true(to->len < 16);
    assert_true(info->size == sizeof(*info));
    to->rows[to->len] = *info;
    snprintf(to->plugin[to->len], sizeof(to->plugin[0]), "%s", info->plugin);
    snprintf(to->version[to->len], sizeof(to->version[0]), "%s", info->version);
    snprintf(to->event[to->len], sizeof(to->event[0]), "%s", info->event);
    snprintf(to->text[to->len], sizeof(to->text[0]), "%s", info->text);
    to->len++;
    return true;
}

/* As a runtime sees them that is opened for it. */
static told crashes(unsigned flags)
{
    hl_runtime *runtime = peer_open(flags);
    told found = {.len = 0};

    ok(hl_crashes(runtime, add_crash, &found));
    hl_close(runtime);
    return found;
}

/* The process dies, and a server starts after it. */
static told crashes_after(pid_t pid, int signal)
{
    died_by(pid, signal);
    return crashes(0);
}

static void expect_crash(const told *found, size_t at, const char *plugin, const char *event, int signal, pid_t pid)
{
    assert_true(found->len > at);
    assert_string_equal(found->plugin[at], plugin);
    assert_string_equal(found->event[at], event);
    assert_int_equal(found->rows[at].signal, signal);
    assert_int_equal(found->rows[at].pid, pid);
    assert_false(found->rows[at].in_worker);
    assert_int_equal(found->rows[at].exit_status, 0);
    assert_true(found->rows[at].at > 1700000000);
}

static size_t files_left(void)
{
    char command[512];
    FILE *from;
    size_t count = 0;

    snprintf(command, sizeof(command), "ls %s/faults 2>/dev/null | wc -l", peer_store + strlen("lmdb:"));
    from = popen(command, "r");
    assert_non_null(from);
    assert_int_equal(fscanf(from, "%zu", &count), 1);
    pclose(from);
    return count;
}

/* ---- cases ---- */

static void the_only_plugin_of_a_chain_is_named(void **state)
{
    pid_t pid = doomed("alone", "host-code");
    told found;

    (void)state;
    died_by(pid, SIGSEGV);
    assert_int_equal(files_left(), 1);
    found = crashes(0);
    assert_int_equal(found.len, 1);
    expect_crash(&found, 0, "only", "e", SIGSEGV, pid);
    assert_true(found.rows[0].address == 16);
    assert_true(found.rows[0].generation > 0);
    assert_string_equal(found.text[0], "SIGSEGV at 0x10 in plugin \"only\" of event \"e\"");
    assert_int_equal(files_left(), 0);
    assert_int_equal(crashes(0).len, 1); /* told once, and kept */
}

static void the_instruction_names_the_plugin_of_a_library(void **state)
{
    pid_t pid = doomed("host", "library", "library-code");
    told found = crashes_after(pid, SIGSEGV);

    (void)state;
    expect_crash(&found, 0, "crasher", "e", SIGSEGV, pid);
    assert_string_equal(found.version[0], "3.1.0");
}

static void a_watched_event_names_the_plugin_wherever_the_instruction_is(void **state)
{
    pid_t pid = doomed("host", "library", "watch", "libc-code");
    told found = crashes_after(pid, SIGSEGV);

    (void)state;
    expect_crash(&found, 0, "crasher", "e", SIGSEGV, pid);
}

static void an_abort_is_a_crash_too(void **state)
{
    pid_t pid = doomed("host", "watch", "abort");
    told found = crashes_after(pid, SIGABRT);

    (void)state;
    expect_crash(&found, 0, "second", "e", SIGABRT, pid);
    assert_string_equal(found.text[0], "SIGABRT in plugin \"second\" of event \"e\"");
}

/* Told on the alternate stack that dispatching threads get. */
static void a_stack_that_runs_over_is_recorded(void **state)
{
    pid_t pid = doomed("alone", "overflow");
    told found = crashes_after(pid, SIGSEGV);

    (void)state;
    expect_crash(&found, 0, "only", "e", SIGSEGV, pid);
}

static void the_handler_that_was_there_before_still_decides(void **state)
{
    pid_t pid;
    told found;

    (void)state;
    pid = doomed("handler", "alone", "host-code");
    assert_int_equal(test_wait(pid), 7);
    found = crashes(0);
    assert_int_equal(found.len, 1);
    expect_crash(&found, 0, "only", "e", SIGSEGV, pid);
}

static void what_an_earlier_handler_repairs_is_no_crash(void **state)
{
    (void)state;
    assert_int_equal(test_wait(doomed("repair", "alone", "repaired")), 0);
    assert_int_equal(files_left(), 1); /* it has not closed its runtime */
    assert_int_equal(crashes(0).len, 0);
    assert_int_equal(files_left(), 0);
}

static void a_process_that_ends_well_leaves_nothing(void **state)
{
    (void)state;
    assert_int_equal(test_wait(doomed("alone", "close")), 0);
    assert_int_equal(files_left(), 0);
    assert_int_equal(crashes(0).len, 0);
}

static void outside_of_dispatches_no_plugin_is_blamed(void **state)
{
    pid_t pid = doomed("alone", "outside");
    told found = crashes_after(pid, SIGSEGV);

    (void)state;
    expect_crash(&found, 0, "", "", SIGSEGV, pid);
    assert_string_equal(found.text[0], "SIGSEGV at 0x0 outside of every dispatch");
}

/* Whatever code runs at the moment has nothing to do with it. */
static void a_signal_from_another_process_is_nobodys_crash(void **state)
{
    pid_t pid = doomed("alone", "sent");

    (void)state;
    eventually(files_left() == 1);
    test_sleep_ms(200);
    kill(pid, SIGSEGV);
    died_by(pid, SIGSEGV);
    assert_int_equal(crashes(0).len, 0);
}

/* It writes to the file of its parent, which tells of it when the parent has ended. */
static void a_forked_childs_crash_is_recorded_with_its_own_pid(void **state)
{
    pid_t pid;
    told found;

    (void)state;
    if (test_sanitized())
        skip();
    pid = doomed("alone", "fork");
    assert_int_equal(test_wait(pid), 0);
    found = crashes(0);
    assert_int_equal(found.len, 1);
    assert_string_equal(found.plugin[0], "only");
    assert_int_not_equal(found.rows[0].pid, pid);
}

/* The command lists what nobody has taken over yet. */
static void an_operator_sees_it_before_a_server_has_started_again(void **state)
{
    pid_t pid = doomed("alone", "host-code");
    told found;

    (void)state;
    died_by(pid, SIGSEGV);
    found = crashes(HL_OPEN_RECORDS_ONLY | HL_OPEN_READ_ONLY);
    expect_crash(&found, 0, "only", "e", SIGSEGV, pid);
    assert_int_equal(files_left(), 1);
}

static const char *hold_of(const char *name)
{
    static char hold[512];
    hl_runtime *runtime = peer_open(HL_OPEN_RECORDS_ONLY);
    hl_plugin_info info;

    ok(hl_plugin_get(runtime, name, &info));
    snprintf(hold, sizeof(hold), "%s", info.hold);
    hl_plugin_info_cleanup(&info);
    hl_close(runtime);
    return hold;
}

static void restart(const char *name)
{
    hl_runtime *runtime = peer_open(HL_OPEN_RECORDS_ONLY);

    ok(hl_restart(runtime, name, 0));
    hl_close(runtime);
}

static void two_crashes_hold_the_plugin_until_it_is_restarted(void **state)
{
    (void)state;
    for (int round = 0; round < 2; round++) {
        died_by(doomed("host", "library", "library-code"), SIGSEGV);
        died_by(doomed("host", "library", "library-code"), SIGSEGV);
        /* The third start holds it before anything runs, and goes on. */
        assert_int_equal(test_wait(doomed("host", "library", "library-code")), 0);
        assert_string_equal(
            hold_of("crasher"),
            "held after 2 crashes within 10 minutes (the last: SIGSEGV at 0x10 in plugin \"crasher\" of "
            "event \"e\"): hookline restart crasher");
        assert_int_equal(test_wait(doomed("host", "library-code")), 0);
        restart("crasher");
        assert_string_equal(hold_of("crasher"), "");
    }
    assert_int_equal(crashes(0).len, 4);
}

/* The first crash could have been any plugin's; the event is watched from then on. */
static void an_unknown_culprit_is_named_the_next_time(void **state)
{
    told found;

    (void)state;
    died_by(doomed("host", "library", "libc-code"), SIGSEGV);
    found = crashes(HL_OPEN_RECORDS_ONLY);
    assert_string_equal(found.plugin[0], "");
    assert_string_equal(found.event[0], "e");
    assert_string_equal(found.text[0], "SIGSEGV at 0x10 in a dispatch of event \"e\", in one of 3 plugins");
    died_by(doomed("host", "library", "libc-code"), SIGSEGV);
    found = crashes(0);
    assert_int_equal(found.len, 2);
    assert_true(strcmp(found.plugin[0], "crasher") == 0 || strcmp(found.plugin[1], "crasher") == 0);
    assert_string_equal(hold_of("crasher"), "");
    died_by(doomed("host", "library", "watch", "libc-code"), SIGSEGV);
    assert_int_equal(crashes(0).len, 3);
    assert_non_null(strstr(hold_of("crasher"), "held after 2 crashes"));
}

static void a_damaged_record_is_thrown_away(void **state)
{
    char command[512];

    (void)state;
    died_by(doomed("alone", "host-code"), SIGSEGV);
    snprintf(command, sizeof(command), "for f in %s/faults/*; do head -c 12000 /dev/urandom >$f; done",
             peer_store + strlen("lmdb:"));
    assert_int_equal(system(command), 0);
    assert_int_equal(crashes(0).len, 0);
    assert_int_equal(files_left(), 0);
}

/* Several runtimes of a process record side by side, and the signals are the host's again when the last has closed. */
static void handlers_are_put_back_when_the_last_runtime_closes(void **state)
{
    struct sigaction before, during, after;
    hl_runtime *first, *second;

    (void)state;
    sigaction(SIGBUS, NULL, &before);
    first = peer_open(HL_OPEN_RECORD_FAULTS);
    second = peer_open(HL_OPEN_RECORD_FAULTS);
    sigaction(SIGBUS, NULL, &during);
    assert_true(during.sa_flags & SA_SIGINFO);
    assert_true(during.sa_flags & SA_ONSTACK);
    assert_int_equal(files_left(), 2);
    hl_close(first);
    sigaction(SIGBUS, NULL, &after);
    assert_true(after.sa_sigaction == during.sa_sigaction);
    hl_close(second);
    sigaction(SIGBUS, NULL, &after);
    assert_true(after.sa_handler == before.sa_handler);
    assert_int_equal(files_left(), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, peer_begin, peer_end_case)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_only_plugin_of_a_chain_is_named),
        CASE(the_instruction_names_the_plugin_of_a_library),
        CASE(a_watched_event_names_the_plugin_wherever_the_instruction_is),
        CASE(an_abort_is_a_crash_too),
        CASE(a_stack_that_runs_over_is_recorded),
        CASE(the_handler_that_was_there_before_still_decides),
        CASE(what_an_earlier_handler_repairs_is_no_crash),
        CASE(a_process_that_ends_well_leaves_nothing),
        CASE(outside_of_dispatches_no_plugin_is_blamed),
        CASE(a_signal_from_another_process_is_nobodys_crash),
        CASE(a_forked_childs_crash_is_recorded_with_its_own_pid),
        CASE(an_operator_sees_it_before_a_server_has_started_again),
        CASE(two_crashes_hold_the_plugin_until_it_is_restarted),
        CASE(an_unknown_culprit_is_named_the_next_time),
        CASE(a_damaged_record_is_thrown_away),
        CASE(handlers_are_put_back_when_the_last_runtime_closes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

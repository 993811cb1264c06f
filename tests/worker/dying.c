/* Whatever way a worker ends, or does not, the caller hears of it by its deadline, the signal and the address are kept,
 * and nothing is left; and a worker ends with its server. */
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hookline/status.h>

#include "tests/worker/support/worker.h"

extern char **environ;

/* ---- deaths ---- */

static void expect_death(const char *how, int64_t number, int signal, uint64_t address)
{
    holdings before = holdings_now();
    hl__child_end end;
    hl__fault fault;
    worker worker;

    worker_ready(&worker, &(worker_options){.slots = 2});
    assert_int_equal(hl__channel_claim(worker.channel), 0); /* the deed is in slot 1 */
    assert_int_equal(worker_try(&worker, how, number, 10000), HL__DIED);
    fault = hl__channel_fault(worker.channel);
    end = worker_finish(&worker);
    assert_true(end.known && end.signalled);
    assert_int_equal(end.code, signal);
    assert_int_equal(fault.signal, signal);
    assert_int_equal(fault.slot, 1);
    if (address)
        assert_int_equal(fault.address, address);
    expect_same_holdings(&before);
}

static void a_fault_is_told_with_signal_address_and_request(void **state)
{
    (void)state;
    expect_death("fault", 0x1230, SIGSEGV, 0x1230);
    expect_death("abort", 0, SIGABRT, 0);
}

static void a_stack_overflow_is_told_too(void **state)
{
    (void)state;
    expect_death("recurse", 0, SIGSEGV, 0);
}

static void an_exit_is_told_with_its_status(void **state)
{
    hl__child_end end;
    worker worker;

    (void)state;
    worker_ready(&worker, &(worker_options){0});
    assert_int_equal(worker_try(&worker, "exit", 3, 10000), HL__DIED);
    assert_int_equal(hl__channel_fault(worker.channel).signal, 0);
    end = worker_finish(&worker);
    assert_true(end.known && !end.signalled);
    assert_int_equal(end.code, 3);
}

static void a_death_is_told_to_every_caller_that_waits(void **state)
{
    hl__reply_head reply;
    worker worker;
    int slots[3];

    (void)state;
    worker_ready(&worker, &(worker_options){.slots = 3});
    slots[0] = worker_post(&worker, &(deed){.what = "sleep", .number = 20}, sizeof(deed), after_ms(5000));
    slots[1] = worker_post(&worker, &(deed){.what = "abort"}, sizeof(deed), after_ms(5000));
    slots[2] = worker_post(&worker, &(deed){.what = "double"}, sizeof(deed), after_ms(5000));
    assert_int_equal(hl__channel_wait(worker.channel, slots[2], worker.child.pidfd, after_ms(5000), 0, &reply),
                     HL__DIED);
    assert_int_equal(hl__channel_wait(worker.channel, slots[1], worker.child.pidfd, after_ms(5000), 0, &reply),
                     HL__DIED);
    assert_int_equal(hl__channel_wait(worker.channel, slots[0], worker.child.pidfd, after_ms(5000), 0, &reply),
                     HL__REPLIED);
    assert_true(hl__channel_begun(worker.channel, slots[1]));
    assert_false(hl__channel_begun(worker.channel, slots[2]));
    worker_finish(&worker);
}

/* ---- hanging ---- */

static void expect_late(const char *how)
{
    holdings before = holdings_now();
    uint64_t begin;
    hl__child_end end;
    worker worker;

    worker_ready(&worker, &(worker_options){0});
    begin = hl__child_now_ns();
    assert_int_equal(worker_try(&worker, how, 60000, 100), HL__LATE);
    end = worker_finish(&worker);
    assert_true(end.known && end.signalled);
    assert_int_equal(end.code, SIGKILL);
    assert_in_range(hl__child_now_ns() - begin, UINT64_C(100000000), UINT64_C(2000000000));
    expect_same_holdings(&before);
}

static void a_worker_that_hangs_spins_or_is_stopped_is_late_and_can_be_killed(void **state)
{
    (void)state;
    expect_late("sleep");
    expect_late("spin");
    expect_late("stop");
}

/* It replies, but has nothing left to wake with. */
static void a_worker_that_closes_everything_is_late_and_ends(void **state)
{
    hl__child_end end;
    worker worker;

    (void)state;
    worker_ready(&worker, &(worker_options){0});
    assert_int_not_equal(worker_try(&worker, "close", 0, 200), HL__MALFORMED);
    end = worker_await_end(&worker);
    assert_true(end.known);
}

/* Also what it should wake its callers with: then only their deadlines do. */
static void a_worker_that_fills_every_descriptor_keeps_nobody_waiting(void **state)
{
    deed deed = {.what = "double", .number = 1};
    hl__report_head head;
    hl__reply_head reply;
    hl__wait_end end;
    char text[HL__REPORT_MAX];
    uint64_t begin;
    worker worker;

    (void)state;
    worker_ready(&worker, &(worker_options){0});
    worker_do(&worker, "fill", NULL, 0);
    begin = hl__child_now_ns();
    end = worker_call(&worker, &deed, sizeof(deed), 500, &reply);
    assert_true(end == HL__REPLIED || end == HL__LATE);
    assert_int_equal(worker_hear(&worker, &head, text), -1);
    assert_int_equal(hl__worker_order(worker.channel, worker.report_fd, HL__ORDER_END, -1), HL_OK);
    assert_true(hl__child_now_ns() - begin < UINT64_C(2000000000));
    worker_finish(&worker);
}

/* ---- being killed at any moment ---- */

static void a_worker_killed_while_it_starts_leaves_nothing(void **state)
{
    holdings before = holdings_now();

    (void)state;
    for (int i = 0; i < 100; i++) {
        hl__report_head head;
        char text[HL__REPORT_MAX];
        hl__child_end end;
        worker worker;

        worker_spawn(&worker, &(worker_options){0});
        usleep((useconds_t)(i * 12));
        kill(worker.child.pid, SIGKILL);
        while (worker_hear(&worker, &head, text) == 1)
            ;
        end = worker_await_end(&worker);
        assert_true(end.known && end.signalled && end.code == SIGKILL);
    }
    expect_same_holdings(&before);
}

static void a_worker_killed_while_it_is_called_is_told_or_has_replied(void **state)
{
    holdings before = holdings_now();
    int died = 0;

    (void)state;
    for (int i = 0; i < 100; i++) {
        deed deed = {.what = "double", .number = i};
        hl__reply_head reply;
        hl__wait_end end;
        worker worker;
        int slot;

        worker_ready(&worker, &(worker_options){0});
        slot = worker_post(&worker, &deed, sizeof(deed), after_ms(5000));
        for (volatile int pause = 0; pause < i * 200; pause = pause + 1)
            ;
        kill(worker.child.pid, SIGKILL);
        end = hl__channel_wait(worker.channel, slot, worker.child.pidfd, after_ms(5000), i % 2 ? 5000 : 0, &reply);
        assert_true(end == HL__REPLIED || end == HL__DIED);
        died += end == HL__DIED;
        worker_finish(&worker);
    }
    assert_true(died > 0);
    expect_same_holdings(&before);
}

/* ---- the server's end ---- */

static pid_t start_server(const char *how, int *worker_pidfd)
{
    char *arguments[] = {"server", (char *)how, NULL};
    posix_spawn_file_actions_t actions;
    char line[32] = "";
    int fds[2];
    pid_t server;

    assert_int_equal(pipe(fds), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
    assert_int_equal(posix_spawn(&server, HL_TEST_PROGRAMS "/server", &actions, NULL, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);
    assert_true(read(fds[0], line, sizeof(line) - 1) > 0);
    close(fds[0]);
    *worker_pidfd = (int)syscall(SYS_pidfd_open, atoi(line), 0);
    assert_true(*worker_pidfd >= 0);
    return server;
}

static bool ends_soon(int pidfd)
{
    struct pollfd wait = {pidfd, POLLIN, 0};

    return poll(&wait, 1, 5000) == 1;
}

static void expect_end_with_server(const char *how)
{
    int worker;
    pid_t server = start_server(how, &worker);

    kill(server, SIGKILL);
    assert_true(ends_soon(worker));
    close(worker);
    waitpid(server, NULL, 0);
}

static void workers_end_with_a_server_that_is_killed(void **state)
{
    (void)state;
    expect_end_with_server("idle");
    expect_end_with_server("spin");
}

static void workers_end_with_the_thread_that_started_them(void **state)
{
    int worker;
    pid_t server = start_server("thread", &worker);

    (void)state;
    assert_true(ends_soon(worker));
    close(worker);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
}

static void an_idle_worker_ends_with_its_channel(void **state)
{
    hl__child_end end;
    worker worker;

    (void)state;
    worker_ready(&worker, &(worker_options){0});
    hl__channel_free(worker.channel);
    worker.channel = NULL;
    end = worker_await_end(&worker);
    assert_true(end.known && !end.signalled);
    assert_int_equal(end.code, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fault_is_told_with_signal_address_and_request),
        cmocka_unit_test(a_stack_overflow_is_told_too),
        cmocka_unit_test(an_exit_is_told_with_its_status),
        cmocka_unit_test(a_death_is_told_to_every_caller_that_waits),
        cmocka_unit_test(a_worker_that_hangs_spins_or_is_stopped_is_late_and_can_be_killed),
        cmocka_unit_test(a_worker_that_closes_everything_is_late_and_ends),
        cmocka_unit_test(a_worker_that_fills_every_descriptor_keeps_nobody_waiting),
        cmocka_unit_test(a_worker_killed_while_it_starts_leaves_nothing),
        cmocka_unit_test(a_worker_killed_while_it_is_called_is_told_or_has_replied),
        cmocka_unit_test(workers_end_with_a_server_that_is_killed),
        cmocka_unit_test(workers_end_with_the_thread_that_started_them),
        cmocka_unit_test(an_idle_worker_ends_with_its_channel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

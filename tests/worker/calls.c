/* Calls of workers: there and back, together, in the queue, and what a caller gets when its worker does not survive
 * it. */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "tests/worker/support/pools.h"

static void a_call_goes_to_a_worker_and_back(void **state)
{
    hl__pool *pool = pools_ready("guest", "");
    guest_state at = {.act = GUEST_ANSWER, .text = "kept"};

    (void)state;
    ok(pools_call(pool, &at, 0));
    assert_int_not_equal(at.pid, getpid());
    assert_int_equal(at.pid, hl__pool_pid(pool));
    assert_string_equal(at.text, "kept");
    assert_int_equal(at.calls, 1);
    pools_end(pool);
}

static void *call_many(void *user)
{
    for (int i = 0; i < 200; i++)
        ok(pools_act(user, GUEST_ANSWER, 0));
    return NULL;
}

static void callers_on_many_threads_get_their_own_answers(void **state)
{
    hl__pool *pool = pools_ready("guest", "\"workers\":2,\"deadline_ms\":20000");
    pthread_t threads[6];

    (void)state;
    for (int i = 0; i < 6; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_many, pool), 0);
    for (int i = 0; i < 6; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(hl__pool_calls(pool), 1200);
    pools_end(pool);
}

static void what_the_plugin_replies_is_no_failure_of_its_worker(void **state)
{
    hl__pool *pool = pools_ready("guest", "");
    int32_t pid = pools_pid(pool);

    (void)state;
    assert_int_equal(pools_act(pool, GUEST_FAIL, 0), HL_ERR_LIMIT);
    assert_int_equal(pools_info("guest", 0).failures, 0);
    assert_int_equal(pools_pid(pool), pid);
    pools_end(pool);
}

/* ---- deaths ---- */

static void expect_death(guest_act act, int32_t number, const char *words)
{
    hl__pool *pool = pools_ready("guest", "\"deadline_ms\":20000");
    int32_t pid = pools_pid(pool);

    assert_int_equal(pools_act(pool, act, number), HL_ERR_PLUGIN);
    if (!strstr(hl_last_error()->message, words))
        fail_msg("\"%s\" does not say \"%s\"", hl_last_error()->message, words);
    assert_int_not_equal(pools_pid(pool), pid);
    pools_end(pool);
}

static void a_worker_that_dies_tells_its_caller_how_and_is_replaced(void **state)
{
    (void)state;
    expect_death(GUEST_CRASH, 0, "died by SIGSEGV at address 0x10");
    expect_death(GUEST_ABORT, 0, "died by SIGABRT");
    expect_death(GUEST_EXIT, 7, "ended with exit status 7");
    expect_death(GUEST_OVERFLOW, 0, "died by SIGSEGV");
}

static void a_call_over_its_deadline_kills_its_worker_and_fails_in_time(void **state)
{
    static const guest_act acts[] = {GUEST_HANG, GUEST_STOP};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        hl__pool *pool = pools_ready("guest", "\"deadline_ms\":100");
        int32_t pid = pools_pid(pool);
        pools_caller caller;

        pools_begin(&caller, pool, acts[i], 0, 0);
        pools_finish(&caller);
        assert_int_equal(caller.status, HL_ERR_TIMEOUT);
        assert_true(caller.took_ns >= 100000000 && caller.took_ns < (test_sanitized() ? 2000000000 : 200000000));
        assert_non_null(strstr(caller.message, "was killed"));
        eventually(kill(pid, 0) != 0);
        pools_end(pool);
    }
}

static void a_worker_that_was_stopped_from_outside_is_replaced_after_one_deadline(void **state)
{
    hl__pool *pool = pools_ready("guest", "\"deadline_ms\":200");
    int32_t pid = pools_pid(pool);

    (void)state;
    assert_int_equal(kill(pid, SIGSTOP), 0);
    refused(pools_act(pool, GUEST_ANSWER, 0), HL_ERR_TIMEOUT, NULL);
    eventually(pools_act(pool, GUEST_ANSWER, 0) == HL_OK);
    assert_int_not_equal(pools_pid(pool), pid);
    pools_end(pool);
}

static void a_call_that_had_not_begun_is_given_to_the_next_worker(void **state)
{
    hl__pool *pool = pools_ready("guest", "\"deadline_ms\":20000");
    pools_caller first, second;

    (void)state;
    pools_begin(&first, pool, GUEST_SLEEP, 300, 0);
    eventually(pools_info("guest", 0).state == HL_WORKER_BUSY);
    pools_begin(&second, pool, GUEST_ANSWER, 0, 0);
    test_sleep_ms(50);
    assert_int_equal(kill(hl__pool_pid(pool), SIGKILL), 0);
    pools_finish(&first);
    pools_finish(&second);
    assert_int_equal(first.status, HL_ERR_PLUGIN);
    assert_non_null(strstr(first.message, "SIGKILL"));
    assert_int_equal(second.status, HL_OK);
    assert_int_equal(second.state.calls, 1);
    pools_end(pool);
}

static void a_call_behind_a_slow_one_is_over_its_deadline_alone(void **state)
{
    hl__pool *pool = pools_ready("guest", "\"deadline_ms\":20000");
    pools_caller slow, hasty;
    int32_t pid = pools_pid(pool);

    (void)state;
    pools_begin(&slow, pool, GUEST_SLEEP, 400, 0);
    eventually(pools_info("guest", 0).state == HL_WORKER_BUSY);
    test_sleep_ms(20);
    pools_begin(&hasty, pool, GUEST_ANSWER, 0, 50);
    pools_finish(&hasty);
    assert_int_equal(hasty.status, HL_ERR_TIMEOUT);
    assert_non_null(strstr(hasty.message, "busy with another call"));
    pools_finish(&slow);
    assert_int_equal(slow.status, HL_OK);
    assert_int_equal(slow.state.pid, pid);
    assert_int_equal(slow.state.calls, 2);
    assert_int_equal(pools_pid(pool), pid);
    pools_end(pool);
}

/* ---- the queue ---- */

static void fill_pool(hl__pool *pool, pools_caller *busy, pools_caller *waiting)
{
    pools_begin(busy, pool, GUEST_SLEEP, 400, 0);
    eventually(pools_info("guest", 0).state == HL_WORKER_BUSY);
    pools_begin(waiting, pool, GUEST_ANSWER, 0, 0);
    test_sleep_ms(50);
}

static void a_full_queue_sheds_and_those_inside_are_answered(void **state)
{
    hl__pool *pool = pools_ready("guest", "\"queue\":1,\"deadline_ms\":20000");
    pools_caller busy, waiting;

    (void)state;
    fill_pool(pool, &busy, &waiting);
    refused(pools_act(pool, GUEST_ANSWER, 0), HL_ERR_LIMIT, NULL);
    pools_finish(&busy);
    pools_finish(&waiting);
    assert_int_equal(busy.status, HL_OK);
    assert_int_equal(waiting.status, HL_OK);
    assert_int_equal(pools_info("guest", 0).failures, 1);
    pools_end(pool);
}

static void a_full_queue_can_be_waited_for_until_the_deadline(void **state)
{
    hl__pool *pool = pools_ready("guest", "\"queue\":1,\"deadline_ms\":20000,\"when_full\":\"wait\"");
    pools_caller busy, waiting;
    guest_state at = {.act = GUEST_ANSWER};

    (void)state;
    fill_pool(pool, &busy, &waiting);
    refused(pools_call(pool, &at, 50), HL_ERR_TIMEOUT, NULL);
    ok(pools_act(pool, GUEST_ANSWER, 0));
    pools_finish(&busy);
    pools_finish(&waiting);
    pools_end(pool);
}

static void a_full_queue_can_have_the_caller_run_the_plugin_itself(void **state)
{
    hl__pool *pool = pools_ready("guest", "\"queue\":1,\"deadline_ms\":20000,\"when_full\":\"run_inline\"");
    pools_caller busy, waiting;

    (void)state;
    fill_pool(pool, &busy, &waiting);
    assert_int_equal(pools_act(pool, GUEST_ANSWER, 0), HL_ERR_UNSUPPORTED);
    pools_finish(&busy);
    pools_finish(&waiting);
    pools_end(pool);
}

static void waiting_calls_are_sent_away_when_the_pool_ends(void **state)
{
    hl__pool *pool = pools_ready("guest", "\"workers\":2,\"queue\":8,\"deadline_ms\":20000");
    pools_caller callers[8];

    (void)state;
    for (int i = 0; i < 8; i++)
        pools_begin(&callers[i], pool, GUEST_SLEEP, 5000, 0);
    eventually(pools_info("guest", 1).waiting >= 4);
    hl__pool_end(pool, 50);
    assert_int_equal(pools_children(), 0);
    for (int i = 0; i < 8; i++) {
        pools_finish(&callers[i]);
        assert_int_equal(callers[i].status, HL_ERR_NOT_LOADED);
        assert_true(callers[i].took_ns < 4000000000);
    }
    hl__pool_free(pool);
}

/* ---- the breaker ---- */

static void an_open_breaker_fails_calls_at_once_and_closes_when_a_trial_goes_well(void **state)
{
    hl__pool *pool = pools_ready("guest", "\"deadline_ms\":20000,\"breaker_failures\":2,\"breaker_open_ms\":300");

    (void)state;
    assert_int_equal(pools_act(pool, GUEST_ABORT, 0), HL_ERR_PLUGIN);
    assert_int_equal(pools_act(pool, GUEST_ABORT, 0), HL_ERR_PLUGIN);
    refused(pools_act(pool, GUEST_ANSWER, 0), HL_ERR_LIMIT, NULL);
    assert_true(pools_info("guest", 0).breaker_open);
    test_sleep_ms(350);
    ok(pools_act(pool, GUEST_ANSWER, 0));
    ok(pools_act(pool, GUEST_ANSWER, 0));
    assert_false(pools_info("guest", 0).breaker_open);
    pools_end(pool);
}

#define with_pools(test) cmocka_unit_test_setup_teardown(test, pools_open, pools_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_pools(a_call_goes_to_a_worker_and_back),
        with_pools(callers_on_many_threads_get_their_own_answers),
        with_pools(what_the_plugin_replies_is_no_failure_of_its_worker),
        with_pools(a_worker_that_dies_tells_its_caller_how_and_is_replaced),
        with_pools(a_call_over_its_deadline_kills_its_worker_and_fails_in_time),
        with_pools(a_worker_that_was_stopped_from_outside_is_replaced_after_one_deadline),
        with_pools(a_call_that_had_not_begun_is_given_to_the_next_worker),
        with_pools(a_call_behind_a_slow_one_is_over_its_deadline_alone),
        with_pools(a_full_queue_sheds_and_those_inside_are_answered),
        with_pools(a_full_queue_can_be_waited_for_until_the_deadline),
        with_pools(a_full_queue_can_have_the_caller_run_the_plugin_itself),
        with_pools(waiting_calls_are_sent_away_when_the_pool_ends),
        with_pools(an_open_breaker_fails_calls_at_once_and_closes_when_a_trial_goes_well),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

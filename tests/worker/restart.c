/* When workers are started again, after which pause, and when calls are not even tried: the calculations by
 * themselves. */
#include "tests/support/support.h"

#include "worker/breaker.h"
#include "worker/restart.h"

#define MS UINT64_C(1000000)

static void restarts_count_only_within_their_period(void **state)
{
    hl__restarts restarts = {0};

    (void)state;
    assert_true(hl__restarts_note(&restarts, 100 * MS, 3, 50 * MS));
    assert_true(hl__restarts_note(&restarts, 110 * MS, 3, 50 * MS));
    assert_true(hl__restarts_note(&restarts, 120 * MS, 3, 50 * MS));
    assert_false(hl__restarts_note(&restarts, 149 * MS, 3, 50 * MS));
    assert_true(hl__restarts_note(&restarts, 151 * MS, 3, 50 * MS));
    assert_false(hl__restarts_note(&restarts, 152 * MS, 3, 50 * MS));
    hl__restarts_clear(&restarts);
    assert_true(hl__restarts_note(&restarts, 153 * MS, 1, 50 * MS));
    hl__restarts_clear(&restarts);
}

static void one_restart_too_many_in_the_beginning_of_time_is_refused_too(void **state)
{
    hl__restarts restarts = {0};

    (void)state;
    assert_true(hl__restarts_note(&restarts, 1, 1, 5000 * MS));
    assert_false(hl__restarts_note(&restarts, 2, 1, 5000 * MS));
    hl__restarts_clear(&restarts);
}

static void the_first_restart_has_no_pause_and_the_next_ones_double_it_up_to_the_longest(void **state)
{
    static const uint64_t longest_ms[] = {0, 10, 20, 40, 80, 100, 100};
    hl_isolation isolation = HL_ISOLATION_INIT(HL_IN_WORKER);

    (void)state;
    isolation.backoff_ms = 10;
    isolation.backoff_most_ms = 100;
    for (uint32_t row = 1; row <= 7; row++) {
        uint64_t whole = longest_ms[row - 1] * MS;

        for (uint64_t random = 0; random < 100; random++) {
            uint64_t pause = hl__backoff_ns(&isolation, row, random * UINT64_C(0x9e3779b97f4a7c15));

            assert_true(pause >= whole / 2 && pause <= whole);
        }
    }
}

static void pauses_of_the_same_row_differ_by_chance(void **state)
{
    hl_isolation isolation = HL_ISOLATION_INIT(HL_IN_WORKER);

    (void)state;
    isolation.backoff_ms = 1000;
    isolation.backoff_most_ms = 10000;
    assert_int_not_equal(hl__backoff_ns(&isolation, 2, 1), hl__backoff_ns(&isolation, 2, 12345678));
}

static void a_row_of_any_length_has_the_longest_pause(void **state)
{
    hl_isolation isolation = HL_ISOLATION_INIT(HL_IN_WORKER);

    (void)state;
    isolation.backoff_ms = 3600000;
    isolation.backoff_most_ms = UINT32_MAX;
    assert_true(hl__backoff_ns(&isolation, UINT32_MAX, 0) >= UINT32_MAX / 2 * MS);
    assert_true(hl__backoff_ns(&isolation, UINT32_MAX, UINT64_MAX) <= UINT32_MAX * MS);
}

/* ---- the breaker ---- */

static hl_isolation with_breaker(uint32_t failures, uint32_t open_ms)
{
    hl_isolation isolation = HL_ISOLATION_INIT(HL_IN_WORKER);

    isolation.breaker_failures = failures;
    isolation.breaker_open_ms = open_ms;
    return isolation;
}

static void the_breaker_opens_after_failures_in_a_row_only(void **state)
{
    hl_isolation isolation = with_breaker(3, 100);
    hl__breaker breaker = {0};
    bool trial;

    (void)state;
    hl__breaker_told(&breaker, &isolation, true, 1);
    hl__breaker_told(&breaker, &isolation, true, 2);
    hl__breaker_told(&breaker, &isolation, false, 3);
    hl__breaker_told(&breaker, &isolation, true, 4);
    hl__breaker_told(&breaker, &isolation, true, 5);
    assert_true(hl__breaker_admits(&breaker, 6, &trial));
    hl__breaker_told(&breaker, &isolation, true, 6);
    assert_false(hl__breaker_admits(&breaker, 7, &trial));
}

static void an_open_breaker_lets_one_call_try_after_its_time(void **state)
{
    hl_isolation isolation = with_breaker(1, 100);
    hl__breaker breaker = {0};
    bool trial;

    (void)state;
    hl__breaker_told(&breaker, &isolation, true, 0);
    assert_false(hl__breaker_admits(&breaker, 99 * MS, &trial));
    assert_true(hl__breaker_admits(&breaker, 100 * MS, &trial));
    assert_true(trial);
    assert_false(hl__breaker_admits(&breaker, 101 * MS, &trial));
    hl__breaker_told(&breaker, &isolation, true, 110 * MS);
    assert_false(hl__breaker_admits(&breaker, 209 * MS, &trial));
    assert_true(hl__breaker_admits(&breaker, 210 * MS, &trial));
    hl__breaker_told(&breaker, &isolation, false, 211 * MS);
    assert_true(hl__breaker_admits(&breaker, 212 * MS, &trial));
    assert_false(trial);
}

static void a_trial_that_was_not_made_leaves_the_next_one_its_turn(void **state)
{
    hl_isolation isolation = with_breaker(1, 100);
    hl__breaker breaker = {0};
    bool trial;

    (void)state;
    hl__breaker_told(&breaker, &isolation, true, 0);
    assert_true(hl__breaker_admits(&breaker, 100 * MS, &trial));
    hl__breaker_excused(&breaker, trial);
    assert_true(hl__breaker_admits(&breaker, 100 * MS, &trial));
}

static void without_a_breaker_no_number_of_failures_keeps_calls_out(void **state)
{
    hl_isolation isolation = with_breaker(0, 100);
    hl__breaker breaker = {0};
    bool trial;

    (void)state;
    for (uint64_t i = 0; i < 100; i++)
        hl__breaker_told(&breaker, &isolation, true, i);
    assert_true(hl__breaker_admits(&breaker, 101, &trial));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(restarts_count_only_within_their_period),
        cmocka_unit_test(one_restart_too_many_in_the_beginning_of_time_is_refused_too),
        cmocka_unit_test(the_first_restart_has_no_pause_and_the_next_ones_double_it_up_to_the_longest),
        cmocka_unit_test(pauses_of_the_same_row_differ_by_chance),
        cmocka_unit_test(a_row_of_any_length_has_the_longest_pause),
        cmocka_unit_test(the_breaker_opens_after_failures_in_a_row_only),
        cmocka_unit_test(an_open_breaker_lets_one_call_try_after_its_time),
        cmocka_unit_test(a_trial_that_was_not_made_leaves_the_next_one_its_turn),
        cmocka_unit_test(without_a_breaker_no_number_of_failures_keeps_calls_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

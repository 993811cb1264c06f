/* Where workers run while their callers look for replies: moved off the caller's processor, and free again
 * afterwards. */

#include "worker/spin.h"
#include "tests/worker/support/worker.h"

static void keep_this_thread_on(int processor)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
}

static int first_of(const cpu_set_t *set)
{
    int processor = 0;

    while (!CPU_ISSET(processor, set))
        processor++;
    return processor;
}

static void
a_worker_is_moved_and_freed_by_what_it_may_do_itself_also_when_the_caller_keeps_to_one_processor(void **state)
{
    cpu_set_t mine = hl__spin_processors(0), all, now;
    worker worker;
    int processor;

    (void)state;
    if (CPU_COUNT(&mine) < 2)
        skip();
    worker_ready(&worker, &(worker_options){0});
    all = hl__spin_processors(worker.child.pid);
    assert_true(CPU_EQUAL(&all, &mine));
    processor = first_of(&mine);
    keep_this_thread_on(processor);
    hl__spin_part(worker.child.pid, &all, processor);
    now = hl__spin_processors(worker.child.pid);
    assert_false(CPU_ISSET(processor, &now));
    assert_int_equal(CPU_COUNT(&now), CPU_COUNT(&all) - 1);
    hl__spin_unpart(worker.child.pid, &all);
    now = hl__spin_processors(worker.child.pid);
    assert_true(CPU_EQUAL(&now, &all));
    assert_int_equal(sched_setaffinity(0, sizeof(mine), &mine), 0);
    worker_finish(&worker);
}

static void a_worker_with_one_processor_is_left_where_it_is(void **state)
{
    cpu_set_t all, one, now;
    worker worker;

    (void)state;
    worker_ready(&worker, &(worker_options){0});
    all = hl__spin_processors(worker.child.pid);
    CPU_ZERO(&one);
    CPU_SET(first_of(&all), &one);
    assert_int_equal(sched_setaffinity(worker.child.pid, sizeof(one), &one), 0);
    hl__spin_part(worker.child.pid, &one, first_of(&one));
    now = hl__spin_processors(worker.child.pid);
    assert_true(CPU_EQUAL(&now, &one));
    worker_finish(&worker);
}

static void
a_worker_is_brought_to_a_processor_and_stays_free_and_one_that_was_told_where_to_run_stays_there(void **state)
{
    cpu_set_t all, others, now;
    worker worker;
    int processor;

    (void)state;
    worker_ready(&worker, &(worker_options){0});
    all = hl__spin_processors(worker.child.pid);
    processor = first_of(&all);
    hl__spin_gather(worker.child.pid, &all, processor);
    now = hl__spin_processors(worker.child.pid);
    assert_true(CPU_EQUAL(&now, &all));
    others = all;
    CPU_CLR(processor, &others);
    if (CPU_COUNT(&others) > 0) {
        assert_int_equal(sched_setaffinity(worker.child.pid, sizeof(others), &others), 0);
        hl__spin_gather(worker.child.pid, &others, processor);
        now = hl__spin_processors(worker.child.pid);
        assert_true(CPU_EQUAL(&now, &others));
    }
    worker_finish(&worker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_worker_is_moved_and_freed_by_what_it_may_do_itself_also_when_the_caller_keeps_to_one_processor),
        cmocka_unit_test(
            a_worker_is_brought_to_a_processor_and_stays_free_and_one_that_was_told_where_to_run_stays_there),
        cmocka_unit_test(a_worker_with_one_processor_is_left_where_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

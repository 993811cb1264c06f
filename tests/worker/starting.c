/* Workers start, say so, serve, and end; what cannot start says why. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hookline/status.h>

#include "tests/worker/support/worker.h"

static void a_worker_that_is_ready_does_what_it_is_asked(void **state)
{
    holdings before = holdings_now();
    worker worker;
    deed done;

    (void)state;
    worker_ready(&worker, &(worker_options){0});
    done = worker_do(&worker, "calls", NULL, 0);
    assert_int_equal(done.result, 1);
    assert_int_equal(done.worker, worker.child.pid);
    assert_int_equal(worker_do(&worker, "calls", NULL, 0).result, 2);
    worker_finish(&worker);
    expect_same_holdings(&before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_that_is_ready_does_what_it_is_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

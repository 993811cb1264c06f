/* A worker that SIGKILL does not end: the freezer of cgroup version 1 holds it, as a disk that does not answer
 * would. */
#include <unistd.h>

#include "tests/worker/support/cgroups.h"
#include "tests/worker/support/pools.h"

#include "worker/supervisor.h"

#define DEADLINE_MS 200
#define QUICK "\"deadline_ms\":200,\"restarts_most\":1000,\"backoff_ms\":1,\"backoff_most_ms\":1"

static char folder[256];

static void freeze(int32_t pid)
{
    char number[16];

    snprintf(number, sizeof(number), "%d", (int)pid);
    assert_true(cgroup_write(folder, "cgroup.procs", number));
    assert_true(cgroup_write(folder, "freezer.state", "FROZEN"));
}

/* Also after a test that has failed: what is frozen would stay for ever. */
static int begin(void **state)
{
    folder[0] = '\0';
    if (cgroup_make("freezer", folder))
        return pools_open(state);
    print_message("cgroup version 1 has no freezer here that this user may use: no process can be made stuck\n");
    folder[0] = '\0';
    return 0;
}

static int end(void **state)
{
    if (!folder[0])
        return 0;
    cgroup_write(folder, "freezer.state", "THAWED");
    pools_close(state);
    cgroup_remove(folder);
    return 0;
}

static void a_worker_that_cannot_be_killed_is_set_aside_and_replaced_until_it_is_let_go(void **state)
{
    size_t fds;
    uint64_t begin_ns;
    hl__pool *pool;
    int32_t pid;

    (void)state;
    if (!folder[0])
        skip();
    pool = pools_ready("guest", QUICK);
    pid = pools_pid(pool);
    fds = pools_fds();
    freeze(pid);
    begin_ns = hl__now_ns();
    refused(pools_act(pool, GUEST_ANSWER, 0), HL_ERR_TIMEOUT, NULL);
    assert_in_range(hl__now_ns() - begin_ns, DEADLINE_MS * UINT64_C(1000000), UINT64_C(1500000000));
    eventually(strstr(pools_states(), "guest/0=stuck"));
    eventually(strstr(pools_states(), "guest/0=ready"));
    assert_int_equal(pools_children(), 2);
    assert_int_not_equal(pools_pid(pool), pid);
    assert_true(cgroup_write(folder, "freezer.state", "THAWED"));
    eventually(!strstr(pools_states(), "=stuck"));
    eventually(pools_children() == 1 && pools_fds() == fds);
    pools_end(pool);
}

static void a_pool_with_a_worker_that_cannot_be_killed_can_be_ended(void **state)
{
    uint64_t begin_ns;
    hl__pool *pool;

    (void)state;
    if (!folder[0])
        skip();
    pool = pools_ready("guest", QUICK);
    freeze(pools_pid(pool));
    begin_ns = hl__now_ns();
    pools_end(pool);
    assert_true(hl__now_ns() - begin_ns < UINT64_C(8000000000));
    assert_non_null(strstr(pools_states(), "=stuck"));
    assert_true(cgroup_write(folder, "freezer.state", "THAWED"));
    eventually(pools_states()[0] == '\0' && pools_children() == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_worker_that_cannot_be_killed_is_set_aside_and_replaced_until_it_is_let_go,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_pool_with_a_worker_that_cannot_be_killed_can_be_ended, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

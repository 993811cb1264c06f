/* Workers that may start processes: those end with their worker and with their server, whatever they do about it, and
 * there are never more of them than allowed. */
#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include "tests/worker/support/cgroups.h"
#include "tests/worker/support/pools.h"

#include "worker/supervisor.h"

#define QUICK "\"deadline_ms\":20000,\"restarts_most\":1000,\"backoff_ms\":1,\"backoff_most_ms\":1"
#define FAMILY 3
#define FAMILY_OF_8 QUICK ",\"sandbox\":{\"processes\":8}"
#define BOMB_LIMIT 16
#define SERVED_BESIDES 2 /* the worker and its guard */

/* ---- who lives ---- */

static bool is_of(const char *entry, int worker)
{
    char path[300], name[32] = "", kin[32], state = 'Z';
    int group = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%s/stat", entry);
    snprintf(kin, sizeof(kin), GUEST_KIN, worker);
    file = fopen(path, "re");
    if (!file)
        return false;
    if (fscanf(file, "%*d (%31[^)]) %c %*d %d", name, &state, &group) != 3)
        state = 'Z';
    fclose(file);
    return state != 'Z' && state != 'X' && (group == worker || strcmp(name, kin) == 0);
}

/* The processes of a worker's group, and what it has started, wherever that went. */
static size_t living_of(int worker)
{
    DIR *entries = opendir("/proc");
    struct dirent *entry;
    size_t count = 0;

    assert_non_null(entries);
    while ((entry = readdir(entries)) != NULL)
        count += entry->d_name[0] >= '0' && entry->d_name[0] <= '9' && is_of(entry->d_name, worker);
    closedir(entries);
    return count;
}

static void expect_all_gone_soon(int worker)
{
    uint64_t begin_ns = hl__now_ns();

    eventually(living_of(worker) == 0);
    if (!test_sanitized())
        assert_true(hl__now_ns() - begin_ns < UINT64_C(1000000000));
}

static int32_t begin_family(hl__pool *pool)
{
    guest_state state = {.act = GUEST_FAMILY, .number = FAMILY};

    ok(pools_call(pool, &state, 0));
    assert_int_equal(state.number, FAMILY);
    assert_int_equal(living_of(state.pid), FAMILY + SERVED_BESIDES);
    return state.pid;
}

/* ---- they end with their worker ---- */

static void expect_family_ends(guest_act act, int32_t number, uint32_t deadline_ms)
{
    hl__pool *pool = pools_ready("guest", FAMILY_OF_8);
    guest_state state = {.act = act, .number = number};
    int32_t worker = begin_family(pool);

    assert_true(pools_call(pool, &state, deadline_ms) < 0);
    expect_all_gone_soon(worker);
    assert_int_not_equal(pools_pid(pool), worker);
    pools_end(pool);
}

static void processes_end_with_a_worker_that_crashes_exits_hangs_or_stops(void **state)
{
    (void)state;
    expect_family_ends(GUEST_CRASH, 0, 0);
    expect_family_ends(GUEST_EXIT, 0, 0);
    expect_family_ends(GUEST_HANG, 0, 100);
    expect_family_ends(GUEST_STOP, 0, 100);
}

static void processes_end_with_a_worker_that_is_ended_with_its_pool(void **state)
{
    hl__pool *pool = pools_ready("guest", FAMILY_OF_8);
    int32_t worker = begin_family(pool);

    (void)state;
    pools_end(pool);
    expect_all_gone_soon(worker);
}

/* The number of the worker's group is not the server's to signal then. */
static void processes_end_with_a_worker_that_somebody_else_has_reaped(void **state)
{
    hl__pool *pool = pools_ready("guest", FAMILY_OF_8);
    int32_t worker = begin_family(pool);

    (void)state;
    assert_true(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
    assert_int_equal(kill(worker, SIGKILL), 0);
    expect_all_gone_soon(worker);
    assert_true(signal(SIGCHLD, SIG_DFL) != SIG_ERR);
    ok(pools_act(pool, GUEST_ANSWER, 0));
    pools_end(pool);
}

/* ---- they end with their server ---- */

static const char *worker_file;

/* The other process: a server whose worker has started others; "busy" is in a call. */
static void be_a_server(const char *folder, const char *how)
{
    pools_caller caller;
    hl__pool *pool;
    FILE *file;

    pools_open(NULL);
    pool = pools_ready("guest", FAMILY_OF_8);
    file = fopen(worker_file, "we");
    assert_non_null(file);
    fprintf(file, "%d\n", (int)begin_family(pool));
    fclose(file);
    if (strcmp(how, "busy") == 0) {
        pools_begin(&caller, pool, GUEST_HANG, 0, 0);
        eventually(strstr(pools_states(), "busy"));
    }
    test_signal(folder, "up");
    for (;;)
        pause();
}

static void expect_end_with_server(const char *how)
{
    const char *folder = test_folder();
    char path[512];
    int server, worker = 0;
    FILE *file;

    snprintf(path, sizeof(path), "%s/worker", folder);
    server = test_spawn((const char *const[]){"server", folder, path, how, NULL});
    test_await(folder, "up");
    file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d", &worker), 1);
    fclose(file);
    assert_int_equal(living_of(worker), FAMILY + SERVED_BESIDES);
    assert_int_equal(kill(server, SIGKILL), 0);
    expect_all_gone_soon(worker);
    assert_int_equal(test_wait(server), -SIGKILL);
    test_folder_remove(folder);
}

static void killing_the_server_leaves_nothing_of_what_its_workers_have_started(void **state)
{
    (void)state;
    expect_end_with_server("idle");
    expect_end_with_server("busy");
}

/* ---- nobody sees the guard ---- */

static void a_plugin_that_waits_for_its_children_is_not_told_of_its_guard(void **state)
{
    hl__pool *pool = pools_ready("guest", FAMILY_OF_8);
    guest_state at = {.act = GUEST_CHILDREN};

    (void)state;
    ok(pools_call(pool, &at, 0));
    assert_int_equal(at.number, 0);
    pools_end(pool);
}

static void a_worker_that_may_start_nothing_has_no_guard(void **state)
{
    hl__pool *pool = pools_ready("guest", QUICK);

    (void)state;
    assert_int_equal(living_of(pools_pid(pool)), 1);
    pools_end(pool);
}

/* ---- and are not too many ---- */

static size_t most_living_during(pools_caller *caller, int32_t worker, hl__pool *besides)
{
    size_t most = 0;

    for (int i = 0; i < 40; i++) {
        size_t living = living_of(worker);

        most = living > most ? living : most;
        ok(pools_act(besides, GUEST_ANSWER, 0));
        test_sleep_ms(20);
    }
    pools_finish(caller);
    return most;
}

/* Another pool serves meanwhile, this one afterwards. */
static void expect_bomb_is_contained(hl__pool *pool)
{
    hl__pool *besides = pools_ready("besides", QUICK);
    int32_t worker = pools_pid(pool);
    pools_caller caller;
    size_t most;

    pools_begin(&caller, pool, GUEST_BOMB, 0, 1000);
    most = most_living_during(&caller, worker, besides);
    assert_int_equal(caller.status, HL_ERR_TIMEOUT);
    assert_in_range(most, SERVED_BESIDES + 4, SERVED_BESIDES + BOMB_LIMIT);
    expect_all_gone_soon(worker);
    ok(pools_act(pool, GUEST_ANSWER, 0));
    assert_int_not_equal(pools_pid(pool), worker);
    pools_end(pool);
    pools_end(besides);
}

static void a_fork_bomb_in_a_server_that_runs_as_root_ends_at_its_limit_and_leaves_nothing(void **state)
{
    hl__pool *pool = pools_ready("guest", QUICK ",\"sandbox\":{\"processes\":16}");

    (void)state;
    if (geteuid() == 0 && pools_info("guest", 0).lacking[0] == '\0') {
        expect_bomb_is_contained(pool);
        return;
    }
    print_message("not run by root, or root may not change its user here: there is no close limit\n");
    pools_end(pool);
    skip();
}

static void a_fork_bomb_in_a_cgroup_of_version_1_ends_at_its_limit_and_leaves_nothing(void **state)
{
    char folder[256], json[512];
    hl__pool *pool;

    (void)state;
    if (!cgroup_make("pids", folder)) {
        print_message("cgroup version 1 does not count processes here, or this user may not use it\n");
        skip();
    }
    snprintf(json, sizeof(json), QUICK ",\"sandbox\":{\"processes\":16,\"cgroup\":\"%s\"}", folder);
    pool = pools_ready("guest", json);
    assert_non_null(strstr(pools_info("guest", 0).sandbox, "cgroup"));
    assert_string_equal(pools_info("guest", 0).lacking, "no limit of the cgroup's memory");
    expect_bomb_is_contained(pool);
    cgroup_remove(folder);
}

#define with_pools(test) cmocka_unit_test_setup_teardown(test, pools_open, pools_close)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        with_pools(processes_end_with_a_worker_that_crashes_exits_hangs_or_stops),
        with_pools(processes_end_with_a_worker_that_is_ended_with_its_pool),
        with_pools(processes_end_with_a_worker_that_somebody_else_has_reaped),
        cmocka_unit_test(killing_the_server_leaves_nothing_of_what_its_workers_have_started),
        with_pools(a_plugin_that_waits_for_its_children_is_not_told_of_its_guard),
        with_pools(a_worker_that_may_start_nothing_has_no_guard),
        with_pools(a_fork_bomb_in_a_server_that_runs_as_root_ends_at_its_limit_and_leaves_nothing),
        with_pools(a_fork_bomb_in_a_cgroup_of_version_1_ends_at_its_limit_and_leaves_nothing),
    };

    if (argc == 5 && strcmp(argv[1], "server") == 0) {
        worker_file = argv[3];
        be_a_server(argv[2], argv[4]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

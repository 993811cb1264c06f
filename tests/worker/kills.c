/* The kill campaign: thousands of requests from several threads while workers are killed at random. Every caller gets
 * its own answer or a status, once, within its deadline; and nothing is left when the server itself is killed. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "tests/worker/support/pools.h"

#define CALLERS 4
#define DEADLINE_MS 20000 /* far more than a call takes, for machines that are busy with other things */

typedef struct campaign {
    hl__pool *pool;
    uint32_t requests, kills; /* how many there shall be */
    uint32_t made;            /* atomic */
    uint32_t killed;          /* atomic */
    uint32_t answered, died, late, other;
    uint8_t *seen; /* of each request: how often its caller got something */
} campaign;

static void count(campaign *c, hl_status status)
{
    uint32_t *which = status == HL_OK            ? &c->answered
                      : status == HL_ERR_PLUGIN  ? &c->died
                      : status == HL_ERR_TIMEOUT ? &c->late
                                                 : &c->other;

    __atomic_add_fetch(which, 1, __ATOMIC_RELAXED);
}

/* How many requests may have been made before the kill of this number. */
static uint32_t requests_before(const campaign *c, uint32_t kill)
{
    return (kill + 1) * (c->requests / (c->kills + 1));
}

/* On a machine that is busy with other things the thread that kills may come late. */
static void wait_for_kill(campaign *c, uint32_t number)
{
    for (;;) {
        uint32_t killed = __atomic_load_n(&c->killed, __ATOMIC_ACQUIRE);

        if (killed == c->kills || number < requests_before(c, killed + 1))
            return;
        test_sleep_ms(1);
    }
}

static void *make_requests(void *user)
{
    campaign *c = user;
    uint32_t number;

    while ((number = __atomic_fetch_add(&c->made, 1, __ATOMIC_RELAXED)) < c->requests) {
        guest_state at = {.act = GUEST_ANSWER, .number = (int32_t)number};
        uint64_t begin_ns;
        hl_status status;

        wait_for_kill(c, number);
        begin_ns = hl__now_ns();
        status = pools_call(c->pool, &at, 0);
        assert_true(hl__now_ns() - begin_ns < (DEADLINE_MS + 1000) * UINT64_C(1000000));
        assert_int_equal(at.number, number);
        c->seen[number]++;
        count(c, status);
    }
    return NULL;
}

/* Kills whichever worker is ready, at moments that have nothing to do with its calls. */
static void *kill_workers(void *user)
{
    campaign *c = user;
    unsigned seed = 1;

    while (c->killed < c->kills) {
        int32_t pid = hl__pool_pid(c->pool);

        usleep((useconds_t)(rand_r(&seed) % 500));
        if (pid && __atomic_load_n(&c->made, __ATOMIC_RELAXED) >= requests_before(c, c->killed) &&
            kill(pid, SIGKILL) == 0)
            __atomic_add_fetch(&c->killed, 1, __ATOMIC_RELEASE);
    }
    return NULL;
}

static void run_campaign(campaign *c)
{
    pthread_t callers[CALLERS], killer;

    c->seen = calloc(c->requests, 1);
    assert_non_null(c->seen);
    assert_int_equal(pthread_create(&killer, NULL, kill_workers, c), 0);
    for (int i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&callers[i], NULL, make_requests, c), 0);
    for (int i = 0; i < CALLERS; i++)
        pthread_join(callers[i], NULL);
    pthread_join(killer, NULL);
    for (uint32_t i = 0; i < c->requests; i++)
        assert_int_equal(c->seen[i], 1);
    free(c->seen);
}

static void every_request_gets_an_answer_or_a_status_once_while_workers_are_killed_at_random(void **state)
{
    campaign c = {.requests = test_sanitized() ? 2000 : 10000, .kills = test_sanitized() ? 20 : 100};

    (void)state;
    c.pool = pools_ready("guest", "\"workers\":2,\"deadline_ms\":20000,\"restarts_most\":100000,\"backoff_ms\":1,"
                                  "\"backoff_most_ms\":1");
    run_campaign(&c);
    assert_int_equal(c.answered + c.died, c.requests);
    assert_true(c.died <= c.kills);
    assert_true(c.answered >= c.requests - c.kills);
    ok(pools_act(c.pool, GUEST_ANSWER, 0));
    pools_end(c.pool);
}

/* ---- the server is killed ---- */

static const char *worker_file;

/* The other process: a server with workers, busy and idle, which waits for its end. */
static void be_a_server(const char *folder)
{
    pools_caller caller;
    hl__pool *pool;
    FILE *file;

    pools_open(NULL);
    pool = pools_ready("guest", "\"workers\":2,\"deadline_ms\":60000");
    pools_begin(&caller, pool, GUEST_HANG, 0, 0);
    eventually(strstr(pools_states(), "busy") && strstr(pools_states(), "ready"));
    file = fopen(worker_file, "we");
    assert_non_null(file);
    fprintf(file, "%d %d\n", pools_info("guest", 0).pid, pools_info("guest", 1).pid);
    fclose(file);
    test_signal(folder, "up");
    for (;;)
        pause();
}

static bool is_gone(int pid)
{
    char path[64], word = 'Z';
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    file = fopen(path, "re");
    if (!file)
        return true;
    if (fscanf(file, "%*d (%*[^)]) %c", &word) != 1)
        word = 'Z';
    fclose(file);
    return word == 'Z' || word == 'X';
}

static void killing_the_server_takes_its_workers_with_it(void **state)
{
    const char *folder = test_folder();
    char path[512];
    int server, pids[2] = {0, 0};
    FILE *file;

    (void)state;
    snprintf(path, sizeof(path), "%s/workers", folder);
    server = test_spawn((const char *const[]){"server", folder, path, NULL});
    test_await(folder, "up");
    file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d %d", &pids[0], &pids[1]), 2);
    fclose(file);
    assert_false(is_gone(pids[0]) || is_gone(pids[1]));
    assert_int_equal(kill(server, SIGKILL), 0);
    assert_int_equal(test_wait(server), -SIGKILL);
    eventually(is_gone(pids[0]) && is_gone(pids[1]));
    test_folder_remove(folder);
}

#define with_pools(test) cmocka_unit_test_setup_teardown(test, pools_open, pools_close)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        with_pools(every_request_gets_an_answer_or_a_status_once_while_workers_are_killed_at_random),
        cmocka_unit_test(killing_the_server_takes_its_workers_with_it),
    };

    if (argc == 4 && strcmp(argv[1], "server") == 0) {
        worker_file = argv[3];
        be_a_server(argv[2]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

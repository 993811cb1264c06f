/* Two plugins in one group are called by threads while somebody kills their workers: whoever depends on a dead one is
 * started again, whoever does not goes on, and closing in the middle of it leaves no process and no descriptor. */
#include <unistd.h>

#include "tests/stress/support/crowd.h"
#include "tests/support/worker_guest.h"

#define GUEST HL_TEST_PLUGINS "/worker-guest.so"
#define STORM_MS 2000
#define CLOSINGS 6
#define DEADLINE_MS 200

static hl_runtime *runtime;
static hl_event *events[2]; /* "work", whose plugin "guest" is the first of the group, and "other" */
static unsigned answered;   /* atomic */

static const hl_field fields[] = {
    {"id", "uint64_t", offsetof(guest_state, id), sizeof(uint64_t)},
    {"answer", "uint64_t", offsetof(guest_state, answer), sizeof(uint64_t)},
};
static const hl_contract contract = {sizeof(hl_contract), "guest_state", sizeof(guest_state), fields, 2, NULL, 0};

/* ---- the group ---- */

static hl_isolation as_group(hl_group_strategy strategy)
{
    hl_isolation isolation = HL_ISOLATION_INIT(HL_IN_WORKER);

    isolation.deadline_ms = DEADLINE_MS;
    isolation.workers = 2;
    isolation.queue = 8;
    isolation.restarts_most = 1000000;
    isolation.backoff_ms = 1;
    isolation.backoff_most_ms = 4;
    isolation.group = "pair";
    isolation.strategy = strategy;
    return isolation;
}

static void open_group(hl_group_strategy strategy)
{
    static const char *const names[] = {"work", "other"};
    hl_isolation isolation = as_group(strategy);

    runtime = test_open("memory:", 0);
    for (int i = 0; i < 2; i++) {
        hl_event_spec spec = HL_EVENT_INIT(names[i]);

        spec.contract = &contract;
        ok(hl_event_define(runtime, &spec, &events[i]));
    }
    ok(hl_register_library(runtime, GUEST, HL_START | HL_ISOLATED));
    ok(hl_isolate(runtime, "guest", &isolation, HL_WAIT_IDLE));
    ok(hl_isolate(runtime, "other", &isolation, HL_WAIT_IDLE));
    answered = 0;
}

/* The pid that answers; 0: nobody does. */
static int32_t who(hl_event *event)
{
    guest_state at = {.id = 7};

    return hl_call(event, &at, NULL).verdict == HL_NEXT && at.answer == 22 ? at.pid : 0;
}

typedef struct search {
    const char *name;
    uint32_t number;
    int32_t pid;
} search;

static bool compare_name(const hl_worker_info *info, void *user)
{
    search *for_it = user;

    if (strcmp(info->name, for_it->name) == 0 && info->number == for_it->number)
        for_it->pid = info->pid;
    return for_it->pid == 0;
}

/* Of a worker that has one now, else 0. */
static int32_t pid_of(const char *name, uint32_t number)
{
    search search = {name, number, 0};

    if (hl_workers(runtime, compare_name, &search) != HL_OK)
        crowd_wrong("hl_workers: %s", hl_last_error()->message);
    return search.pid;
}

static bool works(int32_t pid)
{
    int32_t pids[4];
    size_t len = crowd_workers(runtime, pids, 4);
    bool found = false;

    for (size_t i = 0; i < len; i++)
        found |= pids[i] == pid;
    return found;
}

/* ---- the crowd ---- */

static bool is_documented(int64_t verdict)
{
    return verdict == HL_NEXT || verdict == HL_ERR_PLUGIN || verdict == HL_ERR_TIMEOUT || verdict == HL_ERR_LIMIT ||
           verdict == HL_ERR_NOT_LOADED || verdict == HL_ERR_CLOSED;
}

static void call(crowd_member *self)
{
    guest_state at = {.id = self->steps + 1, .act = crowd_pick(self, 8) ? GUEST_ANSWER : GUEST_SLEEP, .number = 2};
    uint64_t begun_ns = test_now_ns(), took_ns;
    int64_t verdict = hl_call(events[self->number % 2], &at, NULL).verdict;

    took_ns = test_now_ns() - begun_ns;
    if (!is_documented(verdict) || (verdict == HL_NEXT && at.answer != at.id * 3 + 1))
        crowd_wrong("call %llu was answered with %llu, verdict %lld", (unsigned long long)at.id,
                    (unsigned long long)at.answer, (long long)verdict);
    if (took_ns > DEADLINE_MS * UINT64_C(1000000) + CROWD_MARGIN_NS)
        crowd_wrong("a call took %llu ms", (unsigned long long)took_ns / 1000000);
    __atomic_add_fetch(&answered, verdict == HL_NEXT, __ATOMIC_RELAXED);
}

/* The whole group begins anew with each, and is given time for it now and then. */
static void kill_anybody(crowd_member *self)
{
    crowd_kill_any(self, runtime);
    test_sleep_ms(crowd_pick(self, 4) ? 50 : 300);
}

static void kill_the_last(crowd_member *self)
{
    int32_t pid = pid_of("other", 1);

    if (pid)
        crowd_kill(pid);
    test_sleep_ms(5 + crowd_pick(self, 30));
}

static void run_storm(void (*killer)(crowd_member *self))
{
    crowd_member members[] = {{.step = call, .number = 0},
                              {.step = call, .number = 1},
                              {.step = call, .number = 2},
                              {.step = killer}};

    crowd_begin(members, 4);
    test_sleep_ms(STORM_MS);
    crowd_end(members, 4);
}

static void end_storm(void)
{
    crowd_stop_listening();
    hl_close(runtime);
    print_message("%u answers, %u crashes\n", answered, crowd_crashes());
    assert_true(answered > 0);
    assert_true(crowd_crashes() > 2);
    crowd_nothing_left();
}

/* ---- the tests ---- */

static void one_for_all_begins_anew_after_any_kill(void **unused)
{
    int32_t before[4];

    (void)unused;
    crowd_nothing_yet();
    open_group(HL_ONE_FOR_ALL);
    crowd_listen(runtime);
    run_storm(kill_anybody);
    eventually(who(events[0]) && who(events[1]));
    eventually(crowd_workers(runtime, before, 4) == 4);
    assert_true(crowd_kill(before[3]));
    for (int i = 0; i < 4; i++)
        eventually(!works(before[i]));
    eventually(who(events[0]) && who(events[1]));
    end_storm();
}

static void rest_for_one_leaves_those_before_alone(void **unused)
{
    int32_t first[2];

    (void)unused;
    crowd_nothing_yet();
    open_group(HL_REST_FOR_ONE);
    eventually((first[0] = pid_of("guest", 0)) && (first[1] = pid_of("guest", 1)));
    crowd_listen(runtime);
    run_storm(kill_the_last);
    eventually(who(events[0]) && who(events[1]));
    assert_int_equal(pid_of("guest", 0), first[0]);
    assert_int_equal(pid_of("guest", 1), first[1]);
    end_storm();
}

/* ---- closing ---- */

static void call_until_closed(crowd_member *self)
{
    while (hl_call(events[self->number % 2], NULL, NULL).verdict != HL_ERR_CLOSED)
        call(self);
}

static bool go_on_with_call(const hl_inside_info *info, void *user)
{
    (void)info;
    (void)user;
    return true;
}

static bool go_on_with_crash(const hl_crash_info *info, void *user)
{
    (void)info;
    (void)user;
    return true;
}

static bool go_on_with_worker(const hl_worker_info *info, void *user)
{
    (void)info;
    (void)user;
    return true;
}

static void ask_until_closed(crowd_member *self)
{
    hl_status inside, crashes, workers;

    (void)self;
    do {
        inside = hl_inside(runtime, go_on_with_call, NULL);
        crashes = hl_crashes(runtime, go_on_with_crash, NULL);
        workers = hl_workers(runtime, go_on_with_worker, NULL);
    } while (inside == HL_OK && crashes == HL_OK && workers == HL_OK);
    if (workers != HL_ERR_CLOSED)
        crowd_wrong("hl_workers: %s", hl_last_error()->message);
}

static void closing_under_fire_leaves_nothing(void **unused)
{
    (void)unused;
    for (unsigned round = 0; round < CLOSINGS; round++) {
        crowd_member members[] = {{.step = call_until_closed, .number = 0},
                                  {.step = call_until_closed, .number = 1},
                                  {.step = ask_until_closed}};
        int32_t pids[4];

        crowd_nothing_yet();
        open_group(round % 2 ? HL_ONE_FOR_ALL : HL_REST_FOR_ONE);
        crowd_begin(members, 3);
        test_sleep_ms(20);
        for (size_t left = crowd_workers(runtime, pids, 4); left > 2; left--)
            crowd_kill(pids[left - 1]);
        hl_close(runtime);
        crowd_end(members, 3);
        crowd_nothing_left();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_for_all_begins_anew_after_any_kill),
        cmocka_unit_test(rest_for_one_leaves_those_before_alone),
        cmocka_unit_test(closing_under_fire_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

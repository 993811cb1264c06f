/* Threads call a plugin that runs in workers, and have it crash and sleep, while its operator says again and again how
 * it is to be isolated, stops it, enables it and registers it anew, and while somebody kills its workers. Each call has
 * to come to an end in its time, with an answer of its own or a status that hookline/isolation.h names, and nothing may
 * be left. */
#include <unistd.h>

#include "tests/stress/support/crowd.h"
#include "tests/support/worker_guest.h"

#define GUEST HL_TEST_PLUGINS "/worker-guest.so"
#define STORM_MS 4000
#define DEADLINE_MS 1000 /* the longest that any of the isolations gives */
#define BRISK "\"mode\":\"in_worker\",\"backoff_ms\":1,\"backoff_most_ms\":4"
#define PATIENT BRISK ",\"restarts_most\":100000"

static hl_runtime *runtime;
static hl_event *work;
static unsigned answered; /* atomic */

static const hl_field fields[] = {
    {"id", "uint64_t", offsetof(guest_state, id), sizeof(uint64_t)},
    {"answer", "uint64_t", offsetof(guest_state, answer), sizeof(uint64_t)},
};
static const hl_contract contract = {sizeof(hl_contract), "guest_state", sizeof(guest_state), fields, 2, NULL, 0};

static hl_event *define(const char *name)
{
    hl_event_spec spec = HL_EVENT_INIT(name);
    hl_event *event;

    spec.contract = &contract;
    ok(hl_event_define(runtime, &spec, &event));
    return event;
}

/* ---- callers ---- */

static void choose_act(crowd_member *self, guest_state *at)
{
    unsigned what = crowd_pick(self, 100);

    at->act = what < 2 ? GUEST_CRASH : what < 4 ? GUEST_EXIT : what < 5 ? GUEST_HANG : what < 25 ? GUEST_SLEEP : 0;
    at->number = at->act == GUEST_SLEEP ? (what < 8 ? 100 : what < 18 ? 20 : 2) : 0;
}

static bool is_documented(int64_t verdict)
{
    return verdict == HL_NEXT || verdict == HL_HALT || verdict == HL_ERR_PLUGIN || verdict == HL_ERR_TIMEOUT ||
           verdict == HL_ERR_LIMIT || verdict == HL_ERR_NOT_LOADED;
}

/* A plugin that is skipped, or not in the chain, leaves the state as it was; so does every failure. */
static void check_answer(const guest_state *at, int64_t verdict)
{
    if (!is_documented(verdict))
        crowd_wrong("a call was answered with %lld", (long long)verdict);
    if (at->answer == 0)
        return;
    __atomic_add_fetch(&answered, 1, __ATOMIC_RELAXED);
    if (verdict != HL_NEXT || at->answer != at->id * 3 + 1)
        crowd_wrong("call %llu was answered with %llu, verdict %lld", (unsigned long long)at->id,
                    (unsigned long long)at->answer, (long long)verdict);
    if (at->pid == (int32_t)getpid())
        crowd_wrong("call %llu ran in the server", (unsigned long long)at->id);
}

static void call(crowd_member *self)
{
    guest_state at = {.id = (uint64_t)self->number << 32 | self->steps};
    uint64_t begun_ns = test_now_ns(), took_ns;
    int64_t verdict;

    choose_act(self, &at);
    verdict = hl_call(work, &at, NULL).verdict;
    took_ns = test_now_ns() - begun_ns;
    check_answer(&at, verdict);
    if (took_ns > DEADLINE_MS * UINT64_C(1000000) + CROWD_MARGIN_NS)
        crowd_wrong("a call took %llu ms", (unsigned long long)took_ns / 1000000);
}

/* ---- the operator ---- */

static hl_status isolate(const char *json, unsigned flags)
{
    hl_isolation *isolation = NULL;
    hl_status status = json ? hl_isolation_parse(json, &isolation) : HL_OK;

    if (status == HL_OK)
        status = hl_isolate(runtime, "guest", isolation, flags);
    free(isolation);
    return status;
}

static hl_status isolate_somehow(crowd_member *self)
{
    static const char *const ways[] = {
        "{" PATIENT ",\"workers\":2,\"queue\":4,\"deadline_ms\":30}",
        "{" PATIENT
        ",\"workers\":2,\"queue\":1,\"deadline_ms\":50,\"when_full\":\"wait\",\"on_failure\":\"skip_plugin\"}",
        "{" PATIENT ",\"deadline_ms\":30,\"on_failure\":\"halt_chain\",\"breaker_failures\":2,\"breaker_open_ms\":5}",
        "{" BRISK ",\"workers\":2,\"restart\":\"temporary\"}",
        "{" BRISK ",\"workers\":2,\"restarts_most\":2,\"no_spin\":true}",
        NULL, /* what registration asked for */
    };

    return isolate(ways[crowd_pick(self, sizeof(ways) / sizeof(ways[0]))], crowd_pick(self, 4) ? 0 : HL_WAIT_IDLE);
}

static bool registered;

static hl_status register_it(void)
{
    hl_status status = hl_register_library(runtime, GUEST, HL_START | HL_ISOLATED);

    registered = status == HL_OK;
    return status;
}

static hl_status register_again(crowd_member *self)
{
    hl_status status = hl_unregister(runtime, "guest", crowd_pick(self, 2) ? HL_WAIT_IDLE : 0);

    return status == HL_OK ? register_it() : status;
}

static hl_status stop_and_enable(crowd_member *self)
{
    hl_status status = hl_stop(runtime, "guest", crowd_pick(self, 2) ? HL_WAIT_IDLE : 0);

    return status == HL_OK ? hl_enable(runtime, "guest", 0) : status;
}

static hl_status change(crowd_member *self)
{
    switch (crowd_pick(self, 8)) {
    case 0:
        return register_again(self);
    case 1:
        return hl_restart(runtime, "guest", 0);
    case 2:
        return stop_and_enable(self);
    default:
        return isolate_somehow(self);
    }
}

/* Nobody else changes records, so that only workers that get no time to become ready are a reason to fail. */
static void operate(crowd_member *self)
{
    hl_status status = registered ? change(self) : register_it();

    if (status != HL_OK && status != HL_ERR_PLUGIN)
        crowd_wrong("the operator was refused: %s", hl_last_error()->message);
    test_sleep_ms(crowd_pick(self, 20));
}

/* ---- the others ---- */

/* A pause is often long enough for the next one to become ready, also where everything is slow. */
static void kill_somebody(crowd_member *self)
{
    crowd_kill_any(self, runtime);
    test_sleep_ms(5 + crowd_pick(self, 150));
}

static bool look_at_call(const hl_inside_info *info, void *user)
{
    (void)user;
    if (strcmp(info->event, "work") != 0 || (info->worker && strcmp(info->plugin, "guest") != 0))
        crowd_wrong("a call is inside of event %s and plugin %s", info->event, info->plugin);
    return true;
}

static bool look_at_crash(const hl_crash_info *info, void *user)
{
    (void)user;
    if (strcmp(info->event, "work") != 0 && strcmp(info->event, "other") != 0)
        crowd_wrong("a crash was in event %s", info->event);
    return true;
}

static void look(crowd_member *self)
{
    int32_t pids[64];
    test_text text = {.len = 0};

    (void)self;
    crowd_workers(runtime, pids, 64);
    if (hl_inside(runtime, look_at_call, NULL) != HL_OK || hl_crashes(runtime, look_at_crash, NULL) != HL_OK ||
        hl_explain(runtime, "work", test_take_line, &text) != HL_OK)
        crowd_wrong("a question was refused: %s", hl_last_error()->message);
    test_sleep_ms(1);
}

/* ---- the test ---- */

static bool is_well(void)
{
    guest_state at = {.id = 7};

    return hl_call(work, &at, NULL).verdict == HL_NEXT && at.answer == 22;
}

static void every_call_comes_to_an_end_and_nothing_is_left(void **unused)
{
    crowd_member members[] = {{.step = call, .number = 1}, {.step = call, .number = 2}, {.step = call, .number = 3},
                              {.step = operate},           {.step = kill_somebody},     {.step = look}};

    (void)unused;
    crowd_nothing_yet();
    answered = 0;
    runtime = test_open("memory:", 0);
    work = define("work");
    define("other");
    crowd_listen(runtime);
    ok(register_it());
    crowd_begin(members, 6);
    test_sleep_ms(STORM_MS);
    crowd_end(members, 6);
    ok(register_it());
    ok(isolate("{" PATIENT ",\"workers\":2,\"queue\":4}", HL_WAIT_IDLE));
    ok(hl_restart(runtime, "guest", 0));
    eventually(is_well());
    crowd_stop_listening();
    hl_close(runtime);
    print_message("%u answers, %u changes, %u crashes\n", answered, members[3].steps, crowd_crashes());
    assert_true(answered > 10);
    assert_true(crowd_crashes() > 0);
    crowd_nothing_left();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_comes_to_an_end_and_nothing_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

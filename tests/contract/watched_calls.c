/* Watched calls: a call in the server's process that is over its deadline is told of and left out for other callers
 * while it goes on, a plugin can ask whether it should stop, and hl_inside says who is where. */
#include <pthread.h>
#include <unistd.h>

#include "tests/support/support.h"

static hl_runtime *runtime;
static hl_event *event;

static int begin(void **state)
{
    (void)state;
    runtime = test_open("memory:", 0);
    event = test_event(runtime, "e");
    return 0;
}

static int end(void **state)
{
    (void)state;
    hl_close(runtime);
    return 0;
}

static void give_deadline(const char *name, uint32_t ms)
{
    hl_isolation isolation = HL_ISOLATION_INIT(HL_IN_PROCESS);

    isolation.deadline_ms = ms;
    ok(hl_isolate(runtime, name, &isolation, HL_WAIT_COMPILED));
}

/* ---- plugins ---- */

/* Stays inside until it is let go. */
typedef struct gate {
    bool entered, open;
    unsigned calls;
} gate;

static hl_reply wait_at_gate(void *self, void *state, const void *meta)
{
    gate *at = self;

    (void)meta;
    __atomic_add_fetch(&at->calls, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&at->entered, true, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&at->open, __ATOMIC_SEQ_CST))
        test_sleep_ms(1);
    return hl_next(state);
}

static hl_reply stop_when_asked(void *self, void *state, const void *meta)
{
    uint64_t *late_ns = self;
    uint64_t deadline_ns = hl_call_deadline_ns();

    (void)meta;
    while (!hl_should_stop())
        test_sleep_ms(1);
    *late_ns = test_now_ns() - deadline_ns;
    return hl_next(state);
}

/* ---- a caller of its own ---- */

typedef struct caller {
    pthread_t thread;
    hl_event *event;
    hl_reply reply;
    int32_t tid; /* atomic */
} caller;

static void *dispatch(void *argument)
{
    caller *of = argument;
    test_trail trail = {""};

    __atomic_store_n(&of->tid, gettid(), __ATOMIC_SEQ_CST);
    of->reply = hl_call(of->event, &trail, NULL);
    return NULL;
}

static void call_begin(caller *of, hl_event *at)
{
    *of = (caller){.event = at};
    assert_int_equal(pthread_create(&of->thread, NULL, dispatch, of), 0);
}

static void call_end(caller *of)
{
    pthread_join(of->thread, NULL);
    assert_int_equal(of->reply.verdict, HL_NEXT);
}

static void hang(caller *of, gate *at)
{
    call_begin(of, event);
    eventually(__atomic_load_n(&at->entered, __ATOMIC_SEQ_CST));
}

static void let_go(caller *of, gate *at)
{
    __atomic_store_n(&at->open, true, __ATOMIC_SEQ_CST);
    call_end(of);
}

/* ---- asking ---- */

static const char *reason_of(const char *name)
{
    static char reason[512];
    hl_plugin_info info;

    ok(hl_plugin_get(runtime, name, &info));
    snprintf(reason, sizeof(reason), "%s", info.reason);
    hl_plugin_info_cleanup(&info);
    return reason;
}

static bool is_out(const char *name)
{
    return strstr(reason_of(name), "was over its deadline") != NULL;
}

static bool explains(const char *text)
{
    static test_text lines;

    lines.len = 0;
    lines.text[0] = '\0';
    ok(hl_explain(runtime, "e", test_take_line, &lines));
    return strstr(lines.text, text) != NULL;
}

typedef struct insides {
    hl_inside_info rows[8];
    char events[8][64], plugins[8][64];
    size_t len;
} insides;

static bool add_inside(const hl_inside_info *info, void *user)
{
    insides *to = user;

    assert_true(to->len < 8);
    assert_true(info->size == sizeof(*info));
    to->rows[to->len] = *info;
    snprintf(to->events[to->len], sizeof(to->events[0]), "%s", info->event);
    snprintf(to->plugins[to->len], sizeof(to->plugins[0]), "%s", info->plugin);
    to->len++;
    return true;
}

static insides ask_inside(void)
{
    insides found = {.len = 0};

    ok(hl_inside(runtime, add_inside, &found));
    return found;
}

/* ---- deadlines ---- */

static void a_call_over_its_deadline_is_told_and_left_out_for_others_while_it_goes_on(void **state)
{
    gate slow = {false, false, 0};
    test_notices notices;
    caller of;
    uint64_t begun_ns;

    (void)state;
    run(runtime, .name = "a", .event = "e");
    run(runtime, .name = "slow", .event = "e", .call = wait_at_gate, .self = &slow, .priority = PRIORITY(5));
    give_deadline("slow", 50);
    test_settle(runtime, event);
    test_notices_begin(runtime, &notices);
    begun_ns = test_now_ns();
    hang(&of, &slow);
    assert_false(is_out("slow"));
    eventually(is_out("slow"));
    assert_true(test_now_ns() - begun_ns >= 50000000);
    assert_non_null(strstr(test_notices_take(&notices), "overdue slow\n"));
    test_notices_end(&notices);
    assert_string_equal(test_run_trail(event), "a,");
    assert_string_equal(test_status(runtime, "slow"), "started");
    assert_true(explains("\"slow\" (started) does not run: a call in thread "));
    assert_true(explains("was over its deadline of 50 ms; restart it to have it called again"));
    assert_int_equal(slow.calls, 1);
    let_go(&of, &slow);
    assert_true(is_out("slow"));
    test_settle(runtime, event);
    assert_string_equal(test_run_trail(event), "a,");
}

static hl_status restart_by(int way)
{
    if (way == 0)
        return hl_restart(runtime, "slow", HL_WAIT_COMPILED);
    return way == 1 ? hl_restart_event(runtime, "e", HL_WAIT_COMPILED) : hl_restart_all(runtime, HL_WAIT_COMPILED);
}

static void a_restart_takes_it_in_again_though_the_old_call_still_hangs(void **state)
{
    gate slow = {false, false, 0}, before;
    caller of;

    (void)state;
    run(runtime, .name = "slow", .event = "e", .call = wait_at_gate, .self = &slow);
    give_deadline("slow", 20);
    hang(&of, &slow);
    eventually(is_out("slow"));
    for (int i = 0; i < 3; i++) {
        ok(restart_by(i));
        assert_string_equal(reason_of("slow"), "");
        test_sleep_ms(120); /* it is told once, and not again for every restart */
        assert_string_equal(reason_of("slow"), "");
    }
    before = slow;
    let_go(&of, &slow);
    assert_int_equal(hl_call(event, NULL, NULL).verdict, HL_NEXT);
    assert_int_equal(slow.calls, before.calls + 1);
}

static void registering_it_or_another_isolation_takes_it_in_again(void **state)
{
    gate slow = {false, false, 0};
    caller of, other;

    (void)state;
    run(runtime, .name = "slow", .event = "e", .call = wait_at_gate, .self = &slow);
    give_deadline("slow", 20);
    hang(&of, &slow);
    eventually(is_out("slow"));
    run(runtime, .name = "slow", .event = "e", .call = wait_at_gate, .self = &slow);
    assert_string_equal(reason_of("slow"), "");
    slow.entered = false;
    hang(&other, &slow);
    eventually(is_out("slow"));
    give_deadline("slow", 3000);
    assert_string_equal(reason_of("slow"), "");
    let_go(&other, &slow);
    call_end(&of);
}

static void a_call_within_its_deadline_is_left_alone(void **state)
{
    gate slow = {false, false, 0};
    caller of;

    (void)state;
    run(runtime, .name = "slow", .event = "e", .call = wait_at_gate, .self = &slow);
    give_deadline("slow", 10000);
    hang(&of, &slow);
    test_sleep_ms(100);
    assert_string_equal(reason_of("slow"), "");
    let_go(&of, &slow);
    assert_string_equal(test_status(runtime, "slow"), "started");
}

static void a_plugin_that_asks_can_stop_itself_and_stays_in_the_chain(void **state)
{
    uint64_t late_ns = UINT64_MAX;

    (void)state;
    run(runtime, .name = "asks", .event = "e", .call = stop_when_asked, .self = &late_ns);
    give_deadline("asks", 30);
    test_settle(runtime, event);
    for (int i = 0; i < 3; i++) {
        uint64_t begun_ns = test_now_ns();

        assert_int_equal(hl_call(event, NULL, NULL).verdict, HL_NEXT);
        assert_true(test_now_ns() - begun_ns >= 30000000);
    }
    test_sleep_ms(100);
    assert_string_equal(reason_of("asks"), "");
    assert_true(late_ns < UINT64_MAX / 2);
}

static hl_reply ask_deadline(void *self, void *state, const void *meta)
{
    (void)meta;
    *(uint64_t *)self = hl_call_deadline_ns();
    assert_false(hl_should_stop());
    return hl_next(state);
}

static void without_a_deadline_there_is_none_to_ask_for(void **state)
{
    uint64_t deadline_ns = 1;

    (void)state;
    run(runtime, .name = "asks", .event = "e", .call = ask_deadline, .self = &deadline_ns);
    hl_call(event, NULL, NULL);
    assert_true(deadline_ns == 0);
    ok(hl_watch(runtime, "e", true));
    hl_call(event, NULL, NULL);
    assert_true(deadline_ns == 0);
    assert_true(hl_call_deadline_ns() == 0);
    give_deadline("asks", 500);
    hl_call(event, NULL, NULL);
    assert_true(deadline_ns > test_now_ns() + 400000000 && deadline_ns < test_now_ns() + 600000000);
}

static hl_event *inner_event;

static hl_reply call_inner(void *self, void *state, const void *meta)
{
    (void)self;
    return hl_call(inner_event, state, meta);
}

/* The plugin inside has no deadline of its own, but the one around it has. */
static void a_nested_call_has_the_deadline_of_the_one_around_it(void **state)
{
    uint64_t late_ns = UINT64_MAX;

    (void)state;
    inner_event = test_event(runtime, "inner");
    run(runtime, .name = "outer", .event = "e", .call = call_inner);
    run(runtime, .name = "asks", .event = "inner", .call = stop_when_asked, .self = &late_ns);
    give_deadline("outer", 30);
    test_settle(runtime, event);
    assert_int_equal(hl_call(event, NULL, NULL).verdict, HL_NEXT);
    assert_true(late_ns < UINT64_MAX / 2);
}

static unsigned depth;

static hl_reply call_itself(void *self, void *state, const void *meta)
{
    hl_reply reply = hl_next(state);

    (void)self;
    if (depth < 20) {
        depth++;
        reply = hl_call(event, state, meta);
    }
    return reply;
}

/* Deeper than is written down. */
static void deep_nesting_is_counted_right(void **state)
{
    gate slow = {false, true, 0};

    (void)state;
    run(runtime, .name = "deep", .event = "e", .call = call_itself);
    run(runtime, .name = "slow", .event = "e", .call = wait_at_gate, .self = &slow);
    ok(hl_watch(runtime, "e", true));
    test_settle(runtime, event);
    for (int i = 0; i < 3; i++) {
        depth = 0;
        assert_int_equal(hl_call(event, NULL, NULL).verdict, HL_NEXT);
        assert_int_equal(depth, 20);
        assert_int_equal(ask_inside().len, 0);
    }
    assert_int_equal(slow.calls, 3 * 21);
}

/* ---- who is inside ---- */

static void watched_events_name_the_plugin_and_others_do_when_there_is_one(void **state)
{
    gate slow = {false, false, 0};
    insides found;
    caller of;

    (void)state;
    run(runtime, .name = "slow", .event = "e", .call = wait_at_gate, .self = &slow);
    hang(&of, &slow);
    found = ask_inside();
    assert_int_equal(found.len, 1);
    assert_string_equal(found.events[0], "e");
    assert_string_equal(found.plugins[0], "slow");
    assert_int_equal(found.rows[0].tid, of.tid);
    assert_int_equal(found.rows[0].worker, 0);
    let_go(&of, &slow);

    slow = (gate){false, false, 0};
    run(runtime, .name = "b", .event = "e", .priority = PRIORITY(5));
    hang(&of, &slow);
    assert_string_equal(ask_inside().plugins[0], "");
    let_go(&of, &slow);

    slow = (gate){false, false, 0};
    ok(hl_watch(runtime, "e", true));
    test_settle(runtime, event);
    hang(&of, &slow);
    test_sleep_ms(100);
    found = ask_inside();
    assert_string_equal(found.plugins[0], "slow");
    assert_true(found.rows[0].since_ns >= 10000000);
    let_go(&of, &slow);
    assert_int_equal(ask_inside().len, 0);
}

/* Its generation is the one that it runs, though a newer one is published. */
static void a_dispatch_of_an_old_generation_is_shown_with_that(void **state)
{
    gate slow = {false, false, 0};
    uint64_t generation;
    caller of;

    (void)state;
    run(runtime, .name = "slow", .event = "e", .call = wait_at_gate, .self = &slow);
    test_settle(runtime, event);
    hang(&of, &slow);
    generation = ask_inside().rows[0].generation;
    assert_true(generation > 0);
    run(runtime, .name = "b", .event = "e");
    test_settle(runtime, event);
    assert_int_equal(ask_inside().len, 1);
    assert_int_equal(ask_inside().rows[0].generation, generation);
    assert_string_equal(ask_inside().plugins[0], "slow");
    let_go(&of, &slow);
}

static void nested_dispatches_are_shown_one_by_one(void **state)
{
    gate slow = {false, false, 0};
    insides found;
    caller of;

    (void)state;
    inner_event = test_event(runtime, "inner");
    run(runtime, .name = "outer", .event = "e", .call = call_inner);
    run(runtime, .name = "slow", .event = "inner", .call = wait_at_gate, .self = &slow);
    ok(hl_watch(runtime, "e", true));
    ok(hl_watch(runtime, "inner", true));
    test_settle(runtime, event);
    hang(&of, &slow);
    found = ask_inside();
    assert_int_equal(found.len, 2);
    assert_string_equal(found.plugins[0], "outer");
    assert_string_equal(found.plugins[1], "slow");
    assert_string_equal(found.events[1], "inner");
    let_go(&of, &slow);
}

static bool first_only(const hl_inside_info *info, void *user)
{
    (void)info;
    ++*(size_t *)user;
    return false;
}

/* Threads that ended while their event was watched are nobody's any more, and their places are used again. */
static void threads_that_end_leave_nothing_behind(void **state)
{
    gate open = {false, true, 0};
    size_t seen = 0;
    caller of[4];

    (void)state;
    run(runtime, .name = "quick", .event = "e", .call = wait_at_gate, .self = &open);
    give_deadline("quick", 20);
    ok(hl_watch(runtime, "e", true));
    test_settle(runtime, event);
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < 4; i++)
            call_begin(&of[i], event);
        for (size_t i = 0; i < 4; i++)
            call_end(&of[i]);
    }
    assert_int_equal(ask_inside().len, 0);
    assert_int_equal(open.calls, 80);
    assert_string_equal(reason_of("quick"), "");
    open = (gate){false, false, 0};
    hang(&of[0], &open);
    hang(&of[1], &open);
    eventually(open.calls == 2);
    ok(hl_inside(runtime, first_only, &seen));
    assert_int_equal(seen, 1);
    let_go(&of[0], &open);
    call_end(&of[1]);
}

static void watching_changes_nothing_that_a_dispatch_does(void **state)
{
    (void)state;
    run(runtime, .name = "a", .event = "e", .priority = PRIORITY(3));
    run(runtime, .name = "b", .event = "e", .priority = PRIORITY(2));
    test_settle(runtime, event);
    assert_string_equal(test_run_trail(event), "b,a,");
    ok(hl_watch(runtime, "e", true));
    test_settle(runtime, event);
    assert_string_equal(test_run_trail(event), "b,a,");
    ok(hl_watch(runtime, "e", false));
    test_settle(runtime, event);
    assert_string_equal(test_run_trail(event), "b,a,");
}

static void unknown_events_and_missing_arguments_are_refused(void **state)
{
    (void)state;
    refused(hl_watch(runtime, "nothing", true), HL_ERR_NOT_FOUND, "event");
    refused(hl_watch(runtime, "", true), HL_ERR_INVALID, "event");
    refused(hl_inside(runtime, NULL, NULL), HL_ERR_INVALID, "callback");
    refused(hl_crashes(runtime, NULL, NULL), HL_ERR_INVALID, "callback");
}

/* ---- other means of seeing it ---- */

static bool check_health(const hl_event_health *health, void *user)
{
    *(bool *)user = health->available && !health->healthy && health->plugins_len == 2 &&
                    strstr(health->plugins[1].reason, "was over its deadline") && !health->plugins[1].in_chain;
    return true;
}

static void health_names_the_call_that_hangs(void **state)
{
    gate slow = {false, false, 0};
    bool right = false;
    caller of;

    (void)state;
    run(runtime, .name = "a", .event = "e");
    run(runtime, .name = "slow", .event = "e", .call = wait_at_gate, .self = &slow, .priority = PRIORITY(1));
    give_deadline("slow", 20);
    hang(&of, &slow);
    eventually(is_out("slow"));
    ok(hl_health_event(runtime, "e", 0, check_health, &right));
    assert_true(right);
    let_go(&of, &slow);
}

static bool count_row(const hl_profile_row *row, void *user)
{
    assert_string_equal(row->name, "a");
    ++*(unsigned *)user;
    return true;
}

static void a_profile_calls_watched_plugins_too(void **state)
{
    test_trail trail = {""};
    unsigned rows = 0;

    (void)state;
    run(runtime, .name = "a", .event = "e");
    give_deadline("a", 1000);
    ok(hl_profile(event, &trail, NULL, count_row, &rows, NULL));
    assert_string_equal(trail.text, "a,");
    assert_int_equal(rows, 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_call_over_its_deadline_is_told_and_left_out_for_others_while_it_goes_on),
        CASE(a_restart_takes_it_in_again_though_the_old_call_still_hangs),
        CASE(registering_it_or_another_isolation_takes_it_in_again),
        CASE(a_call_within_its_deadline_is_left_alone),
        CASE(a_plugin_that_asks_can_stop_itself_and_stays_in_the_chain),
        CASE(without_a_deadline_there_is_none_to_ask_for),
        CASE(a_nested_call_has_the_deadline_of_the_one_around_it),
        CASE(deep_nesting_is_counted_right),
        CASE(watched_events_name_the_plugin_and_others_do_when_there_is_one),
        CASE(a_dispatch_of_an_old_generation_is_shown_with_that),
        CASE(nested_dispatches_are_shown_one_by_one),
        CASE(threads_that_end_leave_nothing_behind),
        CASE(watching_changes_nothing_that_a_dispatch_does),
        CASE(unknown_events_and_missing_arguments_are_refused),
        CASE(health_names_the_call_that_hangs),
        CASE(a_profile_calls_watched_plugins_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

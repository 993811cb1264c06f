/* Health and profile: rows HL-01 to HL-08, PD-06, CA-18, EC-04, CF-08, X-058, X-059. Rows CM-03, CM-06. */
#include <pthread.h>
#include <unistd.h>

#include "tests/support/support.h"

static hl_runtime *runtime;

static int open_it(void **unused)
{
    (void)unused;
    runtime = test_open("memory:", 0);
    return 0;
}

static int close_it(void **unused)
{
    (void)unused;
    hl_close(runtime);
    return 0;
}

/* ---- health functions ---- */

static hl_health_state answer(void *self, char *reason, size_t reason_len)
{
    const int *state = self;

    if (*state)
        snprintf(reason, reason_len, "state %d", *state);
    return (hl_health_state)*state;
}

static int fine = HL_HEALTH_OK, degraded = HL_HEALTH_DEGRADED, failed = HL_HEALTH_FAILED, odd = 77;
static int hanging_calls, let_go; /* atomic */

static hl_health_state hang(void *self, char *reason, size_t reason_len)
{
    (void)self;
    __atomic_add_fetch(&hanging_calls, 1, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&let_go, __ATOMIC_SEQ_CST))
        test_sleep_ms(1);
    snprintf(reason, reason_len, "too late");
    return HL_HEALTH_OK;
}

static hl_health_state slow(void *self, char *reason, size_t reason_len)
{
    (void)self;
    (void)reason;
    (void)reason_len;
    test_sleep_ms(200);
    return HL_HEALTH_OK;
}

static hl_health_state write_all(void *self, char *reason, size_t reason_len)
{
    (void)self;
    memset(reason, 'x', reason_len);
    return HL_HEALTH_DEGRADED;
}

static void run_with_health(const char *name, hl_health_fn *health, void *self)
{
    run(runtime, .name = name, .event = "e", .call = test_do_nothing, .health = health, .self = self);
}

/* ---- reports ---- */

typedef struct plugin_report {
    hl_plugin_health health;
    char reason[512];
} plugin_report;

static bool take_plugin(const hl_plugin_health *health, void *user)
{
    plugin_report *to = user;

    assert_int_equal(health->size, sizeof(*health));
    to->health = *health;
    snprintf(to->reason, sizeof(to->reason), "%s", health->reason);
    return true;
}

static plugin_report report_of(const char *name)
{
    plugin_report report = {0};

    ok(hl_health_plugin(runtime, name, 800, take_plugin, &report));
    return report;
}

/* HL-02, EC-04 */
static void each_outcome_of_a_probe_is_told_apart(void **unused)
{
    plugin_report report;

    (void)unused;
    test_event(runtime, "e");
    run_with_health("fine", answer, &fine);
    run_with_health("degraded", answer, &degraded);
    run_with_health("failed", answer, &failed);
    run_with_health("odd", answer, &odd);
    run_with_health("none", NULL, NULL);
    run_with_health("writes", write_all, NULL);
    report = report_of("fine");
    assert_int_equal(report.health.probe, HL_PROBE_OK);
    assert_true(report.health.healthy && report.health.in_chain && report.health.loaded && report.health.expected);
    assert_string_equal(report.reason, "");
    report = report_of("degraded");
    assert_int_equal(report.health.probe, HL_PROBE_DEGRADED);
    assert_false(report.health.healthy);
    assert_string_equal(report.reason, "state 1");
    report = report_of("failed");
    assert_int_equal(report.health.probe, HL_PROBE_FAILED);
    assert_false(report.health.healthy);
    report = report_of("odd");
    assert_int_equal(report.health.probe, HL_PROBE_BAD_RETURN);
    assert_false(report.health.healthy);
    report = report_of("none");
    assert_int_equal(report.health.probe, HL_PROBE_NONE);
    assert_true(report.health.healthy);
    report = report_of("writes");
    assert_true(strlen(report.reason) > 8 && strlen(report.reason) < sizeof(report.reason) - 1);
    refused(hl_health_plugin(runtime, "unknown", 100, take_plugin, &report), HL_ERR_NOT_FOUND, "name");
}

/* HL-06 */
static void health_is_asked_anew_each_time(void **unused)
{
    static int changes = HL_HEALTH_OK;

    (void)unused;
    test_event(runtime, "e");
    run_with_health("p", answer, &changes);
    assert_true(report_of("p").health.healthy);
    changes = HL_HEALTH_FAILED;
    assert_false(report_of("p").health.healthy);
    changes = HL_HEALTH_OK;
    assert_true(report_of("p").health.healthy);
}

typedef struct event_report {
    int count;
    hl_event_health health;
    char text[1024]; /* "name probe healthy expected reason" a line */
} event_report;

static bool take_event(const hl_event_health *health, void *user)
{
    event_report *to = user;
    size_t used = 0;

    to->count++;
    to->health = *health;
    to->text[0] = '\0';
    for (size_t i = 0; i < health->plugins_len; i++) {
        const hl_plugin_health *plugin = &health->plugins[i];

        used += (size_t)snprintf(to->text + used, sizeof(to->text) - used, "%s %d %d %d %s\n", plugin->name,
                                 (int)plugin->probe, plugin->healthy, plugin->expected, plugin->reason);
    }
    return true;
}

static event_report event_report_of(const char *event, uint32_t timeout_ms)
{
    event_report report = {0};

    ok(hl_health_event(runtime, event, timeout_ms, take_event, &report));
    assert_int_equal(report.count, 1);
    return report;
}

/* HL-04, HL-07, X-058: those outside the chain are listed too, with the reason. */
static void an_events_report_lists_its_chain_in_order_and_then_the_others(void **unused)
{
    event_report report;

    (void)unused;
    run_with_health("b", answer, &fine);
    run(runtime, .name = "a", .event = "e", .call = test_do_nothing, .depends = "b");
    add(runtime, .name = "y-registered", .event = "e");
    run(runtime, .name = "x-stopped", .event = "e");
    ok(hl_stop(runtime, "x-stopped", 0));
    test_event(runtime, "e");
    report = event_report_of("e", 5000);
    assert_string_equal(report.text, "b 0 1 1 \na 5 1 1 \n"
                                     "x-stopped 5 0 0 an operator stopped it\n"
                                     "y-registered 5 0 0 it was never started\n");
    assert_true(report.health.healthy && report.health.available && report.health.opened);
    run(runtime, .name = "w-held", .event = "e", .depends = "x-stopped");
    report = event_report_of("e", 5000);
    assert_false(report.health.healthy);
    assert_non_null(strstr(report.text, "w-held 5 0 1 it is held until \"x-stopped\" (stopped) is active\n"));
    refused(hl_health_event(runtime, "unknown", 100, take_event, &report), HL_ERR_NOT_FOUND, "event");
}

/* */
static void an_event_without_plugins_is_empty_and_not_healthy(void **unused)
{
    event_report report;

    (void)unused;
    test_event(runtime, "e");
    report = event_report_of("e", 100);
    assert_true(report.health.empty);
    assert_false(report.health.healthy);
}

static void an_event_this_process_did_not_open_says_so(void **unused)
{
    (void)unused;
    run_with_health("p", answer, &fine);
    assert_false(event_report_of("e", 100).health.opened);
}

/* HL-01, HL-04: the others are asked at the same time and answer; the hanging one is not asked twice. */
static void a_probe_that_hangs_costs_only_its_own_report(void **unused)
{
    hl_event *event = test_event(runtime, "e");
    event_report report;
    uint64_t start;

    (void)unused;
    hanging_calls = let_go = 0;
    run_with_health("hangs", hang, NULL);
    run_with_health("fine", answer, &fine);
    start = test_now_ns();
    report = event_report_of("e", 600);
    assert_true(test_now_ns() - start < 5000000000u);
    assert_non_null(strstr(report.text, "fine 0 1 1 \n"));
    assert_non_null(strstr(report.text, "hangs 3 0 1 "));
    report = event_report_of("e", 600);
    assert_non_null(strstr(report.text, "hangs 7 0 1 "));
    assert_int_equal(__atomic_load_n(&hanging_calls, __ATOMIC_SEQ_CST), 1);
    assert_int_equal(hl_call(event, NULL, NULL).verdict, HL_NEXT);
    ok(hl_stop(runtime, "hangs", 0));
    ok(hl_enable(runtime, "hangs", 0));
    __atomic_store_n(&let_go, 1, __ATOMIC_SEQ_CST);
    eventually(strstr(event_report_of("e", 600).text, "hangs 0 1 1 "));
}

static int released; /* atomic */

static void note_release(void *self)
{
    (void)self;
    __atomic_store_n(&released, 1, __ATOMIC_SEQ_CST);
}

/* G4 for probes: its code is in use as well. */
static void a_hanging_probe_keeps_its_plugin_from_being_released_and_nothing_else(void **unused)
{
    (void)unused;
    test_event(runtime, "e");
    hanging_calls = let_go = released = 0;
    run(runtime, .name = "hangs", .event = "e", .call = test_do_nothing, .health = hang, .release = note_release);
    run_with_health("other", answer, &fine);
    assert_int_equal(report_of("hangs").health.probe, HL_PROBE_TIMEOUT);
    ok(hl_unregister(runtime, "hangs", 0));
    ok(hl_unregister(runtime, "other", 0));
    test_sleep_ms(50);
    assert_int_equal(__atomic_load_n(&released, __ATOMIC_SEQ_CST), 0);
    __atomic_store_n(&let_go, 1, __ATOMIC_SEQ_CST);
    eventually(__atomic_load_n(&released, __ATOMIC_SEQ_CST));
}

static void probes_run_at_the_same_time(void **unused)
{
    static const char *const names[] = {"s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"};
    uint64_t start;

    (void)unused;
    test_event(runtime, "e");
    for (size_t i = 0; i < 8; i++)
        run_with_health(names[i], slow, NULL);
    start = test_now_ns();
    assert_true(event_report_of("e", 5000).health.healthy);
    assert_true(test_now_ns() - start < 1300000000u);
}

/* HL-05 */
static bool stop_after_one(const hl_event_health *health, void *user)
{
    take_event(health, user);
    return false;
}

static void every_event_is_reported_on(void **unused)
{
    event_report report = {0};

    (void)unused;
    test_event(runtime, "e");
    run_with_health("p", answer, &fine);
    run(runtime, .name = "q", .event = "f");
    test_event(runtime, "g");
    ok(hl_health(runtime, 200, take_event, &report));
    assert_int_equal(report.count, 3);
    report.count = 0;
    ok(hl_health(runtime, 200, stop_after_one, &report));
    assert_int_equal(report.count, 1);
    refused(hl_health(runtime, 200, NULL, NULL), HL_ERR_INVALID, "callback");
    refused(hl_health_event(runtime, NULL, 200, take_event, &report), HL_ERR_INVALID, "event");
}

static void *ask_for_slow(void *out)
{
    *(plugin_report *)out = report_of("slow");
    return NULL;
}

/* HL-01 */
static void two_may_ask_at_the_same_time(void **unused)
{
    plugin_report other, mine;
    pthread_t thread;

    (void)unused;
    test_event(runtime, "e");
    run_with_health("slow", slow, NULL);
    assert_int_equal(pthread_create(&thread, NULL, ask_for_slow, &other), 0);
    test_sleep_ms(50);
    mine = report_of("slow");
    pthread_join(thread, NULL);
    assert_int_equal(mine.health.probe, HL_PROBE_OK);
    assert_int_equal(other.health.probe, HL_PROBE_OK);
    assert_true(mine.health.healthy && other.health.healthy);
}

/* HL-01: what hangs on one event is not waited for again with the next. */
static void probes_of_all_events_run_at_the_same_time(void **unused)
{
    static const char *const names[] = {"h0", "h1", "h2", "h3", "h4"};
    event_report report = {0};
    uint64_t start;

    (void)unused;
    __atomic_store_n(&let_go, 0, __ATOMIC_SEQ_CST);
    for (size_t i = 0; i < 5; i++)
        run(runtime, .name = names[i], .event = names[i], .call = test_do_nothing, .health = hang);
    start = test_now_ns();
    ok(hl_health(runtime, 600, take_event, &report));
    assert_in_range(test_now_ns() - start, 600000000u, 1800000000u);
    assert_int_equal(report.count, 5);
    assert_non_null(strstr(report.text, "h4 3 0 1 its health function did not answer in time\n"));
    __atomic_store_n(&let_go, 1, __ATOMIC_SEQ_CST);
}

static void code_that_is_missing_is_unhealthy(void **unused)
{
    const char *folder = test_folder();
    hl_runtime *kept = runtime;
    event_report report;

    (void)unused;
    runtime = test_open(test_lmdb(folder), 0);
    run_with_health("p", answer, &fine);
    hl_close(runtime);
    runtime = test_open(test_lmdb(folder), 0);
    test_event(runtime, "e");
    report = event_report_of("e", 100);
    assert_false(report.health.available || report.health.healthy);
    assert_non_null(strstr(report.text, "p 6 0 1 "));
    hl_close(runtime);
    runtime = kept;
    test_folder_remove(folder);
}

/* ---- profile: HL-08, X-059 ---- */

typedef struct counted {
    int calls;
} counted;

static const hl_field counted_fields[] = {HL_FIELD(counted, int, calls)};
static const hl_contract counted_contract =
    {sizeof(hl_contract), "counted", sizeof(counted), counted_fields, 1, NULL, 0};

static hl_reply count_and_answer(void *self, void *state, const void *meta)
{
    const int64_t *verdict = self;

    if (state)
        ((counted *)state)->calls++;
    if (meta)
        test_sleep_ms(20);
    return (hl_reply){state, *verdict};
}

static int64_t next = HL_NEXT, halt_verdict = HL_HALT, fail_verdict = HL_ERR_TIMEOUT;

typedef struct rows {
    size_t len;
    hl_profile_row row[8];
    char names[128];
} rows;

static bool take_row(const hl_profile_row *row, void *user)
{
    rows *to = user;

    assert_int_equal(row->size, sizeof(*row));
    to->row[to->len++] = *row;
    strcat(strcat(to->names, row->name), " ");
    return to->len < 8;
}

static void run_answering(const char *name, const char *event, int64_t *verdict)
{
    run(runtime, .name = name, .event = event, .call = count_and_answer, .self = verdict);
}

static void a_profile_times_every_plugin_once_in_order(void **unused)
{
    hl_event *event = test_event(runtime, "e");
    counted state = {0};
    rows found = {0};
    hl_reply reply;

    (void)unused;
    run_answering("a", "e", &next);
    run_answering("b", "e", &next);
    test_settle(runtime, event);
    ok(hl_profile(event, &state, "meta", take_row, &found, &reply));
    assert_string_equal(found.names, "a b ");
    assert_true(found.row[0].elapsed_ns > 15000000 && found.row[0].elapsed_ns < 5000000000);
    assert_int_equal(found.row[1].verdict, HL_NEXT);
    assert_int_equal(reply.verdict, HL_NEXT);
    assert_ptr_equal(reply.state, &state);
    assert_int_equal(state.calls, 2);
    assert_int_equal(hl_event_engine(event), test_engine());
}

static void a_profile_ends_where_the_chain_ends(void **unused)
{
    hl_event *event = test_event(runtime, "e");
    rows found = {0};
    hl_reply reply;

    (void)unused;
    run_answering("a", "e", &next);
    run_answering("b", "e", &halt_verdict);
    run_answering("c", "e", &next);
    ok(hl_profile(event, NULL, NULL, take_row, &found, &reply));
    assert_string_equal(found.names, "a b ");
    assert_int_equal(found.row[1].verdict, HL_HALT);
    assert_int_equal(reply.verdict, HL_HALT);
    run_answering("b", "e", &fail_verdict);
    memset(&found, 0, sizeof(found));
    ok(hl_profile(event, NULL, NULL, take_row, &found, &reply));
    assert_string_equal(found.names, "a b ");
    assert_int_equal(reply.verdict, HL_ERR_TIMEOUT);
}

static void a_profile_spares_a_state_whose_size_is_known(void **unused)
{
    hl_event_spec spec = HL_EVENT_INIT("sized");
    counted state = {5};
    rows found = {0};
    hl_event *event;
    hl_reply reply;

    (void)unused;
    spec.contract = &counted_contract;
    ok(hl_event_define(runtime, &spec, &event));
    run_answering("a", "sized", &next);
    ok(hl_profile(event, &state, NULL, take_row, &found, &reply));
    assert_int_equal(state.calls, 5);
    assert_ptr_equal(reply.state, &state);
    ok(hl_profile(event, NULL, NULL, take_row, &found, NULL));
}

static bool take_one_row(const hl_profile_row *row, void *user)
{
    take_row(row, user);
    return false;
}

static bool unregister_it(const hl_profile_row *row, void *unused)
{
    (void)unused;
    ok(hl_unregister(runtime, row->name, HL_WAIT_IDLE));
    return true;
}

static void rows_are_told_after_the_run_so_that_their_receiver_may_do_anything(void **unused)
{
    hl_event *event = test_event(runtime, "e");
    rows found = {0};

    (void)unused;
    run_answering("a", "e", &next);
    run_answering("b", "e", &next);
    ok(hl_profile(event, NULL, NULL, take_one_row, &found, NULL));
    assert_string_equal(found.names, "a ");
    ok(hl_profile(event, NULL, NULL, unregister_it, NULL, NULL));
    assert_string_equal(test_statuses(runtime), "");
    refused(hl_profile(event, NULL, NULL, NULL, NULL, NULL), HL_ERR_INVALID, "callback");
    refused(hl_profile(NULL, NULL, NULL, take_row, &found, NULL), HL_ERR_INVALID, "event");
}

static void what_cannot_run_cannot_be_profiled(void **unused)
{
    const char *folder = test_folder();
    hl_runtime *kept = runtime;
    rows found = {0};

    (void)unused;
    runtime = test_open(test_lmdb(folder), 0);
    run_answering("a", "e", &next);
    hl_close(runtime);
    runtime = test_open(test_lmdb(folder), 0);
    refused(hl_profile(test_event(runtime, "e"), NULL, NULL, take_row, &found, NULL), HL_ERR_NOT_LOADED, NULL);
    hl_close(runtime);
    runtime = kept;
    test_folder_remove(folder);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_it, close_it)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(each_outcome_of_a_probe_is_told_apart),
        CASE(health_is_asked_anew_each_time),
        CASE(an_events_report_lists_its_chain_in_order_and_then_the_others),
        CASE(an_event_without_plugins_is_empty_and_not_healthy),
        CASE(an_event_this_process_did_not_open_says_so),
        CASE(a_probe_that_hangs_costs_only_its_own_report),
        CASE(a_hanging_probe_keeps_its_plugin_from_being_released_and_nothing_else),
        CASE(probes_run_at_the_same_time),
        CASE(every_event_is_reported_on),
        CASE(two_may_ask_at_the_same_time),
        CASE(probes_of_all_events_run_at_the_same_time),
        CASE(code_that_is_missing_is_unhealthy),
        CASE(a_profile_times_every_plugin_once_in_order),
        CASE(a_profile_ends_where_the_chain_ends),
        CASE(a_profile_spares_a_state_whose_size_is_known),
        CASE(rows_are_told_after_the_run_so_that_their_receiver_may_do_anything),
        CASE(what_cannot_run_cannot_be_profiled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

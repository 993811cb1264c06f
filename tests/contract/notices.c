/* Change notices: once each, in order, with the record; by callback, by eventfd, to the plugin itself; and the log.
 * Rows PS-01 to PS-07, PS-16, TE-01 to TE-03, TE-13, LG-01 to LG-03, X-053, X-062, PB-09, EH-06, VD-03, TM-10. */
#include <poll.h>
#include <pthread.h>

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

/* ---- by eventfd ---- */

static bool readable(int fd)
{
    struct pollfd watched = {fd, POLLIN, 0};

    return poll(&watched, 1, 0) == 1;
}

/* PS-03, PS-04: one message for each thing that happened, never an empty one first. */
static void each_change_is_told_once_in_order(void **unused)
{
    test_notices notices;

    (void)unused;
    test_event(runtime, "e");
    test_notices_begin(runtime, &notices);
    add(runtime, .name = "p", .event = "e");
    assert_string_equal(test_notices_take(&notices), "registered p\n");
    ok(hl_start(runtime, "p", 0));
    assert_string_equal(test_notices_take(&notices), "status p registered started\nswapped e\n");
    ok(hl_restart(runtime, "p", 0));
    assert_string_equal(test_notices_take(&notices), "status p started restarted\n");
    ok(hl_stop(runtime, "p", 0));
    assert_string_equal(test_notices_take(&notices), "status p restarted stopped\nswapped e\n");
    ok(hl_enable(runtime, "p", 0));
    assert_string_equal(test_notices_take(&notices), "status p stopped restarted\nswapped e\n");
    ok(hl_unregister(runtime, "p", 0));
    assert_string_equal(test_notices_take(&notices), "unregistered p\nswapped e\n");
    test_notices_end(&notices);
}

/* PS-03 */
static void a_registration_that_changes_nothing_is_told_all_the_same(void **unused)
{
    test_notices notices;

    (void)unused;
    run(runtime, .name = "p", .event = "e");
    test_notices_begin(runtime, &notices);
    run(runtime, .name = "p", .event = "e");
    assert_string_equal(test_notices_take(&notices), "registered p\n");
    test_notices_end(&notices);
}

/* PS-05, X-062: everyone who is held or released is told about, once. */
static void a_cascade_tells_of_every_plugin_it_reaches(void **unused)
{
    test_notices notices;

    (void)unused;
    test_event(runtime, "e");
    test_event(runtime, "f");
    run(runtime, .name = "a", .event = "e");
    run(runtime, .name = "b", .event = "f", .depends = "a");
    test_notices_begin(runtime, &notices);
    ok(hl_stop(runtime, "a", 0));
    assert_string_equal(test_notices_take(&notices),
                        "status a started stopped\nstatus b started held\nswapped f\nswapped e\n");
    ok(hl_enable(runtime, "a", 0));
    assert_string_equal(test_notices_take(&notices),
                        "status a stopped restarted\nstatus b held restarted\nswapped f\nswapped e\n");
    test_notices_end(&notices);
}

static void notices_carry_the_record_the_numbers_and_the_reason(void **unused)
{
    const hl_notice *notice;
    uint64_t sequence;
    test_notices notices;

    (void)unused;
    test_event(runtime, "e");
    test_notices_begin(runtime, &notices);
    run(runtime, .name = "p", .event = "e", .extra = "text", .priority = PRIORITY(4));
    ok(hl_notice_next(notices.subscription, &notice));
    assert_int_equal(notice->size, sizeof(*notice));
    assert_int_equal(notice->kind, HL_NOTICE_REGISTERED);
    assert_string_equal(notice->event, "e");
    assert_string_equal(notice->plugin->extra, "text");
    assert_int_equal(notice->plugin->priority, 4);
    assert_false(notice->remote);
    sequence = notice->sequence;
    ok(hl_notice_next(notices.subscription, &notice));
    assert_int_equal(notice->sequence, sequence + 1);
    assert_int_equal(notice->before, HL_REGISTERED);
    assert_int_equal(notice->plugin->status, HL_STARTED);
    ok(hl_notice_next(notices.subscription, &notice));
    assert_int_equal(notice->kind, HL_NOTICE_SWAPPED);
    assert_null(notice->plugin);
    assert_true(notice->generation > 0);
    assert_true(notice->elapsed_ns > 0 && notice->elapsed_ns < 10000000000u);
    refused(test_register(runtime, &(test_plugin){.name = "q", .event = "e", .depends = "q"}, 0), HL_ERR_CYCLE,
            "depends");
    while (hl_notice_next(notices.subscription, &notice) == HL_OK && notice->kind != HL_NOTICE_REGISTER_ERROR)
        ;
    assert_int_equal(notice->kind, HL_NOTICE_REGISTER_ERROR);
    assert_int_equal(notice->status, HL_ERR_CYCLE);
    assert_non_null(strstr(notice->reason, "q -> q"));
    test_notices_end(&notices);
}

static void the_descriptor_is_readable_exactly_while_notices_wait(void **unused)
{
    test_notices notices;
    const hl_notice *notice;

    (void)unused;
    test_notices_begin(runtime, &notices);
    assert_false(readable(notices.fd));
    assert_int_equal(hl_notice_next(notices.subscription, &notice), HL_ERR_NOT_FOUND);
    add(runtime, .name = "a", .event = "e");
    add(runtime, .name = "b", .event = "e");
    assert_true(readable(notices.fd));
    ok(hl_notice_next(notices.subscription, &notice));
    assert_true(readable(notices.fd));
    ok(hl_notice_next(notices.subscription, &notice));
    assert_false(readable(notices.fd));
    test_notices_end(&notices);
}

static void what_overflows_is_counted_and_told_in_the_place_where_it_was_lost(void **unused)
{
    hl_subscription *subscription;
    const hl_notice *notice;
    int fd;

    (void)unused;
    ok(hl_subscribe_fd(runtime, 2, &fd, &subscription));
    for (int i = 0; i < 5; i++) {
        static const char *const names[] = {"n0", "n1", "n2", "n3", "n4"};

        add(runtime, .name = names[i], .event = "e");
    }
    ok(hl_notice_next(subscription, &notice));
    assert_string_equal(notice->plugin->name, "n0");
    add(runtime, .name = "n5", .event = "e");
    ok(hl_notice_next(subscription, &notice));
    assert_string_equal(notice->plugin->name, "n1");
    ok(hl_notice_next(subscription, &notice));
    assert_int_equal(notice->kind, HL_NOTICE_LOST);
    assert_true(notice->lost >= 3);
    while (hl_notice_next(subscription, &notice) == HL_OK)
        assert_string_equal(notice->plugin->name, "n5");
    assert_false(readable(fd));
    add(runtime, .name = "n6", .event = "e");
    assert_true(readable(fd));
    ok(hl_notice_next(subscription, &notice));
    assert_string_equal(notice->plugin->name, "n6");
    hl_unsubscribe(subscription);
}

static void each_subscriber_gets_everything_from_its_beginning_to_its_end(void **unused)
{
    test_notices early, late;

    (void)unused;
    test_notices_begin(runtime, &early);
    add(runtime, .name = "a", .event = "e");
    test_notices_begin(runtime, &late);
    add(runtime, .name = "b", .event = "e");
    assert_string_equal(test_notices_take(&late), "registered b\n");
    test_notices_end(&late);
    add(runtime, .name = "c", .event = "e");
    assert_string_equal(test_notices_take(&early), "registered a\nregistered b\nregistered c\n");
    test_notices_end(&early);
    hl_unsubscribe(NULL);
}

/* ---- by callback ---- */

typedef struct collected {
    pthread_mutex_t lock;
    test_text text;
    pthread_t thread;
    uint64_t sequence;
    hl_subscription *ends; /* to be ended from within the callback */
} collected;

static void collect(const hl_notice *notice, void *user)
{
    collected *to = user;
    char line[256];

    if (notice->kind == HL_NOTICE_COMPILED || notice->kind == HL_NOTICE_COMPILE_FAILED)
        return;
    test_notice_line(notice, line, sizeof(line));
    pthread_mutex_lock(&to->lock);
    assert_true(notice->sequence > to->sequence);
    to->sequence = notice->sequence;
    to->text.len += (size_t)snprintf(to->text.text + to->text.len, sizeof(to->text.text) - to->text.len, "%s", line);
    to->thread = pthread_self();
    pthread_mutex_unlock(&to->lock);
    hl_unsubscribe(to->ends);
    to->ends = NULL;
}

static bool has(collected *in, const char *text)
{
    bool found;

    pthread_mutex_lock(&in->lock);
    found = strcmp(in->text.text, text) == 0;
    pthread_mutex_unlock(&in->lock);
    return found;
}

static void callbacks_get_the_same_notices_on_the_control_thread(void **unused)
{
    static collected to = {.lock = PTHREAD_MUTEX_INITIALIZER};
    hl_subscription *subscription;

    (void)unused;
    test_event(runtime, "e");
    ok(hl_subscribe(runtime, collect, &to, &subscription));
    run(runtime, .name = "p", .event = "e");
    ok(hl_unregister(runtime, "p", 0));
    eventually(has(&to, "registered p\nstatus p registered started\nswapped e\nunregistered p\nswapped e\n"));
    assert_false(pthread_equal(to.thread, pthread_self()));
    hl_unsubscribe(subscription);
    add(runtime, .name = "q", .event = "e");
    test_sleep_ms(20);
    assert_null(strstr(to.text.text, "q"));
}

static void a_callback_may_end_its_own_subscription(void **unused)
{
    static collected to = {.lock = PTHREAD_MUTEX_INITIALIZER};

    (void)unused;
    ok(hl_subscribe(runtime, collect, &to, &to.ends));
    add(runtime, .name = "a", .event = "e");
    eventually(has(&to, "registered a\n"));
    add(runtime, .name = "b", .event = "e");
    test_sleep_ms(20);
    assert_true(has(&to, "registered a\n"));
}

static int tried; /* atomic */

static void change_from_callback(const hl_notice *notice, void *unused)
{
    if (notice->kind != HL_NOTICE_REGISTERED || strcmp(notice->plugin->name, "first") != 0)
        return;
    run(runtime, .name = "second", .event = "e");
    refused(hl_stop(runtime, "second", HL_WAIT_COMPILED), HL_ERR_ON_CONTROL, "flags");
    refused(hl_stop(runtime, "second", HL_WAIT_IDLE), HL_ERR_ON_CONTROL, "flags");
    refused(hl_wait_compiled(runtime, 10), HL_ERR_ON_CONTROL, NULL);
    hl_close(runtime);
    refused(hl_last_error()->status, HL_ERR_ON_CONTROL, NULL);
    __atomic_store_n(&tried, 1, __ATOMIC_SEQ_CST);
    (void)unused;
}

static void a_callback_may_change_the_registry_but_not_wait(void **unused)
{
    hl_subscription *subscription;

    (void)unused;
    ok(hl_subscribe(runtime, change_from_callback, NULL, &subscription));
    add(runtime, .name = "first", .event = "e");
    eventually(__atomic_load_n(&tried, __ATOMIC_SEQ_CST));
    assert_string_equal(test_status(runtime, "second"), "started");
    hl_unsubscribe(subscription);
}

static int entered, leave; /* atomic */

static void linger(const hl_notice *notice, void *unused)
{
    (void)notice;
    (void)unused;
    __atomic_store_n(&entered, 1, __ATOMIC_SEQ_CST);
    test_sleep_ms(60);
    __atomic_store_n(&leave, 1, __ATOMIC_SEQ_CST);
}

static void unsubscribing_waits_for_the_callback_to_come_back(void **unused)
{
    hl_subscription *subscription;

    (void)unused;
    ok(hl_subscribe(runtime, linger, NULL, &subscription));
    add(runtime, .name = "p", .event = "e");
    eventually(__atomic_load_n(&entered, __ATOMIC_SEQ_CST));
    hl_unsubscribe(subscription);
    assert_int_equal(__atomic_load_n(&leave, __ATOMIC_SEQ_CST), 1);
}

/* ---- the plugin's own: on_status ---- */

static test_text seen;

static void write_status(void *self, hl_plugin_status before, hl_plugin_status after)
{
    char line[64];

    snprintf(line, sizeof(line), "%s %d %d", (const char *)self, (int)before, (int)after);
    test_take_line(line, &seen);
}

static void a_plugin_is_told_of_each_change_of_its_status_in_order(void **unused)
{
    (void)unused;
    run(runtime, .name = "d", .event = "e");
    run(runtime, .name = "p", .event = "e", .depends = "d", .on_status = write_status);
    ok(hl_stop(runtime, "d", 0));
    ok(hl_enable(runtime, "d", 0));
    ok(hl_stop(runtime, "p", 0));
    ok(hl_enable(runtime, "p", 0));
    eventually(strcmp(seen.text, "p 1 2\np 2 5\np 5 3\np 3 4\np 4 3\n") == 0);
}

/* ---- the compiler ---- */

static void every_chain_that_is_compiled_is_told_of_once_after_its_swap(void **unused)
{
    hl_event *event = test_event(runtime, "e");
    test_notices notices;
    const char *told;

    (void)unused;
    test_notices_begin(runtime, &notices);
    notices.compiler = true;
    ok(test_register(runtime, &(test_plugin){.name = "p", .event = "e"}, HL_START | HL_WAIT_COMPILED));
    test_settle(runtime, event);
    told = test_notices_take(&notices);
    if (test_engine() == HL_ENGINE_COMPILED)
        assert_string_equal(told, "registered p\nstatus p registered started\nswapped e\ncompiled e\n");
    else
        assert_string_equal(told, "registered p\nstatus p registered started\nswapped e\n");
    test_notices_end(&notices);
}

static void a_compiler_that_is_not_there_is_told_of_with_the_reason(void **unused)
{
    hl_options options = HL_OPTIONS_INIT;
    hl_runtime *without;
    test_notices notices;
    hl_event *event;

    (void)unused;
    options.jit_program = "./there-is-no-such-program";
    ok(hl_open(&options, &without));
    event = test_event(without, "e");
    test_notices_begin(without, &notices);
    notices.compiler = true;
    ok(test_register(without, &(test_plugin){.name = "p", .event = "e"}, HL_START | HL_WAIT_COMPILED));
    assert_int_equal(hl_event_engine(event), HL_ENGINE_REFERENCE);
    assert_non_null(strstr(test_notices_take(&notices), "compile_failed e\n"));
    assert_int_equal(test_counters(without).compiled, 0);
    test_notices_end(&notices);
    hl_close(without);
}

/* ---- other processes ---- */

static void changes_of_another_process_are_told_as_remote(void **unused)
{
    const char *folder = test_folder();
    hl_runtime *kept = runtime;
    const hl_notice *notice = NULL;
    test_notices notices;

    (void)unused;
    runtime = test_open(test_lmdb(folder), 0);
    test_notices_begin(runtime, &notices);
    assert_int_equal(test_wait(test_spawn((const char *[]){"register", test_lmdb(folder), NULL})), 0);
    eventually(hl_notice_next(notices.subscription, &notice) == HL_OK);
    assert_int_equal(notice->kind, HL_NOTICE_REGISTERED);
    assert_string_equal(notice->plugin->name, "theirs");
    assert_true(notice->remote);
    test_notices_end(&notices);
    hl_close(runtime);
    runtime = kept;
    test_folder_remove(folder);
}

static int register_theirs(const char *url)
{
    hl_runtime *theirs = test_open(url, HL_OPEN_RECORDS_ONLY);

    add(theirs, .name = "theirs", .event = "e");
    hl_close(theirs);
    return 0;
}

/* ---- the log: LG-01, LG-03 ---- */

static test_text logged;

static void take_log(void *user, hl_log_level level, const char *component, const char *line)
{
    char text[1024];

    snprintf(text, sizeof(text), "%d %s %s", (int)level, component, line);
    test_take_line(text, user);
}

static void refusals_are_logged_with_the_plugins_name(void **unused)
{
    hl_options options = HL_OPTIONS_INIT;
    hl_runtime *talking;

    (void)unused;
    options.log = take_log;
    options.log_user = &logged;
    options.engine = test_engine();
    ok(hl_open(&options, &talking));
    refused(test_register(talking, &(test_plugin){.name = "cyclic", .event = "e", .depends = "cyclic"}, 0),
            HL_ERR_CYCLE, "depends");
    hl_close(talking);
    assert_non_null(strstr(logged.text, "1 event plugin \"cyclic\" was refused: "));
}

/* ---- bad input ---- */

static void bad_arguments_are_refused(void **unused)
{
    hl_subscription *subscription;
    const hl_notice *notice;
    int fd;

    (void)unused;
    refused(hl_subscribe(NULL, collect, NULL, &subscription), HL_ERR_INVALID, "runtime");
    refused(hl_subscribe(runtime, NULL, NULL, &subscription), HL_ERR_INVALID, "callback");
    refused(hl_subscribe(runtime, collect, NULL, NULL), HL_ERR_INVALID, "out");
    refused(hl_subscribe_fd(NULL, 0, &fd, &subscription), HL_ERR_INVALID, "runtime");
    refused(hl_subscribe_fd(runtime, 0, NULL, &subscription), HL_ERR_INVALID, "fd");
    refused(hl_notice_next(NULL, &notice), HL_ERR_INVALID, "subscription");
    ok(hl_subscribe_fd(runtime, 0, &fd, &subscription));
    refused(hl_notice_next(subscription, NULL), HL_ERR_INVALID, "out");
    hl_unsubscribe(subscription);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_it, close_it)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(each_change_is_told_once_in_order),
        CASE(a_registration_that_changes_nothing_is_told_all_the_same),
        CASE(a_cascade_tells_of_every_plugin_it_reaches),
        CASE(notices_carry_the_record_the_numbers_and_the_reason),
        CASE(the_descriptor_is_readable_exactly_while_notices_wait),
        CASE(what_overflows_is_counted_and_told_in_the_place_where_it_was_lost),
        CASE(each_subscriber_gets_everything_from_its_beginning_to_its_end),
        CASE(callbacks_get_the_same_notices_on_the_control_thread),
        CASE(a_callback_may_end_its_own_subscription),
        CASE(a_callback_may_change_the_registry_but_not_wait),
        CASE(unsubscribing_waits_for_the_callback_to_come_back),
        CASE(a_plugin_is_told_of_each_change_of_its_status_in_order),
        CASE(every_chain_that_is_compiled_is_told_of_once_after_its_swap),
        CASE(a_compiler_that_is_not_there_is_told_of_with_the_reason),
        CASE(changes_of_another_process_are_told_as_remote),
        CASE(refusals_are_logged_with_the_plugins_name),
        CASE(bad_arguments_are_refused),
    };

    if (argc > 2 && strcmp(argv[1], "register") == 0)
        return register_theirs(argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

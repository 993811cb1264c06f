/* A library that another process registers: the event goes on with its old chain until the library's code is there, and
 * subscribers are told of it, or why it cannot be had. Rows TE-03, TE-05, BS-03. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <hookline/hookline.h>

#define SECONDS_MAX 20

struct fixture {
    char folder[64];
    char store[80];
    hl_runtime *server, *operator; /* one store: the operator's runtime has no code, as the hookline command's */
    hl_event *event;
};

static hl_reply add_one(void *self, void *state, const void *meta)
{
    (void)self;
    (void)meta;
    *(int *)state += 1;
    return hl_next(state);
}

static void open_runtime(const struct fixture *fixture, unsigned flags, hl_runtime **out)
{
    const char *engine = getenv("HOOKLINE_TEST_ENGINE");
    hl_options options = HL_OPTIONS_INIT;

    options.store = fixture->store;
    options.flags = flags;
    if (engine && strcmp(engine, "reference") == 0)
        options.engine = HL_ENGINE_REFERENCE;
    assert_int_equal(hl_open(&options, out), HL_OK);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    hl_plugin_spec own = HL_PLUGIN_INIT("own", "number", add_one);

    strcpy(fixture.folder, "elsewhere-XXXXXX");
    assert_non_null(mkdtemp(fixture.folder));
    snprintf(fixture.store, sizeof(fixture.store), "lmdb:%s/store", fixture.folder);
    open_runtime(&fixture, 0, &fixture.server);
    open_runtime(&fixture, HL_OPEN_RECORDS_ONLY | HL_OPEN_NO_CONTROL, &fixture.operator);
    assert_int_equal(hl_event_open(fixture.server, "number", &fixture.event), HL_OK);
    assert_int_equal(hl_register(fixture.server, &own, HL_START | HL_WAIT_COMPILED), HL_OK);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    char command[128];

    hl_close(fixture->operator);
    hl_close(fixture->server);
    snprintf(command, sizeof(command), "rm -rf '%s'", fixture->folder);
    return system(command);
}

static int dispatch(hl_event *event)
{
    int number = 0;
    hl_reply reply = hl_call(event, &number, NULL);

    if (reply.verdict != HL_NEXT)
        fail_msg("a dispatch failed: %s: %s", hl_status_name((hl_status)reply.verdict), hl_last_error()->message);
    return number;
}

static void event_keeps_its_chain_until_a_library_registered_elsewhere_is_loaded(void **state)
{
    struct fixture *fixture = *state;
    time_t until = time(NULL) + SECONDS_MAX;
    size_t old_chain = 0;
    int number;

    assert_int_equal(hl_register_library(fixture->operator, HL_TEST_PLUGINS "/slow_to_load.so", HL_START), HL_OK);
    while ((number = dispatch(fixture->event)) == 1 && time(NULL) < until)
        old_chain++;
    assert_int_equal(number, 101);
    assert_true(old_chain > 0);
}

struct swaps {
    int count;
    bool remote;
};

static void count_swaps(const hl_notice *notice, void *user)
{
    struct swaps *swaps = user;

    if (notice->kind != HL_NOTICE_SWAPPED)
        return;
    swaps->remote = notice->remote;
    __atomic_fetch_add(&swaps->count, 1, __ATOMIC_RELEASE);
}

static void a_library_registered_elsewhere_is_one_swap_told_as_remote(void **state)
{
    struct fixture *fixture = *state;
    time_t until = time(NULL) + SECONDS_MAX;
    struct swaps swaps = {0, false};
    hl_subscription *subscription;

    assert_int_equal(hl_subscribe(fixture->server, count_swaps, &swaps, &subscription), HL_OK);
    assert_int_equal(hl_register_library(fixture->operator, HL_TEST_PLUGINS "/slow_to_load.so", HL_START), HL_OK);
    while (dispatch(fixture->event) != 101 && time(NULL) < until)
        ;
    while (__atomic_load_n(&swaps.count, __ATOMIC_ACQUIRE) == 0 && time(NULL) < until)
        usleep(1000);
    hl_unsubscribe(subscription);
    assert_int_equal(swaps.count, 1);
    assert_true(swaps.remote);
}

/* ---- notices ---- */

/* The next notice of a kind; NULL when none comes in time. */
static const hl_notice *await_notice(hl_subscription *subscription, hl_notice_kind kind)
{
    time_t until = time(NULL) + SECONDS_MAX;
    const hl_notice *notice;

    while (time(NULL) < until) {
        if (hl_notice_next(subscription, &notice) != HL_OK)
            usleep(1000);
        else if (notice->kind == kind)
            return notice;
    }
    return NULL;
}

/* TE-05 */
static void a_library_that_is_loaded_is_told_of_by_its_path(void **state)
{
    struct fixture *fixture = *state;
    hl_subscription *subscription;
    const hl_notice *notice;
    int fd;

    assert_int_equal(hl_subscribe_fd(fixture->server, 0, &fd, &subscription), HL_OK);
    assert_int_equal(hl_register_library(fixture->operator, HL_TEST_PLUGINS "/slow_to_load.so", HL_START), HL_OK);
    notice = await_notice(subscription, HL_NOTICE_LOADED);
    assert_non_null(notice);
    assert_non_null(strstr(notice->reason, "/slow_to_load.so"));
    assert_int_equal(notice->status, HL_OK);
    hl_unsubscribe(subscription);
}

static void register_a_library_that_vanishes(const struct fixture *fixture)
{
    char path[96], command[512];

    snprintf(path, sizeof(path), "%s/gone.so", fixture->folder);
    snprintf(command, sizeof(command), "cp '%s' '%s'", HL_TEST_PLUGINS "/slow_to_load.so", path);
    assert_int_equal(system(command), 0);
    assert_int_equal(hl_register_library(fixture->operator, path, HL_START), HL_OK);
    assert_int_equal(unlink(path), 0);
}

/* TE-03: the record stays, and the event does not run without it. */
static void a_library_that_has_gone_is_told_of_with_the_reason_and_its_record_stays(void **state)
{
    struct fixture *fixture = *state;
    hl_subscription *subscription;
    const hl_notice *notice;
    hl_plugin_info info;
    int fd, number = 0;

    hl_close(fixture->server);
    register_a_library_that_vanishes(fixture);
    open_runtime(fixture, 0, &fixture->server);
    assert_int_equal(hl_subscribe_fd(fixture->server, 0, &fd, &subscription), HL_OK);
    assert_int_equal(hl_event_open(fixture->server, "number", &fixture->event), HL_OK);
    notice = await_notice(subscription, HL_NOTICE_LOAD_FAILED);
    assert_non_null(notice);
    assert_int_equal(notice->status, HL_ERR_NOT_FOUND);
    assert_non_null(strstr(notice->reason, "/gone.so"));
    hl_unsubscribe(subscription);
    assert_int_equal(hl_call(fixture->event, &number, NULL).verdict, HL_ERR_NOT_LOADED);
    assert_int_equal(hl_plugin_get(fixture->server, "slow-to-load", &info), HL_OK);
    assert_int_equal(info.status, HL_STARTED);
    assert_false(info.loaded);
    hl_plugin_info_cleanup(&info);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(event_keeps_its_chain_until_a_library_registered_elsewhere_is_loaded, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_library_registered_elsewhere_is_one_swap_told_as_remote, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_library_that_is_loaded_is_told_of_by_its_path, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_library_that_has_gone_is_told_of_with_the_reason_and_its_record_stays, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Starting with installed apps: they run at once, in the order of their requirements; what is broken stops no other;
 * what keeps ending the process is put aside. */
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/installer/support/app.h"

#define DEADLY "-DCRASH_IF=\"TEST_DIE\""

extern char **environ;

static hl_runtime *runtime;

static int begin(void **state)
{
    unsetenv("TEST_DIE");
    unsetenv("TEST_NOTES");
    return test_begin(state);
}

static int end(void **state)
{
    hl_close(runtime);
    runtime = NULL;
    return test_end(state);
}

static void reopen(unsigned flags)
{
    hl_close(runtime);
    runtime = test_open_store(flags);
}

static void install(const char *location)
{
    hl_runtime *operator= test_open_store(HL_OPEN_RECORDS_ONLY);

    ok(test_install(operator, location, NULL));
    hl_close(operator);
}

/* A server that starts and ends: 0, or minus the signal that it died of. */
static int start_server(bool deadly)
{
    const char *argv[] = {HL_TEST_PROGRAMS "/server_program", test_store, NULL};
    posix_spawn_file_actions_t actions;
    int pid;

    if (deadly)
        setenv("TEST_DIE", "1", 1);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    assert_int_equal(posix_spawn(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    unsetenv("TEST_DIE");
    return test_wait(pid);
}

static bool add_state(const hl_app_info *info, void *user)
{
    static const char *const words[] = {"", "active", "broken", "aside"};
    char *text = user;
    size_t len = strlen(text);

    snprintf(text + len, 1024 - len, "%s=%s ", info->app, words[info->state]);
    assert_int_equal(info->state == HL_APP_ACTIVE, info->reason[0] == '\0');
    return true;
}

static const char *states(void)
{
    static char text[1024];

    text[0] = '\0';
    ok(hl_installed(runtime, add_state, text));
    return text;
}

static const char *trail(void)
{
    return test_seen_trail(test_event(runtime, "e"));
}

/* Overwrites an installed library with something else. */
static void spoil(const char *app)
{
    char command[8192];

    snprintf(command, sizeof(command), "f=$(ls %s/store/apps/%s/*/lib/*.so) && chmod u+w $f && echo spoilt >>$f",
             test_place, app);
    assert_int_equal(system(command), 0);
}

/* ---- replay ------------------------------------------------------------------------------------------------------ */

/* RP-02 RP-03 BS-03 IR-04 LH-08 A15: after a restart everything runs again, and nothing was installed anew. */
static void installed_apps_run_again_after_a_restart(void **state)
{
    uint64_t entries;

    (void)state;
    install(app_package(.app = "shop", .version = "1.0.0", .plugins = "shop-a shop-b"));
    install(app_package(.app = "crm", .version = "2.0.0"));
    reopen(0);
    entries = test_log_len(runtime);
    assert_string_equal(trail(), "crm@2.0.0,shop-a@1.0.0,shop-b@1.0.0,");
    reopen(0);
    assert_string_equal(trail(), "crm@2.0.0,shop-a@1.0.0,shop-b@1.0.0,");
    assert_string_equal(states(), "crm=active shop=active ");
    assert_int_equal(test_log_len(runtime), entries);
}

/* X-027 IR-05: not by name, and not by when they were installed. */
static void apps_are_loaded_after_those_that_they_require(void **state)
{
    char notes[4096], text[128] = "";
    FILE *file;

    (void)state;
    snprintf(notes, sizeof(notes), "%s", test_path("notes"));
    install(app_package(.app = "zebra", .version = "1.0.0", .defines = "-DNOTE_IN=\"TEST_NOTES\""));
    install(app_package(.app = "mouse", .version = "1.0.0", .defines = "-DNOTE_IN=\"TEST_NOTES\"",
                        .manifest = "\"requires\":{\"zebra\":\"*\"}"));
    install(app_package(.app = "ant", .version = "1.0.0", .defines = "-DNOTE_IN=\"TEST_NOTES\"",
                        .manifest = "\"requires\":{\"mouse\":\"*\"}"));
    setenv("TEST_NOTES", notes, 1);
    reopen(0);
    file = fopen(notes, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    fclose(file);
    assert_string_equal(text, "zebra mouse ant ");
}

typedef struct heard {
    pthread_mutex_t lock;
    char reason[1024];
    unsigned count;
} heard;

static void hear(const hl_notice *notice, void *user)
{
    heard *to = user;

    if (notice->kind != HL_NOTICE_INSTALL_FAILED)
        return;
    pthread_mutex_lock(&to->lock);
    snprintf(to->reason, sizeof(to->reason), "%s %s", hl_status_name(notice->status), notice->reason);
    to->count++;
    pthread_mutex_unlock(&to->lock);
}

/* RP-02: each by itself; the one that fails is named in the list and by a notice, once. */
static void broken_app_is_named_and_stops_no_other(void **state)
{
    heard told = {.lock = PTHREAD_MUTEX_INITIALIZER};
    hl_subscription *subscription;

    (void)state;
    install(app_package(.app = "ant", .version = "1.0.0"));
    install(app_package(.app = "bee", .version = "1.0.0", .event = "other"));
    install(app_package(.app = "cow", .version = "1.0.0"));
    spoil("bee");
    reopen(0);
    ok(hl_subscribe(runtime, hear, &told, &subscription));
    assert_string_equal(trail(), "ant@1.0.0,cow@1.0.0,");
    assert_string_equal(states(), "ant=active bee=broken cow=active ");
    eventually(__atomic_load_n(&told.count, __ATOMIC_ACQUIRE) > 0);
    test_sleep_ms(1200);
    hl_unsubscribe(subscription);
    assert_int_equal(told.count, 1);
    assert_ptr_equal(strstr(told.reason, "HL_ERR_CHECKSUM bee 1.0.0: "), told.reason);
}

/* bytes that are not those that were verified do not run. */
static void changed_library_is_not_loaded(void **state)
{
    hl_event *event;

    (void)state;
    install(app_package(.app = "shop", .version = "1.0.0"));
    spoil("shop");
    reopen(0);
    event = test_event(runtime, "e");
    refused_call(hl_call(event, &(test_trail){""}, NULL), HL_ERR_NOT_LOADED);
    assert_int_equal(test_mapped("/apps/shop/"), 0);
}

/* RP-04 G9: what an operator stopped stays stopped. */
static void stopped_plugin_stays_stopped_after_a_restart(void **state)
{
    (void)state;
    install(app_package(.app = "shop", .version = "1.0.0", .plugins = "shop-a shop-b"));
    reopen(0);
    ok(hl_stop(runtime, "shop-a", 0));
    reopen(0);
    assert_string_equal(trail(), "shop-b@1.0.0,");
}

static void read_only_runtime_loads_and_writes_nothing(void **state)
{
    char before[32 * 1024];

    (void)state;
    install(app_package(.app = "shop", .version = "1.0.0"));
    snprintf(before, sizeof(before), "%s", test_tree(test_path("store/apps")));
    reopen(HL_OPEN_READ_ONLY);
    assert_string_equal(trail(), "shop@1.0.0,");
    assert_string_equal(test_tree(test_path("store/apps")), before);
    refused(hl_app_retry(runtime, "shop"), HL_ERR_STORE_READ_ONLY, NULL);
}

/* ---- the crash guard --------------------------------------------------------------------------------------------- */

/* Two starts in a row that die over an app; the third comes up without it. */
static void app_that_ends_two_starts_is_put_aside(void **state)
{
    (void)state;
    install(app_package(.app = "ant", .version = "1.0.0"));
    install(app_package(.app = "bomb", .version = "1.0.0", .defines = DEADLY, .event = "other"));
    install(app_package(.app = "cow", .version = "1.0.0"));
    assert_true(start_server(true) < 0);
    assert_true(start_server(true) < 0);
    assert_int_equal(start_server(true), 0);
    reopen(0);
    assert_string_equal(trail(), "ant@1.0.0,cow@1.0.0,");
    assert_string_equal(states(), "ant=active bomb=aside cow=active ");
    assert_string_equal(test_last_entry(runtime), "aside bomb 1.0.0 -> 1.0.0 HL_OK");
    assert_int_equal(test_log_len(runtime), 4);
    assert_int_equal(test_mapped("/apps/bomb/"), 0);
    test_event(runtime, "other");
    assert_int_equal(test_mapped("/apps/bomb/"), 0);
    assert_string_equal(test_tree(test_path("store/apps/boot")), "");
}

static void put_aside(const char *app)
{
    install(app_package(.app = app, .version = "1.0.0", .defines = DEADLY));
    assert_true(start_server(true) < 0);
    assert_true(start_server(true) < 0);
    reopen(0);
    assert_non_null(strstr(states(), "=aside"));
}

static void retry_brings_an_app_back_at_once(void **state)
{
    (void)state;
    put_aside("bomb");
    refused_call(hl_call(test_event(runtime, "e"), &(test_trail){""}, NULL), HL_ERR_NOT_LOADED);
    ok(hl_app_retry(runtime, "bomb"));
    assert_string_equal(trail(), "bomb@1.0.0,");
    assert_string_equal(states(), "bomb=active ");
    assert_string_equal(test_last_entry(runtime), "retry bomb 1.0.0 -> 1.0.0 HL_OK");
    refused(hl_app_retry(runtime, "bomb"), HL_ERR_STATUS, "app");
    refused(hl_app_retry(runtime, "nobody"), HL_ERR_NOT_FOUND, "app");
    refused(hl_app_retry(runtime, "No-Name"), HL_ERR_INVALID, "app");
    reopen(0);
    assert_string_equal(trail(), "bomb@1.0.0,");
}

static void running_server_takes_back_what_an_operator_retries(void **state)
{
    hl_runtime *operator;

    (void)state;
    put_aside("bomb");
    operator= test_open_store(HL_OPEN_RECORDS_ONLY);
    ok(hl_app_retry(operator, "bomb"));
    hl_close(operator);
    eventually(strcmp(states(), "bomb=active ") == 0);
    assert_string_equal(trail(), "bomb@1.0.0,");
}

static void another_version_ends_being_aside(void **state)
{
    (void)state;
    put_aside("bomb");
    ok(test_install(runtime, app_package(.app = "bomb", .version = "1.0.1"), NULL));
    assert_string_equal(trail(), "bomb@1.0.1,");
    assert_string_equal(states(), "bomb=active ");
    reopen(0);
    assert_string_equal(trail(), "bomb@1.0.1,");
}

static void start_that_comes_through_forgets_the_crash_before(void **state)
{
    (void)state;
    install(app_package(.app = "bomb", .version = "1.0.0", .defines = DEADLY));
    for (int i = 0; i < 3; i++) {
        assert_true(start_server(true) < 0);
        assert_int_equal(start_server(false), 0);
    }
    reopen(0);
    assert_string_equal(states(), "bomb=active ");
    assert_string_equal(trail(), "bomb@1.0.0,");
}

/* ---- many -------------------------------------------------------------------------------------------------------- */

#define APPS 100
#define PLUGINS_EACH 10

static const char *many_names(unsigned app)
{
    static char names[512];
    size_t len = 0;

    for (unsigned i = 0; i < PLUGINS_EACH; i++)
        len += (size_t)snprintf(names + len, sizeof(names) - len, "%sp%u-%u", i ? " " : "", app, i);
    return names;
}

/* Half a second on a quiet machine is what `hookline bench install` measures; here it must only be of that order,
 * and no compiler may be waited for. */
static void hundred_apps_with_a_thousand_plugins_are_there_when_open_returns(void **state)
{
    uint64_t before;
    hl_counters counters;
    double ms;

    (void)state;
    for (unsigned i = 0; i < APPS; i++) {
        char name[16], event[16];

        snprintf(name, sizeof(name), "app%u", i);
        snprintf(event, sizeof(event), "e%u", i);
        install(app_folder(.app = name, .version = "1.0.0", .plugins = many_names(i), .event = event));
    }
    before = test_now_ns();
    reopen(0);
    assert_memory_equal(test_seen_trail(test_event(runtime, "e99")), "p99-0@1.0.0,p99-1@1.0.0,", 24);
    ms = (double)(test_now_ns() - before) / 1e6;
    print_message("opened and dispatched in %.0f ms\n", ms);
    assert_true(ms < 5000);
    counters = test_counters(runtime);
    assert_int_equal(counters.commits, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(installed_apps_run_again_after_a_restart, begin, end),
        cmocka_unit_test_setup_teardown(apps_are_loaded_after_those_that_they_require, begin, end),
        cmocka_unit_test_setup_teardown(broken_app_is_named_and_stops_no_other, begin, end),
        cmocka_unit_test_setup_teardown(changed_library_is_not_loaded, begin, end),
        cmocka_unit_test_setup_teardown(stopped_plugin_stays_stopped_after_a_restart, begin, end),
        cmocka_unit_test_setup_teardown(read_only_runtime_loads_and_writes_nothing, begin, end),
        cmocka_unit_test_setup_teardown(app_that_ends_two_starts_is_put_aside, begin, end),
        cmocka_unit_test_setup_teardown(retry_brings_an_app_back_at_once, begin, end),
        cmocka_unit_test_setup_teardown(running_server_takes_back_what_an_operator_retries, begin, end),
        cmocka_unit_test_setup_teardown(another_version_ends_being_aside, begin, end),
        cmocka_unit_test_setup_teardown(start_that_comes_through_forgets_the_crash_before, begin, end),
        cmocka_unit_test_setup_teardown(hundred_apps_with_a_thousand_plugins_are_there_when_open_returns, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

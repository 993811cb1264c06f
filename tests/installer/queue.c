/* The queue: jobs are worked through in order by one process at a time, survive whoever works, and tell once. */
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/installer/support/app.h"

static hl_runtime *runtime;

/* What was told of installations, in order. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char heard[4096];
static hl_subscription *subscription;

static void hear(const hl_notice *notice, void *user)
{
    size_t len = strlen(heard);

    (void)user;
    if (notice->kind != HL_NOTICE_INSTALLED && notice->kind != HL_NOTICE_INSTALL_FAILED)
        return;
    pthread_mutex_lock(&lock);
    snprintf(heard + len, sizeof(heard) - len, "%s, ",
             notice->kind == HL_NOTICE_INSTALLED ? notice->reason : hl_status_name(notice->status));
    pthread_mutex_unlock(&lock);
}

static bool has_heard(const char *text)
{
    bool same;

    pthread_mutex_lock(&lock);
    same = strcmp(heard, text) == 0;
    pthread_mutex_unlock(&lock);
    return same;
}

static int begin(void **state)
{
    heard[0] = '\0';
    subscription = NULL;
    return test_begin(state);
}

static int end(void **state)
{
    hl_unsubscribe(subscription);
    hl_close(runtime);
    runtime = NULL;
    return test_end(state);
}

static void open_server(void)
{
    runtime = test_open_store(0);
    ok(hl_subscribe(runtime, hear, NULL, &subscription));
}

static uint64_t enqueue(hl_runtime *into, const char *location)
{
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_PATH, location);
    uint64_t job = 0;

    ok(hl_install_async(into, &spec, &job));
    return job;
}

static bool add_job(const hl_job_info *info, void *user)
{
    static const char *const words[] = {"", "waiting", "running", "done", "failed"};
    char *text = user;
    size_t len = strlen(text);

    snprintf(text + len, 2048 - len, "%llu %s %s %s|", (unsigned long long)info->job, words[info->state], info->app,
             info->state == HL_JOB_FAILED ? hl_status_name(info->status) : info->version);
    assert_int_equal(info->state == HL_JOB_FAILED, info->message[0] != '\0');
    assert_true(info->asked_at > 0);
    return true;
}

static const char *jobs(hl_runtime *of)
{
    static char text[2048];

    text[0] = '\0';
    ok(hl_jobs(of, add_job, text));
    return text;
}

static bool all_ended(hl_runtime *of)
{
    const char *text = jobs(of);

    return !strstr(text, "waiting") && !strstr(text, "running");
}

/* ---- working ----------------------------------------------------------------------------------------------------- */

/* IN-15 RP-01 PS-09 X-032: in order, one at a time, each told once. */
static void jobs_are_done_in_order_and_told_once(void **state)
{
    const char *first = app_package(.app = "shop", .version = "1.0.0");
    const char *second = app_package(.app = "shop", .version = "1.1.0");
    const char *third = app_package(.app = "crm", .version = "2.0.0");

    (void)state;
    open_server();
    assert_int_equal(enqueue(runtime, first), 1);
    assert_int_equal(enqueue(runtime, second), 2);
    assert_int_equal(enqueue(runtime, third), 3);
    eventually(all_ended(runtime));
    assert_string_equal(jobs(runtime), "1 done shop 1.0.0|2 done shop 1.1.0|3 done crm 2.0.0|");
    eventually(has_heard("shop 1.0.0, shop 1.1.0, crm 2.0.0, "));
    test_sleep_ms(1200);
    assert_true(has_heard("shop 1.0.0, shop 1.1.0, crm 2.0.0, "));
    assert_string_equal(test_seen_trail(test_event(runtime, "e")), "crm@2.0.0,shop@1.1.0,");
}

/* IN-15: what is wrong with the spec itself is said at once, and nothing is queued. */
static void wrong_spec_is_refused_at_once(void **state)
{
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_GITHUB_TAG, "owner/repository");

    (void)state;
    open_server();
    refused(hl_install_async(runtime, &spec, NULL), HL_ERR_INVALID, "tag");
    refused(hl_install_async(runtime, NULL, NULL), HL_ERR_INVALID, "spec");
    refused(hl_jobs(runtime, NULL, NULL), HL_ERR_INVALID, "callback");
    assert_string_equal(jobs(runtime), "");
}

/* neither a missing file, nor a source that is not allowed, nor one that does not answer ends the queue. */
static void failing_job_is_told_and_the_next_one_is_done(void **state)
{
    hl_install_spec refused_source = HL_INSTALL_INIT(HL_SOURCE_URL, "https://127.0.0.1:1/shop-1.0.0.tar.gz");
    hl_install_spec silent_source = HL_INSTALL_INIT(HL_SOURCE_URL, "https://127.0.0.1:2/shop-1.0.0.tar.gz");

    (void)state;
    mkdir(test_path("store"), 0755);
    test_write(test_path("store/install.json"), "{\"hosts\":[\"127.0.0.1:2\"]}");
    chmod(test_path("store/install.json"), 0644);
    open_server();
    enqueue(runtime, test_path("nothing.tar.gz"));
    ok(hl_install_async(runtime, &refused_source, NULL));
    ok(hl_install_async(runtime, &silent_source, NULL));
    enqueue(runtime, app_package(.app = "shop", .version = "1.0.0"));
    eventually(all_ended(runtime));
    assert_string_equal(jobs(runtime), "1 failed  HL_ERR_NOT_FOUND|2 failed  HL_ERR_POLICY|3 failed  HL_ERR_DOWNLOAD|"
                                       "4 done shop 1.0.0|");
    eventually(has_heard("HL_ERR_NOT_FOUND, HL_ERR_POLICY, HL_ERR_DOWNLOAD, shop 1.0.0, "));
}

/* RP-05 */
static void ended_jobs_are_forgotten_by_gc_and_numbers_go_on(void **state)
{
    (void)state;
    open_server();
    enqueue(runtime, app_package(.app = "shop", .version = "1.0.0"));
    eventually(all_ended(runtime));
    ok(hl_gc(runtime, NULL));
    assert_string_equal(jobs(runtime), "");
    assert_int_equal(enqueue(runtime, test_path("nothing.tar.gz")), 2);
    eventually(all_ended(runtime));
    assert_string_equal(jobs(runtime), "2 failed  HL_ERR_NOT_FOUND|");
}

static void store_without_a_folder_has_no_queue(void **state)
{
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_PATH, "x.tar.gz");
    hl_runtime *memory = test_open("memory:", 0);

    (void)state;
    refused(hl_install_async(memory, &spec, NULL), HL_ERR_UNSUPPORTED, NULL);
    hl_close(memory);
}

/* ---- other processes --------------------------------------------------------------------------------------------- */

/* `hookline install --queue`: the command only asks. */
static void running_server_does_what_an_operator_queues(void **state)
{
    const char *package = app_package(.app = "shop", .version = "1.0.0");
    hl_runtime *operator;

    (void)state;
    open_server();
    operator= test_open_store(HL_OPEN_RECORDS_ONLY);
    enqueue(operator, package);
    eventually(all_ended(operator));
    assert_string_equal(jobs(operator), "1 done shop 1.0.0|");
    hl_close(operator);
    eventually(has_heard("shop 1.0.0, "));
}

/* RP-01: it waits until somebody is there to do it. */
static void job_waits_for_the_next_server(void **state)
{
    hl_runtime *operator;

    (void)state;
    operator= test_open_store(HL_OPEN_RECORDS_ONLY);
    enqueue(operator, app_package(.app = "shop", .version = "1.0.0"));
    test_sleep_ms(100);
    assert_string_equal(jobs(operator), "1 waiting  |");
    hl_close(operator);
    open_server();
    eventually(all_ended(runtime));
    assert_string_equal(test_seen_trail(test_event(runtime, "e")), "shop@1.0.0,");
}

/* The last part of each version, and the status of what was refused. */
static bool add_entry(const hl_install_entry *entry, void *user)
{
    char *text = user;
    size_t len = strlen(text);

    snprintf(text + len, 1024 - len, "%s%s%s%s ", strcmp(entry->action, "upgrade") == 0 ? "" : entry->action,
             strrchr(entry->version, '.') + 1, entry->status == HL_OK ? "" : "=",
             entry->status == HL_OK ? "" : entry->message);
    return true;
}

/* The server that works is killed at different moments; the next one does what is left, and nothing twice. */
static void queue_survives_the_death_of_its_worker(void **state)
{
    char package[4096], entries[1024] = "";
    hl_runtime *operator;

    (void)state;
    operator= test_open_store(HL_OPEN_RECORDS_ONLY);
    for (unsigned i = 0; i < 12; i++) {
        app_server server = app_server_start();
        char version[16];

        snprintf(version, sizeof(version), "1.0.%u", i);
        snprintf(package, sizeof(package), "%s", app_package(.app = "shop", .version = version));
        enqueue(operator, package);
        eventually(!strstr(jobs(operator), "waiting"));
        test_sleep_ms(i * 5);
        kill(server.pid, SIGKILL);
        assert_int_equal(test_wait(server.pid), -SIGKILL);
        fclose(server.to);
        fclose(server.from);
    }
    open_server();
    eventually(all_ended(operator));
    assert_null(strstr(jobs(operator), "failed"));
    assert_string_equal(test_seen_trail(test_event(runtime, "e")), "shop@1.0.11,");
    assert_string_equal(test_apps(operator), "shop 1.0.11<1.0.10 ");
    ok(hl_install_log(operator, add_entry, entries));
    assert_string_equal(entries, "install0 1 2 3 4 5 6 7 8 9 10 11 ");
    hl_close(operator);
}

/* A server that is not spoken to. */
static int run_child(const char *store)
{
    hl_options options = HL_OPTIONS_INIT;
    hl_runtime *server;

    options.store = store;
    if (hl_open(&options, &server) != HL_OK)
        return 0;
    test_sleep_ms(30000);
    return 0;
}

/* Neither a server that is started again and again nor the jobs behind it are lost to one package. */
static void job_that_ends_two_servers_is_given_up_and_told(void **state)
{
    const char *const arguments[] = {"child", test_store, NULL};
    hl_runtime *operator= test_open_store(HL_OPEN_RECORDS_ONLY);

    (void)state;
    enqueue(operator, app_package(.app = "shop", .version = "1.0.0", .defines = "-DCRASH_AS=\"TEST_DIE_AS\""));
    enqueue(operator, app_package(.app = "crm", .version = "2.0.0"));
    setenv("TEST_DIE_AS", "exe", 1); /* as test_spawn starts it */
    for (int i = 0; i < 2; i++) {
        assert_int_not_equal(test_wait(test_spawn(arguments)), 0);
        assert_string_equal(jobs(operator), "1 running  |2 waiting  |");
    }
    hl_close(operator);
    open_server();
    eventually(all_ended(runtime));
    unsetenv("TEST_DIE_AS");
    assert_string_equal(jobs(runtime), "1 failed shop HL_ERR_PROBE|2 done crm 2.0.0|");
    eventually(has_heard("HL_ERR_PROBE, crm 2.0.0, "));
    assert_string_equal(test_apps(runtime), "crm 2.0.0 ");
    assert_int_equal(test_log_len(runtime), 2);
    hl_close(runtime);
    open_server();
    assert_string_equal(jobs(runtime), "1 failed shop HL_ERR_PROBE|2 done crm 2.0.0|");
}

/* Closing does not wait for a long queue: what has not begun waits for the next start. */
static void closing_server_leaves_the_rest_to_the_next(void **state)
{
    char package[4096];

    (void)state;
    runtime = test_open_store(0);
    for (unsigned i = 0; i < 8; i++) {
        char version[16];

        snprintf(version, sizeof(version), "1.0.%u", i);
        snprintf(package, sizeof(package), "%s", app_package(.app = "shop", .version = version));
        enqueue(runtime, package);
    }
    hl_close(runtime);
    runtime = test_open_store(0);
    eventually(all_ended(runtime));
    assert_null(strstr(jobs(runtime), "failed"));
    assert_string_equal(test_seen_trail(test_event(runtime, "e")), "shop@1.0.7,");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(jobs_are_done_in_order_and_told_once, begin, end),
        cmocka_unit_test_setup_teardown(wrong_spec_is_refused_at_once, begin, end),
        cmocka_unit_test_setup_teardown(failing_job_is_told_and_the_next_one_is_done, begin, end),
        cmocka_unit_test_setup_teardown(ended_jobs_are_forgotten_by_gc_and_numbers_go_on, begin, end),
        cmocka_unit_test_setup_teardown(store_without_a_folder_has_no_queue, begin, end),
        cmocka_unit_test_setup_teardown(running_server_does_what_an_operator_queues, begin, end),
        cmocka_unit_test_setup_teardown(job_waits_for_the_next_server, begin, end),
        cmocka_unit_test_setup_teardown(queue_survives_the_death_of_its_worker, begin, end),
        cmocka_unit_test_setup_teardown(job_that_ends_two_servers_is_given_up_and_told, begin, end),
        cmocka_unit_test_setup_teardown(closing_server_leaves_the_rest_to_the_next, begin, end),
    };

    if (argc == 3)
        return run_child(argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

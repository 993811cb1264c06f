/* The install log: every outcome with its reason, chained by hashes so that a change from outside is found. */
#include <unistd.h>

#include "tests/installer/support/app.h"

static hl_runtime *runtime;

static int begin(void **state)
{
    test_begin(state);
    runtime = test_open_store(0);
    return 0;
}

static int end(void **state)
{
    hl_close(runtime);
    return test_end(state);
}

static bool add_line(const hl_install_entry *entry, void *text)
{
    size_t len = strlen(text);

    snprintf((char *)text + len, 4096 - len, "%llu %s %s %s %s\n", (unsigned long long)entry->number, entry->action,
             entry->app, entry->version, hl_status_name(entry->status));
    assert_int_equal(entry->pid, getpid());
    assert_int_equal(strlen(entry->hash), 64);
    return true;
}

static bool keep_message(const hl_install_entry *entry, void *text)
{
    snprintf(text, 4096, "%s", entry->message);
    return true;
}

/* LG-01 SE-06 TE-04 EC-03: installs, refusals, upgrades, rollbacks and removals, each once. */
static void every_outcome_is_told_once_with_its_reason(void **state)
{
    char text[4096] = "", message[4096], head[65];
    uint64_t entries;

    (void)state;
    ok(hl_install_log_verify(runtime, &entries, head));
    assert_int_equal(entries, 0);
    ok(test_install(runtime, app_folder(.app = "shop", .version = "1.0.0"), NULL));
    refused(test_install(runtime, app_folder(.app = "shop", .version = "0.9.0"), NULL), HL_ERR_VERSION, "version");
    ok(hl_install_log(runtime, keep_message, message));
    assert_non_null(strstr(message, "only a newer one can replace it"));
    ok(test_install(runtime, app_folder(.app = "shop", .version = "1.1.0"), NULL));
    ok(hl_rollback(runtime, "shop", 0, NULL));
    refused(hl_uninstall(runtime, "crm", 0, NULL), HL_ERR_NOT_FOUND, "app");
    ok(hl_uninstall(runtime, "shop", 0, NULL));
    ok(hl_install_log(runtime, add_line, text));
    assert_string_equal(text, "1 install shop 1.0.0 HL_OK\n"
                              "2 upgrade shop 0.9.0 HL_ERR_VERSION\n"
                              "3 upgrade shop 1.1.0 HL_OK\n"
                              "4 rollback shop 1.0.0 HL_OK\n"
                              "5 uninstall crm  HL_ERR_NOT_FOUND\n"
                              "6 uninstall shop 1.0.0 HL_OK\n");
    ok(hl_install_log_verify(runtime, &entries, head));
    assert_int_equal(entries, 6);
    assert_int_equal(strlen(head), 64);
}

static void log_survives_a_restart_and_goes_on(void **state)
{
    char before[65], after[65];
    uint64_t entries;

    (void)state;
    ok(test_install(runtime, app_folder(.app = "shop", .version = "1.0.0"), NULL));
    ok(hl_install_log_verify(runtime, NULL, before));
    hl_close(runtime);
    runtime = test_open_store(0);
    ok(hl_install_log_verify(runtime, &entries, after));
    assert_int_equal(entries, 1);
    assert_string_equal(after, before);
    ok(hl_uninstall(runtime, "shop", 0, NULL));
    assert_int_equal(test_log_len(runtime), 2);
}

/* ---- tampering ---- */

/* Overwrites every occurrence of `from` in the store's file; both are of one length. */
static size_t tamper(const char *from, const char *to)
{
    const char *path = test_path("store/data.mdb");
    static char bytes[4 << 20];
    FILE *file = fopen(path, "r+");
    size_t len, found = 0;

    assert_non_null(file);
    assert_int_equal(strlen(from), strlen(to));
    len = fread(bytes, 1, sizeof(bytes), file);
    for (char *at = bytes; (at = memmem(at, len - (size_t)(at - bytes), from, strlen(from))); found++)
        memcpy(at, to, strlen(to));
    rewind(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    return found;
}

static void make_log(void)
{
    ok(test_install(runtime, app_folder(.app = "shop", .version = "1.0.0"), NULL));
    ok(test_install(runtime, app_folder(.app = "shop", .version = "1.1.0"), NULL));
    ok(hl_uninstall(runtime, "shop", 0, NULL));
    assert_int_equal(test_log_len(runtime), 3);
}

static void verify_tampered(const char *from, const char *to, const char *message)
{
    hl_close(runtime);
    assert_true(tamper(from, to) > 0);
    runtime = test_open_store(0);
    refused(hl_install_log_verify(runtime, NULL, NULL), HL_ERR_STORE_CORRUPT, NULL);
    if (!strstr(hl_last_error()->message, message))
        fail_msg("\"%s\" does not speak of \"%s\"", hl_last_error()->message, message);
}

static void changed_entry_is_found(void **state)
{
    (void)state;
    make_log();
    verify_tampered("\"action\":\"upgrade\"", "\"action\":\"install\"", "Entry 2");
}

static void entry_under_another_number_is_found(void **state)
{
    (void)state;
    make_log();
    verify_tampered("\"number\":2,", "\"number\":4,", "Entry 2");
}

/* SE-06: what is refused before anything is looked at is an outcome too; what is no name is not put down as one. */
static void calls_that_are_refused_at_once_are_told(void **state)
{
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_PATH, "");
    uint64_t entries;

    (void)state;
    make_log();
    entries = test_log_len(runtime);
    refused(hl_uninstall(runtime, "../shop", 0, NULL), HL_ERR_INVALID, "app");
    assert_string_equal(test_last_entry(runtime), "uninstall   ->  HL_ERR_INVALID");
    refused(hl_rollback(runtime, "shop", 1u << 30, NULL), HL_ERR_FLAGS, NULL);
    assert_string_equal(test_last_entry(runtime), "rollback shop  ->  HL_ERR_FLAGS");
    refused(hl_install_async(runtime, &spec, NULL), HL_ERR_INVALID, "location");
    assert_string_equal(test_last_entry(runtime), "install   ->  HL_ERR_INVALID");
    assert_int_equal(test_log_len(runtime), entries + 3);
}

/* The newest entry's hash and number are kept apart: cutting the log short shows. */
static void head_that_does_not_fit_is_found(void **state)
{
    (void)state;
    make_log();
    verify_tampered("\"number\":3}", "\"number\":4}", "Entry 4 of the install log is missing");
}

static void head_that_is_behind_is_found(void **state)
{
    (void)state;
    make_log();
    verify_tampered("\"number\":3}", "\"number\":2}", "Entry 3 of the install log was put in");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_outcome_is_told_once_with_its_reason, begin, end),
        cmocka_unit_test_setup_teardown(log_survives_a_restart_and_goes_on, begin, end),
        cmocka_unit_test_setup_teardown(calls_that_are_refused_at_once_are_told, begin, end),
        cmocka_unit_test_setup_teardown(changed_entry_is_found, begin, end),
        cmocka_unit_test_setup_teardown(entry_under_another_number_is_found, begin, end),
        cmocka_unit_test_setup_teardown(head_that_does_not_fit_is_found, begin, end),
        cmocka_unit_test_setup_teardown(head_that_is_behind_is_found, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

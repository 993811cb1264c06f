/* The JSON form of an isolation: nothing is lost on the way there and back, defaults are filled in for those who work
 * by it, and what is wrong, or not understood, is named by its field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/error.h"
#include "core/isolate.h"

static const char *const etc[] = {"/etc/ssl", "/usr/share/zoneinfo", NULL};
static const char *const tmp[] = {"/tmp/plugin", NULL};

static hl_isolation full(const hl_sandbox *sandbox)
{
    return (hl_isolation){.size = sizeof(hl_isolation),
                          .mode = HL_IN_WORKER,
                          .deadline_ms = 50,
                          .on_failure = HL_SKIP_PLUGIN,
                          .workers = 2,
                          .queue = 7,
                          .when_full = HL_WAIT,
                          .restart = HL_TRANSIENT,
                          .restarts_most = 3,
                          .period_ms = 1000,
                          .backoff_ms = 20,
                          .backoff_most_ms = 500,
                          .stable_ms = 2000,
                          .group = "payments \"quoted\"",
                          .strategy = HL_REST_FOR_ONE,
                          .breaker_failures = 9,
                          .breaker_open_ms = 77,
                          .spin_us = 3,
                          .no_spin = true,
                          .sandbox = sandbox};
}

static void a_whole_isolation_comes_back_as_it_was(void **unused)
{
    hl_sandbox sandbox = {.size = sizeof(sandbox),
                          .memory_bytes = UINT64_C(1) << 40,
                          .file_bytes = 4096,
                          .files = 8,
                          .processes = 2,
                          .cpu_seconds = 60,
                          .network = true,
                          .read = etc,
                          .write = tmp,
                          .cgroup = "/sys/fs/cgroup/plugins",
                          .require = true};
    hl_isolation isolation = full(&sandbox), *back = NULL;
    char *text = NULL;

    (void)unused;
    assert_int_equal(hl__isolation_write(&isolation, false, &text), HL_OK);
    assert_int_equal(hl_isolation_parse(text, &back), HL_OK);
    assert_string_equal(back->group, isolation.group);
    assert_string_equal(back->sandbox->read[0], etc[0]);
    assert_string_equal(back->sandbox->read[1], etc[1]);
    assert_null(back->sandbox->read[2]);
    assert_string_equal(back->sandbox->write[0], tmp[0]);
    assert_null(back->sandbox->write[1]);
    assert_string_equal(back->sandbox->cgroup, sandbox.cgroup);
    sandbox.read = back->sandbox->read;
    sandbox.write = back->sandbox->write;
    sandbox.cgroup = back->sandbox->cgroup;
    assert_true(back->sandbox->memory_bytes == sandbox.memory_bytes && back->sandbox->file_bytes == sandbox.file_bytes);
    assert_true(back->sandbox->files == 8 && back->sandbox->processes == 2 && back->sandbox->cpu_seconds == 60);
    assert_true(back->sandbox->network && back->sandbox->require);
    assert_true(back->mode == HL_IN_WORKER && back->deadline_ms == 50 && back->on_failure == HL_SKIP_PLUGIN);
    assert_true(back->workers == 2 && back->queue == 7 && back->when_full == HL_WAIT);
    assert_true(back->restart == HL_TRANSIENT && back->restarts_most == 3 && back->period_ms == 1000);
    assert_true(back->backoff_ms == 20 && back->backoff_most_ms == 500 && back->stable_ms == 2000);
    assert_true(back->strategy == HL_REST_FOR_ONE && back->breaker_failures == 9 && back->breaker_open_ms == 77);
    assert_true(back->spin_us == 3 && back->no_spin);
    free(back);
    free(text);
}

static void only_given_fields_are_written(void **unused)
{
    hl_isolation isolation = HL_ISOLATION_INIT(HL_IN_WORKER);
    hl_sandbox sandbox = {.size = sizeof(sandbox), .files = 5};
    char *text = NULL;

    (void)unused;
    isolation.deadline_ms = 50;
    isolation.sandbox = &sandbox;
    assert_int_equal(hl__isolation_write(&isolation, false, &text), HL_OK);
    assert_string_equal(text, "{\"mode\":\"in_worker\",\"deadline_ms\":50,\"sandbox\":{\"files\":5}}");
    free(text);
}

static void who_works_by_it_gets_every_default_of_the_header(void **unused)
{
    hl_isolation *read = NULL;

    (void)unused;
    assert_int_equal(hl__isolation_read("{\"mode\":\"in_worker\"}", &read), HL_OK);
    assert_true(read->deadline_ms == 1000 && read->on_failure == HL_FAIL_CHAIN && read->workers == 1);
    assert_true(read->queue == 64 && read->when_full == HL_SHED && read->restart == HL_PERMANENT);
    assert_true(read->restarts_most == 5 && read->period_ms == 5000 && read->backoff_ms == 10);
    assert_true(read->backoff_most_ms == 10000 && read->stable_ms == 10000 && read->strategy == HL_ONE_FOR_ONE);
    assert_true(read->breaker_failures == 0 && read->breaker_open_ms == 1000 && read->spin_us == 5 && !read->no_spin);
    assert_null(read->group);
    assert_true(read->sandbox->memory_bytes == UINT64_C(1) << 30 && read->sandbox->files == 64);
    assert_true(read->sandbox->file_bytes == 0 && read->sandbox->processes == 0 && read->sandbox->cpu_seconds == 0);
    assert_null(read->sandbox->read);
    free(read);
    assert_int_equal(hl__isolation_read("{\"mode\":\"in_process\"}", &read), HL_OK);
    assert_int_equal(read->deadline_ms, 0);
    free(read);
}

static void refused(const char *text, const char *field)
{
    hl_isolation *read = NULL;

    assert_int_equal(hl_isolation_parse(text, &read), HL_ERR_INVALID);
    assert_string_equal(hl_last_error()->field, field);
    assert_null(read);
}

#define WORKER(more) "{\"mode\":\"in_worker\"," more "}"

static void what_is_wrong_is_refused_by_its_field(void **unused)
{
    (void)unused;
    refused("", "isolation");
    refused("[]", "isolation");
    refused("{\"mode\":\"in_worker\"", "isolation");
    refused("{}", "isolation.mode");
    refused("{\"mode\":\"in_wroker\"}", "isolation.mode");
    refused("{\"mode\":2}", "isolation.mode");
    refused(WORKER("\"mode\":\"in_worker\""), "isolation");
    refused(WORKER("\"deadline_ms\":3600001"), "isolation.deadline_ms");
    refused(WORKER("\"deadline_ms\":-1"), "isolation.deadline_ms");
    refused(WORKER("\"deadline_ms\":1.5"), "isolation.deadline_ms");
    refused(WORKER("\"workers\":65"), "isolation.workers");
    refused(WORKER("\"queue\":4097"), "isolation.queue");
    refused(WORKER("\"spin_us\":101"), "isolation.spin_us");
    refused(WORKER("\"restarts_most\":4294967296"), "isolation.restarts_most");
    refused(WORKER("\"group\":\"\""), "isolation.group");
    refused(WORKER("\"group\":\"a\\nb\""), "isolation.group");
    refused(WORKER("\"no_spin\":1"), "isolation.no_spin");
    refused(WORKER("\"sandbox\":[]"), "isolation.sandbox");
    refused(WORKER("\"sandbox\":{\"files\":\"many\"}"), "isolation.sandbox.files");
    refused(WORKER("\"sandbox\":{\"read\":\"/etc\"}"), "isolation.sandbox.read");
    refused(WORKER("\"sandbox\":{\"write\":[\"/tmp\",\"etc\"]}"), "isolation.sandbox.write[1]");
    refused(WORKER("\"sandbox\":{\"cgroup\":\"plugins\"}"), "isolation.sandbox.cgroup");
}

/* A limit that is not understood would silently not be kept. */
static void what_is_not_understood_is_refused_by_its_name(void **unused)
{
    (void)unused;
    refused(WORKER("\"dead_line_ms\":5"), "isolation.dead_line_ms");
    refused(WORKER("\"sandbox\":{\"sockets\":0}"), "isolation.sandbox.sockets");
    refused(WORKER("\"by\":\"operator\""), "isolation.by");
}

static void what_only_workers_can_keep_is_refused_in_process(void **unused)
{
    (void)unused;
    refused("{\"mode\":\"in_process\",\"workers\":2}", "isolation.workers");
    refused("{\"mode\":\"in_process\",\"on_failure\":\"skip_plugin\"}", "isolation.on_failure");
    refused("{\"mode\":\"in_process\",\"sandbox\":{}}", "isolation.sandbox");
}

static void unwritable(const hl_isolation *isolation, hl_status status, const char *field)
{
    char *text = NULL;

    assert_int_equal(hl__isolation_write(isolation, true, &text), status);
    assert_string_equal(hl_last_error()->field, field);
    assert_null(text);
}

static void structs_are_checked_as_texts_are(void **unused)
{
    const char *const wrong[] = {"/good", "b\xff", NULL};
    hl_sandbox sandbox = {.size = sizeof(sandbox), .read = wrong};
    hl_isolation isolation = full(NULL);

    (void)unused;
    isolation.mode = (hl_isolation_mode)0;
    unwritable(&isolation, HL_ERR_INVALID, "isolation.mode");
    isolation.mode = (hl_isolation_mode)3;
    unwritable(&isolation, HL_ERR_INVALID, "isolation.mode");
    isolation = full(NULL);
    isolation.workers = 65;
    unwritable(&isolation, HL_ERR_INVALID, "isolation.workers");
    isolation = full(&sandbox);
    unwritable(&isolation, HL_ERR_INVALID, "isolation.sandbox.read[1]");
    sandbox.size = 3;
    unwritable(&isolation, HL_ERR_STRUCT_SIZE, "isolation.sandbox");
    isolation.size = 3;
    unwritable(&isolation, HL_ERR_STRUCT_SIZE, "isolation");
    unwritable(NULL, HL_ERR_INVALID, "isolation");
}

static void a_text_says_whether_it_asks_for_workers_and_who_set_it(void **unused)
{
    hl_isolation isolation = HL_ISOLATION_INIT(HL_IN_PROCESS), *read = NULL;
    char *text = NULL;

    (void)unused;
    assert_int_equal(hl__isolation_write(&isolation, true, &text), HL_OK);
    assert_true(hl__isolation_by_operator(text));
    assert_false(hl__isolation_in_worker(text));
    assert_int_equal(hl__isolation_read(text, &read), HL_OK);
    assert_false(hl__isolation_by_operator("{\"mode\":\"in_worker\"}"));
    assert_true(hl__isolation_in_worker("{\"mode\":\"in_worker\"}"));
    assert_false(hl__isolation_in_worker(""));
    assert_false(hl__isolation_by_operator(""));
    free(read);
    free(text);
}

static void what_cannot_be_understood_never_runs_in_the_servers_process(void **unused)
{
    (void)unused;
    assert_true(hl__isolation_in_worker("spoiled"));
    assert_true(hl__isolation_in_worker("{}"));
    assert_true(hl__isolation_in_worker("{\"mode\":\"in_orbit\"}"));
}

static void described(const char *json, const char *words)
{
    char text[128];

    hl__isolation_describe(json, text, sizeof(text));
    assert_string_equal(text, words);
}

static void an_isolation_is_described_in_words(void **unused)
{
    (void)unused;
    described("", "");
    described("{\"mode\":\"in_process\",\"by\":\"operator\"}", "");
    described("{\"mode\":\"in_process\",\"deadline_ms\":5}", "deadline 5 ms");
    described("{\"mode\":\"in_worker\"}", "runs in 1 worker, deadline 1000 ms, on failure the chain fails");
    described(WORKER("\"workers\":2,\"deadline_ms\":50,\"on_failure\":\"skip_plugin\""),
              "runs in 2 workers, deadline 50 ms, on failure the plugin is skipped");
    described("spoiled", "its isolation cannot be understood");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_isolation_comes_back_as_it_was),
        cmocka_unit_test(only_given_fields_are_written),
        cmocka_unit_test(who_works_by_it_gets_every_default_of_the_header),
        cmocka_unit_test(what_is_wrong_is_refused_by_its_field),
        cmocka_unit_test(what_is_not_understood_is_refused_by_its_name),
        cmocka_unit_test(what_only_workers_can_keep_is_refused_in_process),
        cmocka_unit_test(structs_are_checked_as_texts_are),
        cmocka_unit_test(a_text_says_whether_it_asks_for_workers_and_who_set_it),
        cmocka_unit_test(what_cannot_be_understood_never_runs_in_the_servers_process),
        cmocka_unit_test(an_isolation_is_described_in_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

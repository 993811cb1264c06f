/* Documents of jobs: what an address holds of secrets goes when the job has ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/document.h"
#include "install/job.h"
#include "tests/support/support.h"

#define KEY "job/00000000000000000001"
#define ADDRESS "https://packages.example.org/shop.tar.gz?token=secret"

static hl_runtime *runtime;
static const char *folder;

static int begin(void **state)
{
    (void)state;
    folder = test_folder();
    runtime = test_open(test_lmdb(folder), 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    hl_close(runtime);
    test_folder_remove(folder);
    return 0;
}

static hl_job_state state_of_job(char *text, size_t room)
{
    char *document = NULL;
    hl_job_state state;
    hl__job job;

    ok(hl__document_get(runtime, KEY, &document));
    ok(hl__job_decode(document, &job));
    state = job.state;
    snprintf(text, room, "%s", document);
    hl__job_cleanup(&job);
    free(document);
    return state;
}

static bool show(const hl_job_info *info, void *user)
{
    (void)user;
    assert_string_equal(info->location, "https://packages.example.org/shop.tar.gz");
    return true;
}

static void job_that_has_ended_keeps_no_query(void **state)
{
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_URL, ADDRESS);
    char text[4096];

    (void)state;
    ok(hl_install_async(runtime, &spec, NULL));
    ok(hl_jobs(runtime, show, NULL));
    while (state_of_job(text, sizeof(text)) != HL_JOB_FAILED)
        usleep(1000);
    assert_null(strstr(text, "secret"));
    assert_non_null(strstr(text, "https://packages.example.org/shop.tar.gz\""));
    ok(hl_jobs(runtime, show, NULL));
}

/* It needs it: the process that takes it up may be another one. */
static hl_status put(void *user, hl__documents *documents)
{
    return hl__job_put(documents, user);
}

static void job_that_waits_keeps_all_of_its_address(void **state)
{
    hl__job job = {.number = 1, .state = HL_JOB_WAITING, .spec = HL_INSTALL_INIT(HL_SOURCE_URL, ADDRESS)};
    char *text = NULL;

    (void)state;
    hl_close(runtime);
    runtime = test_open(test_lmdb(folder), HL_OPEN_RECORDS_ONLY);
    ok(hl__commit_documents(runtime, "test", NULL, 0, put, &job, 0, NULL));
    ok(hl__document_get(runtime, KEY, &text));
    assert_non_null(strstr(text, "token=secret"));
    free(text);
    ok(hl_jobs(runtime, show, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(job_that_has_ended_keeps_no_query, begin, end),
        cmocka_unit_test_setup_teardown(job_that_waits_keeps_all_of_its_address, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A store in a process that may not have much address space. */
#include <stdlib.h>
#include <string.h>

#include "tests/store/support/fixture.h"

static const char *sanitizers(void)
{
    const char *names = getenv("HOOKLINE_TEST_SANITIZE");
    return names ? names : "";
}

static void a_small_address_space_gets_a_small_map_that_grows(void **state)
{
    char *folder = folder_new();
    char line[1024];

    (void)state;
    if (*sanitizers()) {
        folder_remove(folder);
        skip(); /* they need more address space than the test leaves */
    }
    /* 200 MiB of address space: a map of 64 MiB fits, and can be doubled once. A record takes 60 KiB. */
    child writer = child_start("fill-small", folder, "209715200");

    assert_true(child_line(&writer, line, sizeof(line)));
    assert_true(atol(line) > 1500 && atol(line) < 2300);
    assert_true(child_line(&writer, line, sizeof(line)));
    assert_non_null(strstr(line, "HL_ERR_STORE_FULL"));
    assert_int_equal(child_end(&writer), 0);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_address_space_gets_a_small_map_that_grows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

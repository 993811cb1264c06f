/* Child processes and the search for helper programs. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/child.h"
#include "core/program.h"
#include "tests/library/support/fixture.h"

#define NS_PER_MS UINT64_C(1000000)

static hl__child_end run_shell(const char *script, uint64_t patience_ms, bool *in_time)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    hl__child_spec spec = {"/bin/sh", argv, NULL, -1, NULL, 0};
    hl__child child;

    assert_int_equal(hl__child_spawn(&spec, &child), 0);
    *in_time = hl__child_ended(&child, hl__child_now_ns() + patience_ms * NS_PER_MS);
    return hl__child_finish(&child);
}

static void expect_end(const char *script, const char *words)
{
    char text[80];
    bool in_time;
    hl__child_end end = run_shell(script, 5000, &in_time);

    assert_true(in_time);
    hl__child_describe(&end, text, sizeof(text));
    assert_string_equal(text, words);
}

static void every_end_has_its_words(void **state)
{
    hl__child_end unknown = {false, false, 0};
    char text[80];

    (void)state;
    expect_end("exit 0", "ended with exit status 0");
    expect_end("exit 7", "ended with exit status 7");
    expect_end("kill -ABRT $$", "died by SIGABRT");
    hl__child_describe(&unknown, text, sizeof(text));
    assert_string_equal(text, "ended in an unknown way (the server reaped it)");
}

static void a_child_that_takes_too_long_is_killed_with_all_it_started(void **state)
{
    holdings before = holdings_now();
    uint64_t begin = hl__child_now_ns();
    bool in_time;
    hl__child_end end = run_shell("sleep 100 & sleep 100", 50, &in_time);

    (void)state;
    assert_false(in_time);
    assert_true(end.known && end.signalled && end.code == SIGKILL);
    assert_true(hl__child_now_ns() - begin < 5000 * NS_PER_MS);
    expect_same_holdings(&before);
}

/* The child reads what it was given as 3 and 4, though in the parent the numbers are the other way round. */
static void descriptors_arrive_in_order(void **state)
{
    const char *argv[] = {"sh", "-c", "read a <&3; read b <&4; test \"$a$b\" = leftright", NULL};
    int first = open(fixture_write("left", "left\n", 5), O_RDONLY | O_CLOEXEC);
    int second = open(fixture_write("right", "right\n", 6), O_RDONLY | O_CLOEXEC);
    int fds[] = {first, second};
    hl__child_spec spec = {"/bin/sh", argv, NULL, -1, fds, 2};
    hl__child child;
    hl__child_end end;

    (void)state;
    if (first < second) {
        int spare = fcntl(first, F_DUPFD_CLOEXEC, second + 1);

        close(first);
        fds[0] = spare;
    }
    assert_true(fds[0] > fds[1]);
    assert_int_equal(hl__child_spawn(&spec, &child), 0);
    assert_true(hl__child_ended(&child, hl__child_now_ns() + 5000 * NS_PER_MS));
    end = hl__child_finish(&child);
    assert_true(end.known && !end.signalled);
    assert_int_equal(end.code, 0);
    close(fds[0]);
    close(fds[1]);
}

static void a_missing_program_is_an_error_number_and_leaves_nothing(void **state)
{
    const char *argv[] = {"nothing", NULL};
    hl__child_spec spec = {"/nowhere/nothing", argv, NULL, -1, NULL, 0};
    holdings before = holdings_now();
    hl__child child;

    (void)state;
    assert_int_equal(hl__child_spawn(&spec, &child), ENOENT);
    assert_int_equal(child.pidfd, -1);
    hl__child_finish(&child);
    expect_same_holdings(&before);
}

static void too_many_descriptors_are_refused(void **state)
{
    const char *argv[] = {"true", NULL};
    int fds[HL__CHILD_FDS_MAX + 1] = {0};
    hl__child_spec spec = {"/bin/true", argv, NULL, -1, fds, HL__CHILD_FDS_MAX + 1};
    hl__child child;

    (void)state;
    assert_int_equal(hl__child_spawn(&spec, &child), EINVAL);
}

static void the_environment_names_a_program_first(void **state)
{
    char buffer[PATH_MAX];

    (void)state;
    setenv("HOOKLINE_TEST_PROGRAM", "/some/where", 1);
    assert_string_equal(hl__program_find("HOOKLINE_TEST_PROGRAM", "x", "/compiled/in", buffer, sizeof(buffer)),
                        "/some/where");
    setenv("HOOKLINE_TEST_PROGRAM", "", 1);
    assert_string_equal(hl__program_find("HOOKLINE_TEST_PROGRAM", "x", "/compiled/in", buffer, sizeof(buffer)),
                        "/compiled/in");
    unsetenv("HOOKLINE_TEST_PROGRAM");
    assert_string_equal(hl__program_find("HOOKLINE_TEST_PROGRAM", "x", "/compiled/in", buffer, sizeof(buffer)),
                        "/compiled/in");
    assert_string_equal(hl__program_find("HOOKLINE_TEST_PROGRAM", "x", "/compiled/in", buffer, 3), "/compiled/in");
}

/* This very program, copied to where an installed library would lie, says what it finds. */
static void a_program_beside_the_library_is_found(void **state)
{
    char *command = NULL;
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

    (void)state;
    assert_true(len > 0);
    self[len] = '\0';
    assert_true(
        asprintf(&command,
                 "cd %s && mkdir -p lib/multi libexec/hookline && cp %s lib/program && cp %s lib/multi/program && "
                 "printf '#!/bin/sh\\n' > libexec/hookline/helper && chmod +x libexec/hookline/helper && "
                 "test -x \"$(lib/program --find)\" && test -x \"$(lib/multi/program --find)\"",
                 fixture_path("."), self, self) > 0);
    assert_int_equal(system(command), 0);
    free(command);
}

static int print_found(void)
{
    char buffer[PATH_MAX];

    puts(hl__program_find("HOOKLINE_TEST_PROGRAM", "helper", "/compiled/in", buffer, sizeof(buffer)));
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_end_has_its_words),
        cmocka_unit_test(a_child_that_takes_too_long_is_killed_with_all_it_started),
        cmocka_unit_test(descriptors_arrive_in_order),
        cmocka_unit_test(a_missing_program_is_an_error_number_and_leaves_nothing),
        cmocka_unit_test(too_many_descriptors_are_refused),
        cmocka_unit_test(the_environment_names_a_program_first),
        cmocka_unit_test(a_program_beside_the_library_is_found),
    };

    if (argc == 2 && strcmp(argv[1], "--find") == 0)
        return print_found();
    return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}

/* `hookline demo` as a user runs it: what it reports, what it leaves behind, and how it fails. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#define CHANGES 12
#define WAIT_S 60

extern char **environ;

/* Everything that belongs to a demo has this folder as TMPDIR in its environment: so it can be found. */
static char folder[128];
static char output[160];

/* ---- processes ------------------------------------------------------------------------------------------------- */

static bool file_contains(const char *path, const char *wanted)
{
    static char bytes[65536];
    size_t wanted_len = strlen(wanted);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? 0 : read(fd, bytes, sizeof(bytes));

    if (fd >= 0)
        close(fd);
    return len > 0 && memmem(bytes, (size_t)len, wanted, wanted_len) != NULL;
}

/* A living process of the demo whose command line has a text in it; 0 when there is none. */
static pid_t find_process(const char *command)
{
    DIR *processes = opendir("/proc");
    struct dirent *entry;
    pid_t found = 0;

    assert_non_null(processes);
    while (!found && (entry = readdir(processes))) {
        char environment[300], arguments[300];

        snprintf(environment, sizeof(environment), "/proc/%s/environ", entry->d_name);
        snprintf(arguments, sizeof(arguments), "/proc/%s/cmdline", entry->d_name);
        if (atoi(entry->d_name) > 0 && file_contains(environment, folder) && file_contains(arguments, command))
            found = atoi(entry->d_name);
    }
    closedir(processes);
    return found;
}

static pid_t await_process(const char *command)
{
    time_t until = time(NULL) + WAIT_S;
    pid_t pid;

    while (!(pid = find_process(command)) && time(NULL) < until)
        usleep(20000);
    return pid;
}

static void await_no_process(void)
{
    time_t until = time(NULL) + WAIT_S;

    while (find_process("") && time(NULL) < until)
        usleep(20000);
    assert_int_equal(find_process(""), 0);
}

/* ---- running the demo ------------------------------------------------------------------------------------------ */

/* The example server is built only where libmicrohttpd is. */
static void need_server(void)
{
    const char *bin = strstr(HL_TEST_HOOKLINE, "/bin/hookline");
    char path[PATH_MAX];

    assert_non_null(bin);
    snprintf(path, sizeof(path), "%.*s/libexec/hookline/examples/http-server", (int)(bin - HL_TEST_HOOKLINE),
             HL_TEST_HOOKLINE);
    if (access(path, X_OK) != 0)
        skip();
}

static pid_t start_demo(const char *const *arguments)
{
    const char *argv[16] = {HL_TEST_HOOKLINE, "demo"};
    posix_spawn_file_actions_t files;
    size_t len = 2;
    pid_t pid;

    need_server();
    while (arguments[len - 2]) {
        argv[len] = arguments[len - 2];
        len++;
    }
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
    assert_int_equal(posix_spawn(&pid, argv[0], &files, NULL, (char *const *)(uintptr_t)argv, environ), 0);
    posix_spawn_file_actions_destroy(&files);
    return pid;
}

static int end_demo(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void print_output(void)
{
    char line[512];
    FILE *file = fopen(output, "re");

    while (file && fgets(line, sizeof(line), file))
        print_message("%s", line);
    if (file)
        fclose(file);
}

static void assert_output_contains(const char *wanted)
{
    if (file_contains(output, wanted))
        return;
    print_output();
    fail_msg("the demo did not say \"%s\"", wanted);
}

/* The helpers of a killed server hear of its death and end by themselves, a moment later. */
static void assert_nothing_left(void)
{
    time_t until = time(NULL) + WAIT_S;

    await_no_process();
    while (rmdir(folder) != 0 && time(NULL) < until)
        usleep(20000);
    assert_int_not_equal(access(folder, F_OK), 0);
    assert_int_equal(mkdir(folder, 0700), 0);
}

/* Runs a demo that must succeed, and gives its JSON report. */
static json_t *run_demo(const char *const *arguments)
{
    json_error_t error;
    json_t *report;

    if (end_demo(start_demo(arguments)) != 0) {
        print_output();
        fail_msg("the demo failed");
    }
    report = json_load_file(output, 0, &error);
    if (!report)
        fail_msg("the report is no JSON: %s", error.text);
    assert_nothing_left();
    return report;
}

static int set_up(void **state)
{
    (void)state;
    assert_non_null(getcwd(folder, sizeof(folder) - 32));
    strcat(folder, "/demo-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(output, sizeof(output), "%s.out", folder);
    return setenv("TMPDIR", folder, 1);
}

static int tear_down(void **state)
{
    char command[480];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf '%s' '%s' '%s.lines'", folder, output, folder);
    return system(command);
}

/* ---- reading the report ---------------------------------------------------------------------------------------- */

static json_int_t number(const json_t *object, const char *key)
{
    assert_true(json_is_integer(json_object_get(object, key)));
    return json_integer_value(json_object_get(object, key));
}

static void assert_engine(const json_t *report)
{
    const char *engine = json_string_value(json_object_get(report, "engine"));

    assert_string_equal(engine, HL_TEST_HAVE_JIT ? "compiled" : "reference");
    if (!HL_TEST_HAVE_JIT)
        assert_true(json_array_size(json_object_get(report, "explain")) > 0);
}

static void assert_changes(const json_t *report)
{
    const json_t *changes = json_object_get(report, "changes");
    size_t i;
    json_t *change;

    assert_int_equal(json_array_size(changes), CHANGES);
    json_array_foreach (changes, i, change) {
        assert_false(json_equal(json_object_get(change, "before"), json_object_get(change, "after")));
        assert_true(number(change, "visible_ns") > 0);
        if (HL_TEST_HAVE_JIT)
            assert_true(number(change, "compiled_ns") > number(change, "visible_ns"));
    }
}

static void assert_dispatch(const json_t *report)
{
    const json_t *rows = json_object_get(report, "dispatch");
    size_t i;
    json_t *row;

    assert_int_equal(json_array_size(rows), 6); /* three events, with and without changes */
    json_array_foreach (rows, i, row) {
        assert_true(number(row, "dispatches") > 0);
        assert_true(number(row, "p50_ns") > 0);
        assert_true(number(row, "p50_ns") <= number(row, "p99_ns"));
        assert_true(number(row, "p99_ns") <= number(row, "p999_ns"));
    }
}

/* "1.0.0 answer 17" */
static long answer_number(const json_t *step, const char *version)
{
    const char *answered = json_string_value(json_object_get(step, "answered"));

    assert_non_null(answered);
    assert_memory_equal(answered, version, strlen(version));
    return atol(strrchr(answered, ' '));
}

static bool chain_has(const json_t *chain, const char *name)
{
    size_t i;
    json_t *plugin;

    json_array_foreach (chain, i, plugin) {
        if (strcmp(json_string_value(plugin), name) == 0)
            return true;
    }
    return false;
}

/* Installed, upgraded, rolled back: each version answered, and the count of answers was carried from one to the
 * next. */
static void assert_upgrade(const json_t *report)
{
    static const char *const versions[] = {"1.0.0", "1.1.0", "1.0.0"};
    const json_t *steps = json_object_get(report, "upgrade");
    long before = 0;
    size_t i;
    json_t *step;

    if (!HL_TEST_HAVE_INSTALLER) {
        assert_null(steps);
        return;
    }
    assert_int_equal(json_array_size(steps), 3);
    json_array_foreach (steps, i, step) {
        assert_int_equal(chain_has(json_object_get(step, "before"), "release"), i > 0);
        assert_true(chain_has(json_object_get(step, "after"), "release"));
        assert_false(json_equal(json_object_get(step, "before"), json_object_get(step, "after")));
        assert_int_equal(number(step, "servers"), 1);
        assert_true(number(step, "visible_ns") > 0);
        assert_true(number(step, "command_ns") > 0);
        if (i > 0)
            assert_true(json_is_true(json_object_get(step, "unloaded")));
        assert_true(answer_number(step, versions[i]) > before);
        before = answer_number(step, versions[i]);
    }
}

/* ---- promises -------------------------------------------------------------------------------------------------- */

static void every_request_is_served_while_plugins_and_apps_change(void **state)
{
    static const char *const arguments[] = {"--json", "--seconds", "1", NULL};
    json_t *report = run_demo(arguments);
    const json_t *requests = json_object_get(report, "requests");

    (void)state;
    assert_true(number(requests, "served") > 0);
    assert_int_equal(number(requests, "failed"), 0);
    assert_engine(report);
    assert_changes(report);
    assert_upgrade(report);
    assert_dispatch(report);
    if (HL_TEST_HAVE_JIT)
        assert_true(json_array_size(json_object_get(report, "assembly")) > 10);
    json_decref(report);
}

static void report_for_people_shows_chains_requests_and_times(void **state)
{
    static const char *const arguments[] = {"--seconds", "1", NULL};
    static const char *const wanted[] = {"hookline stop cache-control",
                                         "before  content-type > add-header > cache-control > vary",
                                         "after   add-header > content-type > cache-control > vary",
                                         " served, 0 failed",
                                         "P99.9",
                                         "without pause",
                                         "CLOCK_MONOTONIC"};

    (void)state;
    assert_int_equal(end_demo(start_demo(arguments)), 0);
    assert_output_contains(HL_TEST_HAVE_INSTALLER ? "an answer's X-Release: 1.1.0" : "this build has no installer");
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        assert_output_contains(wanted[i]);
    assert_nothing_left();
}

static void write_lines(const char *path)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    fputs("/hello\n/nowhere\r\n\n/files/../secret\n", file);
    fwrite("/files/\0bin\xff\n", 1, 13, file);
    for (int i = 0; i < 200000; i++)
        fputc('a', file);
    fputs("\n/without-end-mark", file);
    assert_int_equal(fclose(file), 0);
}

static void lines_of_a_file_run_through_the_same_chains(void **state)
{
    char path[200];
    const char *const arguments[] = {"--json", "--input", path, NULL};
    const json_t *input, *verdicts;
    json_int_t passes;
    json_t *report;

    (void)state;
    snprintf(path, sizeof(path), "%s.lines", folder);
    write_lines(path);
    report = run_demo(arguments);
    unlink(path);
    input = json_object_get(report, "input");
    verdicts = json_object_get(input, "verdicts");
    passes = number(input, "passes");
    assert_int_equal(number(input, "file_lines"), 7);
    assert_true(passes >= 1);
    assert_in_range(number(input, "lines"), 7 * passes, 7 * passes + 7);
    assert_in_range(number(input, "cut"), passes, passes + 1);
    assert_in_range(number(input, "with_nul"), passes, passes + 1);
    assert_int_equal(number(verdicts, "failed"), 0);
    assert_true(number(verdicts, "halt") > 0); /* path-guard on the ".." */
    assert_int_equal(number(verdicts, "halt") + number(verdicts, "next"), number(input, "lines"));
    assert_engine(report);
    assert_changes(report);
    json_decref(report);
}

static void refuse(const char *file, const char *words)
{
    const char *const arguments[] = {"--input", file, NULL};

    assert_int_equal(end_demo(start_demo(arguments)), 1);
    assert_output_contains(words);
    assert_nothing_left();
}

static void files_without_lines_are_refused_in_words(void **state)
{
    char path[200];

    (void)state;
    snprintf(path, sizeof(path), "%s.lines", folder);
    fclose(fopen(path, "we"));
    refuse(path, "is empty");
    unlink(path);
    refuse(path, "cannot be read: No such file");
    refuse("/", "is a folder");
    refuse("/dev/null", "has no line");
}

static void killed_server_fails_the_demo_and_nothing_is_left(void **state)
{
    static const char *const arguments[] = {"--seconds", "10", NULL};
    pid_t demo = start_demo(arguments);
    pid_t server = await_process("http-server");

    (void)state;
    assert_true(server > 0);
    usleep(300000);
    assert_int_equal(kill(server, SIGKILL), 0);
    assert_int_equal(end_demo(demo), 1);
    assert_output_contains("was killed by signal 9");
    assert_nothing_left();
}

static void interrupted_demo_leaves_nothing(void **state)
{
    static const char *const arguments[] = {"--seconds", "10", NULL};
    pid_t demo = start_demo(arguments);

    (void)state;
    assert_true(await_process("http-server") > 0);
    usleep(300000);
    assert_int_equal(kill(demo, SIGINT), 0);
    assert_int_equal(end_demo(demo), 1);
    assert_output_contains("interrupted");
    assert_nothing_left();
}

/* Its folder stays: there is nobody who could remove it. */
static void no_process_outlives_a_killed_demo(void **state)
{
    static const char *const arguments[] = {"--seconds", "10", NULL};
    pid_t demo = start_demo(arguments);

    (void)state;
    assert_true(await_process("http-server") > 0);
    usleep(300000);
    assert_int_equal(kill(demo, SIGKILL), 0);
    assert_int_equal(end_demo(demo), -1);
    await_no_process();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_request_is_served_while_plugins_and_apps_change, set_up, tear_down),
        cmocka_unit_test_setup_teardown(report_for_people_shows_chains_requests_and_times, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lines_of_a_file_run_through_the_same_chains, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_without_lines_are_refused_in_words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(killed_server_fails_the_demo_and_nothing_is_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(interrupted_demo_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_process_outlives_a_killed_demo, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

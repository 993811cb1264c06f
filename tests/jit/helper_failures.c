/* Whatever happens to the compiler program, every ticket comes back with a reason, and nothing is left behind. Rows
 * CM-07, EH-07. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/child.h"
#include "tests/jit/support/chains.h"
#include "tests/jit/support/drive.h"

#define BATCH 8

static char folder[] = "/tmp/hookline-test-XXXXXX"; /* TMPDIR of every case */
static size_t fds_before;
static size_t children_before;
static drive *d;

static int set_up(void **state)
{
    (void)state;
    setenv("TMPDIR", folder, 1);
    fds_before = drive_count_fds();
    children_before = drive_count_children();
    return 0;
}

/* The promise of every case: no descriptor, no process, no temporary file stays. */
static int tear_down(void **state)
{
    (void)state;
    if (d)
        drive_destroy(d);
    d = NULL;
    unsetenv("BABBLE");
    unsetenv("BABBLE_MANY");
    assert_int_equal(drive_count_fds(), fds_before);
    assert_int_equal(drive_count_children(), children_before);
    assert_int_equal(drive_count_scratch(folder), 0);
    return 0;
}

static void fill(hl__unit *units, chain *c, size_t units_len)
{
    for (size_t i = 0; i < units_len; i++)
        units[i] = c->unit;
}

static void check_all_failed(size_t units_len, const char *reason)
{
    for (size_t i = 0; i < units_len; i++) {
        assert_int_equal(d->results[i].reports, 1);
        assert_int_equal(d->results[i].status, HL_ERR_COMPILE);
        if (!strstr(d->results[i].reason, reason))
            fail_msg("\"%s\" does not say \"%s\"", d->results[i].reason, reason);
    }
}

static void check_all_compiled(size_t units_len)
{
    for (size_t i = 0; i < units_len; i++) {
        assert_int_equal(d->results[i].reports, 1);
        assert_string_equal(d->results[i].reason, "");
        chain_run(&d->results[i].compiled, NULL, NULL);
        assert_int_equal(trace.calls_len, 2);
    }
}

static void check_backs_off(void)
{
    uint64_t wake = d->compiler->ops->wake_at_ns(d->compiler);

    assert_false(d->compiler->ops->idle(d->compiler));
    assert_true(wake > hl__child_now_ns() && wake < hl__child_now_ns() + UINT64_C(30000000000));
}

/* Compiles a batch that must fail with this reason. */
static void compile_in_vain(size_t units_len, const char *reason)
{
    chain *c = chain_new("vain#1", 2);
    hl__unit units[BATCH];

    fill(units, c, units_len);
    assert_int_equal(drive_compile(d, units, units_len), HL_OK);
    check_all_failed(units_len, reason);
    free(c);
}

static void submit_in_vain(const char *reason)
{
    chain *c = chain_new("vain#1", 2);

    assert_int_equal(drive_submit(d, &c->unit, 1), HL_ERR_COMPILE);
    if (!strstr(hl_last_error()->message, reason))
        fail_msg("\"%s\" does not say \"%s\"", hl_last_error()->message, reason);
    free(c);
}

static void compile_well(size_t units_len)
{
    chain *c = chain_new("well#1", 2);
    hl__unit units[BATCH];

    fill(units, c, units_len);
    assert_int_equal(drive_compile(d, units, units_len), HL_OK);
    check_all_compiled(units_len);
    free(c);
}

static void write_script(const char *path, const char *text, mode_t mode)
{
    FILE *script = fopen(path, "we");

    assert_non_null(script);
    fputs(text, script);
    fclose(script);
    assert_int_equal(chmod(path, mode), 0);
}

/* A client whose compiler program is this shell script. */
static void new_scripted(const char *text, uint32_t timeout_ms)
{
    char path[64];

    snprintf(path, sizeof(path), "%s/script", folder);
    write_script(path, text, 0755);
    d = drive_new(path, timeout_ms, 0);
}

static void new_real(uint32_t timeout_ms, uint32_t recycle_after)
{
    if (!HL_TEST_HAVE_JIT)
        skip();
    d = drive_new(NULL, timeout_ms, recycle_after);
}

/* ---- programs that cannot start ------------------------------------------------------------------------------- */

static void a_missing_program_is_named_at_submit(void **state)
{
    (void)state;
    d = drive_new("/nowhere/hookline-jit", 0, 0);
    submit_in_vain("there is no hookline-jit at /nowhere/hookline-jit");
    assert_int_equal(d->compiler->ops->helper_starts(d->compiler), 0);
    assert_int_equal(d->compiler->ops->fd(d->compiler), -1);
}

static void the_pause_doubles_with_each_failure_and_the_reason_stays(void **state)
{
    uint64_t first;
    uint64_t second;

    (void)state;
    d = drive_new("/nowhere/hookline-jit", 0, 0);
    submit_in_vain("there is no hookline-jit");
    first = d->compiler->ops->wake_at_ns(d->compiler) - hl__child_now_ns();
    check_backs_off();
    submit_in_vain("there is no hookline-jit at /nowhere");
    assert_true(drive_until_idle(d, 1000));
    assert_true(d->compiler->ops->wake_at_ns(d->compiler) == UINT64_MAX);
    submit_in_vain("there is no hookline-jit");
    second = d->compiler->ops->wake_at_ns(d->compiler) - hl__child_now_ns();
    assert_in_range(first, 50000000, 100000000);
    assert_in_range(second, 150000000, 200000000);
}

static void a_program_without_execute_permission_is_named(void **state)
{
    char path[64];

    (void)state;
    snprintf(path, sizeof(path), "%s/script", folder);
    write_script(path, "#!/bin/sh\n", 0644);
    d = drive_new(path, 0, 0);
    submit_in_vain("cannot be started");
}

static char *read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "re");
    char *bytes;

    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *len = (size_t)ftell(file);
    rewind(file);
    bytes = malloc(*len);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *len, file), *len);
    fclose(file);
    return bytes;
}

/* The real program, asking for a library of another name. */
static void a_missing_libgccjit_is_named(void **state)
{
    char path[64];
    size_t len;
    char *bytes;
    char *name;
    FILE *file;

    (void)state;
    if (!HL_TEST_HAVE_JIT)
        skip();
    bytes = read_file(getenv("HOOKLINE_JIT"), &len);
    name = memmem(bytes, len, "libgccjit.so.0", 15);
    assert_non_null(name);
    memcpy(name, "libgccjix", 9);
    snprintf(path, sizeof(path), "%s/patched", folder);
    file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    fclose(file);
    chmod(path, 0755);
    free(bytes);
    d = drive_new(path, 0, 0);
    compile_in_vain(BATCH, "libgccjix.so.0: cannot open shared object file");
    check_backs_off();
}

static void a_missing_assembler_is_named_and_found_again(void **state)
{
    char *path = strdup(getenv("PATH"));

    (void)state;
    new_real(0, 0);
    setenv("PATH", folder, 1);
    compile_in_vain(1, "cannot execute");
    check_backs_off();
    assert_true(drive_until_idle(d, 2000));
    compile_in_vain(BATCH, "cannot execute");
    setenv("PATH", path, 1);
    assert_true(drive_until_idle(d, 2000));
    compile_well(BATCH);
    assert_true(d->compiler->ops->idle(d->compiler));
    free(path);
}

/* ---- programs that die or hang -------------------------------------------------------------------------------- */

static void a_program_that_always_dies_fails_a_batch_within_three_starts(void **state)
{
    (void)state;
    new_scripted("#!/bin/sh\necho out of ideas >&2\nexit 3\n", 0);
    compile_in_vain(BATCH, "hookline-jit ended with exit status 3: out of ideas");
    assert_int_equal(d->compiler->ops->helper_starts(d->compiler), 3);
    check_backs_off();
}

static void a_program_that_always_hangs_fails_a_batch_in_bounded_time(void **state)
{
    uint64_t start = hl__child_now_ns();

    (void)state;
    new_scripted("#!/bin/sh\nexec sleep 1000\n", 100);
    compile_in_vain(BATCH, "hookline-jit took longer than 100 ms");
    assert_in_range(hl__child_now_ns() - start, 300000000, 2000000000);
    check_backs_off();
}

static void a_helper_killed_in_the_middle_costs_no_chain(void **state)
{
    chain *c = chain_new("killed#1", 2);
    hl__unit units[BATCH];

    (void)state;
    new_real(0, 0);
    fill(units, c, BATCH);
    assert_int_equal(drive_submit(d, units, BATCH), HL_OK);
    usleep(20000);
    assert_int_equal(kill(drive_helper_pid(), SIGKILL), 0);
    assert_true(drive_until(d, BATCH, 10000));
    check_all_compiled(BATCH);
    assert_int_equal(d->compiler->ops->helper_starts(d->compiler), 2);
    assert_true(d->compiler->ops->idle(d->compiler));
    free(c);
}

static void a_helper_killed_while_idle_is_replaced_without_a_failure(void **state)
{
    (void)state;
    new_real(0, 0);
    compile_well(1);
    assert_int_equal(kill(drive_helper_pid(), SIGKILL), 0);
    assert_false(drive_until(d, 2, 100));
    assert_int_equal(d->compiler->ops->fd(d->compiler), -1);
    assert_int_equal(drive_count_children(), children_before);
    drive_release(d, 0);
    compile_well(1);
    assert_int_equal(d->compiler->ops->helper_starts(d->compiler), 2);
}

static void a_stopped_helper_is_killed_when_its_time_is_over(void **state)
{
    chain *c = chain_new("stopped#1", 2);

    (void)state;
    new_real(400, 0);
    compile_well(1);
    drive_release(d, 0);
    assert_int_equal(kill(drive_helper_pid(), SIGSTOP), 0);
    assert_int_equal(drive_compile(d, &c->unit, 1), HL_OK);
    check_all_failed(1, "hookline-jit took longer than 400 ms");
    assert_int_equal(drive_helper_pid(), 0);
    check_backs_off();
    assert_true(drive_until_idle(d, 1000));
    compile_well(BATCH);
    free(c);
}

/* A chain that takes libgccjit far longer than allowed. */
static void a_chain_that_cannot_be_compiled_takes_no_other_down(void **state)
{
    chain *c = chain_new("mixed#1", 2);
    hl__step *steps = calloc(30000, sizeof(*steps));
    hl__unit units[4];

    (void)state;
    new_real(2000, 0);
    for (size_t i = 0; i < 30000; i++)
        steps[i] = c->steps[0];
    fill(units, c, 4);
    units[1].steps = steps;
    units[1].steps_len = 30000;
    assert_int_equal(drive_compile(d, units, 4), HL_OK);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(d->results[i].status, i == 1 ? HL_ERR_COMPILE : HL_OK);
    assert_true(d->compiler->ops->idle(d->compiler));
    free(steps);
    free(c);
}

static void a_client_destroyed_in_the_middle_of_a_batch_leaves_nothing(void **state)
{
    chain *c = chain_new("destroyed#1", 64);

    (void)state;
    new_real(0, 0);
    assert_int_equal(drive_submit(d, &c->unit, 1), HL_OK);
    usleep(20000);
    free(c);
}

static void a_helper_is_replaced_after_its_share_of_chains(void **state)
{
    (void)state;
    new_real(0, 2 * BATCH);
    for (int i = 0; i < 4; i++) {
        compile_well(BATCH);
        for (size_t j = 0; j < BATCH; j++)
            drive_release(d, j);
    }
    assert_int_equal(d->compiler->ops->helper_starts(d->compiler), 3);
    assert_int_equal(drive_count_children(), children_before + 1);
}

/* ---- programs that talk nonsense ------------------------------------------------------------------------------ */

static void nonsense_from_the_program_fails_the_chain_and_ends_the_program(void **state)
{
    static const char *const ways[] = {"short",  "no object", "other batch",   "endless text",
                                       "device", "empty",     "no object file"};

    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        setenv("BABBLE", ways[i], 1);
        d = drive_new(HL_TEST_PROGRAMS "/babbling_jit", 0, 0);
        compile_in_vain(2, "");
        assert_int_not_equal(d->results[0].reason[0], 0);
        check_backs_off();
        tear_down(state);
    }
}

static void descriptors_that_nobody_asked_for_are_closed(void **state)
{
    setenv("BABBLE", "no object file", 1);
    setenv("BABBLE_MANY", "1", 1);
    d = drive_new(HL_TEST_PROGRAMS "/babbling_jit", 0, 0);
    compile_in_vain(2, "malformed");
    tear_down(state);
}

/* ---- temporary folders ---------------------------------------------------------------------------------------- */

static void a_tmpdir_that_is_missing_or_cannot_be_written_is_passed_over(void **state)
{
    static const char *const folders[] = {"/nowhere", "/proc", "relative", ""};

    (void)state;
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        setenv("TMPDIR", folders[i], 1);
        new_real(0, 0);
        compile_well(1);
        tear_down(state);
    }
}

static void a_temporary_folder_that_was_cleaned_away_is_made_again(void **state)
{
    char command[128];

    (void)state;
    new_real(0, 0);
    compile_well(1);
    drive_release(d, 0);
    snprintf(command, sizeof(command), "rm -rf %s/hookline-jit.*", folder);
    assert_int_equal(system(command), 0);
    compile_well(BATCH);
    assert_int_equal(drive_count_scratch(folder), 1);
}

/* A server that compiles, may kill its helper, and then dies without a chance to clean up. */
static int run_doomed_server(bool helper_too)
{
    chain *c = chain_new("doomed#1", 2);
    pid_t pid = fork();
    int status;

    if (pid != 0) {
        waitpid(pid, &status, 0);
        free(c);
        return status;
    }
    d = drive_new(NULL, 0, 0);
    if (drive_compile(d, &c->unit, 1) != HL_OK || d->results[0].status != HL_OK)
        _exit(1);
    if (helper_too)
        kill(drive_helper_pid(), SIGKILL);
    raise(SIGKILL);
    _exit(1);
}

static void a_helper_outlives_its_killed_server_only_to_clean_up(void **state)
{
    (void)state;
    if (!HL_TEST_HAVE_JIT)
        skip();
    assert_int_equal(run_doomed_server(false), SIGKILL);
    for (int i = 0; i < 200 && drive_count_scratch(folder); i++)
        usleep(10000);
    assert_int_equal(drive_count_scratch(folder), 0);
}

/* The server's child keeps the server's end of the socket open. */
static void a_helper_ends_with_its_server_though_a_forked_child_lives_on(void **state)
{
    chain *c = chain_new("forked#1", 2);
    int children[2];
    pid_t server;
    pid_t child;

    (void)state;
    if (!HL_TEST_HAVE_JIT)
        skip();
    assert_int_equal(pipe(children), 0);
    server = fork();
    if (server == 0) {
        d = drive_new(NULL, 0, 0);
        if (drive_compile(d, &c->unit, 1) != HL_OK)
            _exit(1);
        child = fork();
        if (child == 0) {
            alarm(20);
            pause();
        }
        if (write(children[1], &child, sizeof(child)) == sizeof(child))
            raise(SIGKILL);
        _exit(1);
    }
    assert_int_equal(read(children[0], &child, sizeof(child)), sizeof(child));
    waitpid(server, NULL, 0);
    for (int i = 0; i < 200 && drive_count_scratch(folder); i++)
        usleep(10000);
    assert_int_equal(drive_count_scratch(folder), 0);
    assert_int_equal(kill(child, SIGKILL), 0);
    close(children[0]);
    close(children[1]);
    free(c);
}

static void what_killed_servers_and_helpers_left_is_swept_at_the_next_open(void **state)
{
    (void)state;
    if (!HL_TEST_HAVE_JIT)
        skip();
    assert_int_equal(run_doomed_server(true), SIGKILL);
    for (int i = 0; i < 200 && drive_count_scratch(folder); i++) {
        d = drive_new(NULL, 0, 0);
        drive_destroy(d);
        d = NULL;
        usleep(1000);
    }
    assert_int_equal(drive_count_scratch(folder), 0);
}

static void the_folder_of_a_living_server_is_not_swept(void **state)
{
    drive *other;

    (void)state;
    new_real(0, 0);
    compile_well(1);
    other = drive_new(NULL, 0, 0);
    assert_int_equal(drive_count_scratch(folder), 1);
    drive_destroy(other);
    drive_release(d, 0);
    compile_well(1);
    assert_int_equal(d->compiler->ops->helper_starts(d->compiler), 1);
}

static void the_server_may_ignore_or_reap_its_children(void **state)
{
    void (*before)(int) = signal(SIGCHLD, SIG_IGN);

    (void)state;
    new_real(0, 0);
    compile_well(1);
    drive_release(d, 0);
    assert_int_equal(kill(drive_helper_pid(), SIGKILL), 0);
    assert_false(drive_until(d, 2, 100));
    compile_well(BATCH);
    drive_destroy(d);
    d = NULL;
    signal(SIGCHLD, before);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_missing_program_is_named_at_submit),
        CASE(the_pause_doubles_with_each_failure_and_the_reason_stays),
        CASE(a_program_without_execute_permission_is_named),
        CASE(a_missing_libgccjit_is_named),
        CASE(a_missing_assembler_is_named_and_found_again),
        CASE(a_program_that_always_dies_fails_a_batch_within_three_starts),
        CASE(a_program_that_always_hangs_fails_a_batch_in_bounded_time),
        CASE(a_helper_killed_in_the_middle_costs_no_chain),
        CASE(a_helper_killed_while_idle_is_replaced_without_a_failure),
        CASE(a_stopped_helper_is_killed_when_its_time_is_over),
        CASE(a_chain_that_cannot_be_compiled_takes_no_other_down),
        CASE(a_client_destroyed_in_the_middle_of_a_batch_leaves_nothing),
        CASE(a_helper_is_replaced_after_its_share_of_chains),
        CASE(nonsense_from_the_program_fails_the_chain_and_ends_the_program),
        CASE(descriptors_that_nobody_asked_for_are_closed),
        CASE(a_tmpdir_that_is_missing_or_cannot_be_written_is_passed_over),
        CASE(a_temporary_folder_that_was_cleaned_away_is_made_again),
        CASE(a_helper_outlives_its_killed_server_only_to_clean_up),
        CASE(a_helper_ends_with_its_server_though_a_forked_child_lives_on),
        CASE(what_killed_servers_and_helpers_left_is_swept_at_the_next_open),
        CASE(the_folder_of_a_living_server_is_not_swept),
        CASE(the_server_may_ignore_or_reap_its_children),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

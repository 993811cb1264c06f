/* Nothing is left behind: no temporary file and no process, whoever is killed; and two thousand changes later the
 * process is as large as before. */
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include "tests/engines/support/scene.h"

extern char **environ;

static scene s;

static void need_compiler(void)
{
    if (!HL_TEST_HAVE_JIT)
        skip();
}

/* ---- runtimes that end well ---- */

static void a_closed_runtime_leaves_no_file_and_no_process(void **state)
{
    pid_t helper;

    (void)state;
    need_compiler();
    scene_open(&s, NULL, 0);
    ok(hl_wait_compiled(s.runtime, 30000));
    assert_int_equal(scene_scratch(scene_folder), 1);
    helper = scene_helper();
    assert_true(helper != 0);
    scene_close(&s);
    assert_int_equal(scene_scratch(scene_folder), 0);
    assert_false(scene_alive(helper));
    assert_int_equal(scene_children(), 0);
}

static void a_runtime_closed_at_any_moment_of_a_compile_leaves_nothing(void **state)
{
    (void)state;
    need_compiler();
    for (unsigned us = 0; us < 40000; us += 2000) {
        scene_open(&s, NULL, 0);
        usleep(us);
        scene_close(&s);
        assert_int_equal(scene_scratch(scene_folder), 0);
        assert_int_equal(scene_children(), 0);
    }
}

static void a_killed_helper_leaves_no_file_after_the_close(void **state)
{
    (void)state;
    need_compiler();
    scene_open(&s, NULL, 0);
    eventually(scene_helper() != 0);
    usleep(10000);
    kill(scene_helper(), SIGKILL);
    scene_close(&s);
    assert_int_equal(scene_scratch(scene_folder), 0);

    scene_open(&s, NULL, 0);
    ok(hl_wait_compiled(s.runtime, 30000));
    kill(scene_helper(), SIGKILL);
    scene_close(&s);
    assert_int_equal(scene_scratch(scene_folder), 0);
}

static void a_runtime_that_allows_no_compiler_starts_no_process(void **state)
{
    hl_options options = HL_OPTIONS_INIT;
    hl_runtime *runtime;
    hl_event *event;

    (void)state;
    options.engine = HL_ENGINE_REFERENCE;
    ok(hl_open(&options, &runtime));
    event = test_event(runtime, "e");
    test_add(runtime, &(test_plugin){.name = "a", .event = "e"}, HL_START | HL_WAIT_COMPILED);
    assert_int_equal(hl_event_engine(event), HL_ENGINE_REFERENCE);
    assert_int_equal(scene_children(), 0);
    assert_int_equal(test_counters(runtime).helper_starts, 0);
    hl_close(runtime);
}

/* ---- servers that are killed ---- */

typedef struct server {
    pid_t pid, helper;
} server;

static server start_server(const char *how)
{
    const char *argv[] = {HL_TEST_PROGRAMS "/doomed_server", how, NULL};
    posix_spawn_file_actions_t actions;
    char line[16] = "";
    int pipes[2];
    server started;

    assert_int_equal(pipe(pipes), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipes[1], 1);
    posix_spawn_file_actions_addclose(&actions, pipes[0]);
    posix_spawn_file_actions_addclose(&actions, pipes[1]);
    assert_int_equal(posix_spawn(&started.pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(pipes[1]);
    assert_int_equal(read(pipes[0], line, sizeof(line)), 6);
    close(pipes[0]);
    started.helper = scene_helper_of(started.pid);
    assert_true(started.helper != 0);
    assert_int_equal(scene_scratch(scene_folder), 1);
    return started;
}

static void kill_server(const server *victim)
{
    assert_int_equal(kill(victim->pid, SIGKILL), 0);
    assert_int_equal(test_wait(victim->pid), -SIGKILL);
}

static void the_helper_of_a_killed_server_dies_and_cleans_up(void **state)
{
    server victim;

    (void)state;
    need_compiler();
    victim = start_server(NULL);
    kill_server(&victim);
    eventually(!scene_alive(victim.helper));
    eventually(scene_scratch(scene_folder) == 0);
}

static void it_dies_too_when_a_forked_child_of_the_server_lives_on(void **state)
{
    server victim;

    (void)state;
    need_compiler();
    victim = start_server("fork");
    kill_server(&victim);
    eventually(!scene_alive(victim.helper));
    eventually(scene_scratch(scene_folder) == 0);
}

static void what_a_killed_server_and_helper_left_is_swept_by_the_next_runtime(void **state)
{
    server victim;

    (void)state;
    need_compiler();
    victim = start_server(NULL);
    assert_int_equal(kill(victim.helper, SIGSTOP), 0);
    kill_server(&victim);
    kill(victim.helper, SIGKILL);
    eventually(!scene_alive(victim.helper));
    assert_int_equal(scene_scratch(scene_folder), 1);
    scene_open(&s, NULL, 0);
    ok(hl_wait_compiled(s.runtime, 30000));
    assert_int_equal(scene_scratch(scene_folder), 1);
    scene_close(&s);
    assert_int_equal(scene_scratch(scene_folder), 0);
}

static void another_runtime_sweeps_nothing_of_a_living_server(void **state)
{
    server other;

    (void)state;
    need_compiler();
    other = start_server(NULL);
    scene_open(&s, NULL, 0);
    ok(hl_wait_compiled(s.runtime, 30000));
    assert_int_equal(scene_scratch(scene_folder), 2);
    scene_close(&s);
    assert_int_equal(scene_scratch(scene_folder), 1);
    assert_true(scene_alive(other.helper));
    kill_server(&other);
    eventually(scene_scratch(scene_folder) == 0);
}

/* ---- many changes ---- */

typedef struct size_now {
    size_t fds, maps;
    long rss_kb;
} size_now;

static size_now measure(void)
{
    ok(hl_wait_compiled(s.runtime, 60000));
    eventually(test_counters(s.runtime).reclaimed == test_counters(s.runtime).retired);
    return (size_now){scene_fds(), scene_maps(), scene_rss_kb()};
}

/* Registers, changes, moves and unregisters plugins of two events; every tenth change waits for its code. */
static void change(int number)
{
    static const char *const names[] = {"p0", "p1", "p2", "p3", "p4"};
    const char *name = names[number % 5];
    test_plugin plugin = {.name = name, .event = number % 2 ? "e" : "f", .priority = PRIORITY(number % 50)};

    if (number % 7 == 0) {
        hl_status status = hl_unregister(s.runtime, name, 0);

        assert_true(status == HL_OK || status == HL_ERR_NOT_FOUND);
        return;
    }
    ok(test_register(s.runtime, &plugin, HL_START | (number % 10 ? 0 : HL_WAIT_COMPILED)));
    test_run_trail(s.event);
}

/* A batch under way has a descriptor of its own. */
static size_now measure_at_rest(void)
{
    ok(hl_wait_compiled(s.runtime, 20000));
    usleep(50000);
    return measure();
}

static void two_thousand_changes_later_the_process_is_as_large_as_before(void **state)
{
    size_now before, after;

    (void)state;
    scene_open(&s, NULL, 0);
    test_event(s.runtime, "f");
    for (int i = 0; i < 400; i++)
        change(i);
    before = measure_at_rest();
    for (int i = 0; i < 2000; i++)
        change(i);
    after = measure_at_rest();
    print_message("rss %ld -> %ld kB, %zu -> %zu mappings, %zu -> %zu descriptors\n", before.rss_kb, after.rss_kb,
                  before.maps, after.maps, before.fds, after.fds);
    assert_int_equal(after.fds, before.fds);
    assert_in_range(after.maps, 0, before.maps + (test_sanitized() ? 100 : 8));
    if (!test_sanitized())
        assert_in_range(after.rss_kb, 0, before.rss_kb + 8 * 1024);
    scene_close(&s);
}

static void a_hundred_runtimes_later_the_process_is_as_large_as_before(void **state)
{
    size_now before = {0}, after;

    (void)state;
    for (int i = 0; i < 120; i++) {
        scene_open(&s, NULL, 0);
        if (i % 10 == 0)
            ok(hl_wait_compiled(s.runtime, 30000));
        scene_close(&s);
        if (i == 19)
            before = (size_now){scene_fds(), scene_maps(), scene_rss_kb()};
    }
    after = (size_now){scene_fds(), scene_maps(), scene_rss_kb()};
    print_message("rss %ld -> %ld kB, %zu -> %zu mappings, %zu -> %zu descriptors\n", before.rss_kb, after.rss_kb,
                  before.maps, after.maps, before.fds, after.fds);
    assert_int_equal(after.fds, before.fds);
    assert_in_range(after.maps, 0, before.maps + (test_sanitized() ? 100 : 8));
    if (!test_sanitized())
        assert_in_range(after.rss_kb, 0, before.rss_kb + 4 * 1024);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, scene_begin, scene_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_closed_runtime_leaves_no_file_and_no_process),
        CASE(a_runtime_closed_at_any_moment_of_a_compile_leaves_nothing),
        CASE(a_killed_helper_leaves_no_file_after_the_close),
        CASE(a_runtime_that_allows_no_compiler_starts_no_process),
        CASE(the_helper_of_a_killed_server_dies_and_cleans_up),
        CASE(it_dies_too_when_a_forked_child_of_the_server_lives_on),
        CASE(what_a_killed_server_and_helper_left_is_swept_by_the_next_runtime),
        CASE(another_runtime_sweeps_nothing_of_a_living_server),
        CASE(two_thousand_changes_later_the_process_is_as_large_as_before),
        CASE(a_hundred_runtimes_later_the_process_is_as_large_as_before),
    };

    return cmocka_run_group_tests(tests, scene_make_folder, scene_remove_folder);
}

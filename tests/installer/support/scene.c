/* Scenes of a store, and changes in processes that meet a fault. See scene.h. */
#include "tests/installer/support/scene.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

void test_shell(const char *format, ...)
{
    char command[8192];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(command, sizeof(command), format, arguments);
    va_end(arguments);
    if (system(command) != 0)
        fail_msg("failed: %s", command);
}

void test_look(test_scene *out)
{
    hl_runtime *runtime = test_open_store(0);

    ok(hl_gc(runtime, NULL));
    *out = (test_scene){.entries = test_log_len(runtime)};
    snprintf(out->apps, sizeof(out->apps), "%s", test_apps(runtime));
    snprintf(out->trail, sizeof(out->trail), "%s", test_seen_trail(test_event(runtime, "e")));
    hl_close(runtime);
}

void test_keep(test_scene *out, const char *folder)
{
    test_look(out);
    snprintf(out->folder, sizeof(out->folder), "%s", folder);
    test_shell("rm -rf '%s/%s' && cp -a '%s/store/apps' '%s/%s'", test_place, folder, test_place, test_place, folder);
}

bool test_same_scene(const test_scene *a, const test_scene *b)
{
    return strcmp(a->apps, b->apps) == 0 && strcmp(a->trail, b->trail) == 0 && a->entries == b->entries;
}

bool test_same_files(const test_scene *kept)
{
    char command[8192];

    snprintf(command, sizeof(command), "diff -r '%s/store/apps' '%s/%s' >'%s/diff' 2>&1", test_place, test_place,
             kept->folder, test_place);
    return system(command) == 0;
}

void test_unchanged(const test_scene *kept, const char *what, unsigned long at)
{
    test_scene now;

    test_look(&now);
    if (now.entries > kept->entries)
        now.entries = kept->entries;
    if (test_same_scene(&now, kept) && test_same_files(kept))
        return;
    test_shell("cat '%s/diff'", test_place);
    fail_msg("%s %lu: not as before: apps \"%s\" trail \"%s\", %d log entries", what, at, now.apps, now.trail,
             (int)now.entries);
}

void test_store_save(void)
{
    test_shell("rm -rf '%s/base' && cp -a '%s/store' '%s/base'", test_place, test_place, test_place);
}

void test_store_restore(void)
{
    test_shell("find '%s/store' -mindepth 1 -delete && cp -a '%s/base/.' '%s/store/'", test_place, test_place,
               test_place);
}

/* ---- a change in a process of its own ---- */

static void set_number(const char *name, unsigned long number)
{
    char text[32];

    snprintf(text, sizeof(text), "%lu", number);
    setenv(name, text, 1);
}

static void set_fault(const test_fault *fault)
{
    set_number("HOOKLINE_TEST_FAULT_AT", fault->at);
    set_number("HOOKLINE_TEST_FAULT_ERROR", (unsigned long)fault->error);
    setenv("LD_PRELOAD", HL_TEST_PLUGINS "/fault_at.so", 1);
}

static void unset_fault(void)
{
    unsetenv("LD_PRELOAD");
    unsetenv("HOOKLINE_TEST_FAULT_ERROR");
    unsetenv("HOOKLINE_TEST_FAULT_AT");
}

test_result test_change(const char *action, const char *what, const test_fault *fault)
{
    const char *argv[] = {HL_TEST_PROGRAMS "/change_program", test_store, action, what, NULL};
    posix_spawn_file_actions_t actions;
    test_result out = {0};
    char text[64] = "";
    int pid, pipes[2];

    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    set_fault(fault);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipes[1], 1);
    assert_int_equal(posix_spawn(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    unset_fault();
    close(pipes[1]);
    out.end = test_wait(pid);
    if (read(pipes[0], text, sizeof(text) - 1) > 0)
        out.calls = strtoul(text, NULL, 10);
    close(pipes[0]);
    return out;
}

/* ---- permissions ---- */

static void set_override(bool on)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct sets[2];
    uint32_t override = 1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH;

    assert_int_equal(syscall(SYS_capget, &header, sets), 0);
    sets[0].effective = on ? sets[0].effective | (override & sets[0].permitted) : sets[0].effective & ~override;
    assert_int_equal(syscall(SYS_capset, &header, sets), 0);
}

void test_obey_permissions(void)
{
    set_override(false);
}

void test_obey_nothing(void)
{
    set_override(true);
}

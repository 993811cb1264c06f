/* Killed before any call that changes something, and calls that fail because the disk is full or cannot be written:
 * afterwards an app is fully as it was or fully as it should become, and after hl_gc no file is left that belongs to
 * neither. Disks that really are full and folders that really are read only: disks.c. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include "tests/installer/support/scene.h"

/* Points of a change that are tried: all of them up to this many, else some of them. */
#define POINTS_MOST 90

extern char **environ;

/* A sanitizer has to be the first that is preloaded. */
static void skip_sanitized(void)
{
    if (test_sanitized())
        skip();
}

static void install(const char *location)
{
    hl_runtime *runtime = test_open_store(0);

    ok(test_install(runtime, location, NULL));
    hl_close(runtime);
}

static const char *package_of(const char *version)
{
    return app_package(.app = "shop", .version = version, .plugins = "shop-a shop-b", .file = "priv/deep/file",
                       .manifest = "\"data\":\"priv\"");
}

/* ---- a change whose every point is tried ------------------------------------------------------------------------- */

typedef struct trial {
    const char *action, *what;
    test_scene before, after;
    unsigned long calls, stride;
} trial;

/* The store as it is now is where each try begins. */
static void prepare(trial *all, const char *action, const char *what)
{
    test_result whole;

    *all = (trial){.action = action, .what = what};
    test_keep(&all->before, "apps-before");
    test_store_save();
    whole = test_change(action, what, &(test_fault){0});
    assert_int_equal(whole.end, 0);
    assert_true(whole.calls > 5);
    test_keep(&all->after, "apps-after");
    assert_false(test_same_scene(&all->before, &all->after));
    all->calls = whole.calls;
    all->stride = whole.calls / POINTS_MOST + 1;
}

static void check_point(const trial *all, unsigned long point, bool may_be_old, bool may_be_new)
{
    test_scene now;
    bool old, new;

    test_look(&now);
    old = test_same_scene(&now, &all->before) && test_same_files(&all->before);
    new = test_same_scene(&now, &all->after) && test_same_files(&all->after);
    if (old != new && ((old && may_be_old) || (new &&may_be_new)))
        return;
    test_shell("cat '%s/diff'", test_place);
    fail_msg("%s, fault at call %lu: %s: apps \"%s\" trail \"%s\", %d log entries", all->action, point,
             old   ? "old, and new was told"
             : new ? "new, and old was told"
                   : "neither old nor new",
             now.apps, now.trail, (int)now.entries);
}

/* ---- killing ----------------------------------------------------------------------------------------------------- */

static void kill_everywhere(const char *action, const char *what)
{
    unsigned long killed = 0;
    trial all;

    prepare(&all, action, what);
    for (unsigned long point = 1; point <= all.calls + all.stride; point += all.stride) {
        test_result one;

        test_store_restore();
        one = test_change(action, what, &(test_fault){.at = point});
        killed += one.end == -SIGKILL;
        assert_true(one.end == -SIGKILL || (one.end == 0 && point + 8 > all.calls));
        check_point(&all, point, true, true);
    }
    print_message("%s: %lu calls change something, killed before %lu of them\n", action, all.calls, killed);
    assert_true(killed + 8 >= all.calls / all.stride);
}

/* IN-11 RP-03: nothing recorded, or everything. */
static void killed_installation_is_not_there_or_whole(void **state)
{
    char package[4096];

    (void)state;
    skip_sanitized();
    snprintf(package, sizeof(package), "%s", package_of("1.0.0"));
    install(app_package(.app = "crm", .version = "1.0.0"));
    kill_everywhere("install", package);
}

static void killed_upgrade_is_the_old_or_the_new_version(void **state)
{
    char package[4096];

    (void)state;
    skip_sanitized();
    install(package_of("1.0.0"));
    install(package_of("1.1.0"));
    snprintf(package, sizeof(package), "%s", package_of("1.2.0"));
    kill_everywhere("install", package);
}

static void killed_rollback_is_one_version_or_the_other(void **state)
{
    (void)state;
    skip_sanitized();
    install(package_of("1.0.0"));
    install(package_of("1.1.0"));
    kill_everywhere("rollback", "shop");
}

static void killed_removal_is_whole_or_nothing(void **state)
{
    (void)state;
    skip_sanitized();
    install(package_of("1.0.0"));
    install(package_of("1.1.0"));
    kill_everywhere("uninstall", "shop");
}

/* Two apps of which one is upgraded and one comes, by one lockfile. */
static const char *make_locked(void)
{
    hl_runtime *runtime;

    install(package_of("1.0.0"));
    runtime = test_open(test_lmdb(test_path("other")), 0);
    ok(test_install(runtime, package_of("1.1.0"), NULL));
    ok(test_install(runtime,
                    app_package(.app = "crm", .version = "1.0.0", .manifest = "\"requires\":{\"shop\":\">1\"}"), NULL));
    ok(hl_lock_write(runtime, test_path("a.lock")));
    hl_close(runtime);
    return test_path("a.lock");
}

static void killed_plan_has_all_of_its_apps_or_none(void **state)
{
    char lockfile[4096];

    (void)state;
    skip_sanitized();
    snprintf(lockfile, sizeof(lockfile), "%s", make_locked());
    kill_everywhere("locked", lockfile);
}

/* ---- a disk that is full, or read only, from some call on -------------------------------------------------------- */

static bool is_disk_status(int end, int error)
{
    if (error == ENOSPC)
        return end == -HL_ERR_STORE_FULL;
    return end == -HL_ERR_SYSTEM || end == -HL_ERR_STORE_READ_ONLY;
}

/* What was told is what is found: success means the new state, a refusal the old one. */
static void fail_everywhere(const char *action, const char *what, int error)
{
    unsigned long refused = 0, done = 0;
    trial all;

    prepare(&all, action, what);
    for (unsigned long point = 1; point <= all.calls; point += all.stride) {
        test_result one;

        test_store_restore();
        one = test_change(action, what, &(test_fault){point, error});
        if (one.end != 0 && !is_disk_status(one.end, error))
            fail_msg("%s, %s from call %lu on: ended with %d", action, strerror(error), point, one.end);
        check_point(&all, point, one.end != 0, one.end == 0);
        refused += one.end != 0;
        done += one.end == 0;
    }
    print_message("%s, %s: refused from %lu points on, done from %lu\n", action, strerror(error), refused, done);
    assert_true(refused >= 3);
}

static void fail_installation(int error)
{
    char package[4096];

    skip_sanitized();
    snprintf(package, sizeof(package), "%s", package_of("1.0.0"));
    install(app_package(.app = "crm", .version = "1.0.0"));
    fail_everywhere("install", package, error);
}

static void fail_upgrade(int error)
{
    char package[4096];

    skip_sanitized();
    install(package_of("1.0.0"));
    snprintf(package, sizeof(package), "%s", package_of("1.1.0"));
    fail_everywhere("install", package, error);
}

static void fail_change(const char *action, int error)
{
    skip_sanitized();
    install(package_of("1.0.0"));
    install(package_of("1.1.0"));
    fail_everywhere(action, "shop", error);
}

static void disk_full_at_any_call_of_an_installation_leaves_nothing(void **state)
{
    (void)state;
    fail_installation(ENOSPC);
}

static void disk_full_at_any_call_of_an_upgrade_leaves_the_old_version(void **state)
{
    (void)state;
    fail_upgrade(ENOSPC);
}

static void disk_full_at_any_call_of_a_rollback_leaves_one_version(void **state)
{
    (void)state;
    fail_change("rollback", ENOSPC);
}

static void disk_full_at_any_call_of_a_removal_leaves_all_or_nothing(void **state)
{
    (void)state;
    fail_change("uninstall", ENOSPC);
}

static void disk_read_only_from_any_call_of_an_installation_on_leaves_nothing(void **state)
{
    (void)state;
    fail_installation(EROFS);
}

static void disk_read_only_from_any_call_of_an_upgrade_on_leaves_the_old_version(void **state)
{
    (void)state;
    fail_upgrade(EROFS);
}

static void disk_read_only_from_any_call_of_a_rollback_on_leaves_one_version(void **state)
{
    (void)state;
    fail_change("rollback", EROFS);
}

static void disk_read_only_from_any_call_of_a_removal_on_leaves_all_or_nothing(void **state)
{
    (void)state;
    fail_change("uninstall", EROFS);
}

static void disk_full_at_any_call_of_a_plan_leaves_all_of_its_apps_or_none(void **state)
{
    char lockfile[4096];

    (void)state;
    skip_sanitized();
    snprintf(lockfile, sizeof(lockfile), "%s", make_locked());
    fail_everywhere("locked", lockfile, ENOSPC);
}

/* ---- two at once ------------------------------------------------------------------------------------------------- */

/* serialised over processes; one wins, the other is told so. */
static void two_processes_installing_the_same_app_have_one_winner(void **state)
{
    const char *argv[] = {HL_TEST_PROGRAMS "/change_program", test_store, "install", NULL, NULL};
    char package[4096];
    int pids[2], ends[2], wins;
    test_scene now;

    (void)state;
    snprintf(package, sizeof(package), "%s", package_of("1.0.0"));
    argv[3] = package;
    for (int i = 0; i < 2; i++)
        assert_int_equal(posix_spawn(&pids[i], argv[0], NULL, NULL, (char *const *)(uintptr_t)argv, environ), 0);
    for (int i = 0; i < 2; i++)
        ends[i] = test_wait(pids[i]);
    wins = (ends[0] == 0) + (ends[1] == 0);
    assert_int_equal(wins, 1);
    assert_int_equal(ends[0] + ends[1], -HL_ERR_VERSION);
    test_look(&now);
    assert_string_equal(now.apps, "shop 1.0.0 ");
    assert_string_equal(now.trail, "shop-a@1.0.0,shop-b@1.0.0,");
    test_shell("test -z \"$(ls '%s/store/apps/staging')\" && test $(ls '%s/store/apps/shop' | wc -l) = 3", test_place,
               test_place);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, test_begin, test_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(killed_installation_is_not_there_or_whole),
        CASE(killed_upgrade_is_the_old_or_the_new_version),
        CASE(killed_rollback_is_one_version_or_the_other),
        CASE(killed_removal_is_whole_or_nothing),
        CASE(killed_plan_has_all_of_its_apps_or_none),
        CASE(disk_full_at_any_call_of_a_plan_leaves_all_of_its_apps_or_none),
        CASE(disk_full_at_any_call_of_an_installation_leaves_nothing),
        CASE(disk_full_at_any_call_of_an_upgrade_leaves_the_old_version),
        CASE(disk_full_at_any_call_of_a_rollback_leaves_one_version),
        CASE(disk_full_at_any_call_of_a_removal_leaves_all_or_nothing),
        CASE(disk_read_only_from_any_call_of_an_installation_on_leaves_nothing),
        CASE(disk_read_only_from_any_call_of_an_upgrade_on_leaves_the_old_version),
        CASE(disk_read_only_from_any_call_of_a_rollback_on_leaves_one_version),
        CASE(disk_read_only_from_any_call_of_a_removal_on_leaves_all_or_nothing),
        CASE(two_processes_installing_the_same_app_have_one_winner),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

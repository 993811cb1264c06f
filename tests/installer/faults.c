/* Killed before any call that changes something, disks that are full, folders that cannot be written: afterwards an
 * app is fully as it was or fully as it should become, and after hl_gc no file is left that belongs to neither. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/installer/support/app.h"

/* Points of a change that are tried: all of them up to this many, else some of them. */
#define POINTS_MOST 90

extern char **environ;

static void shell(const char *format, ...)
{
    char command[8192];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(command, sizeof(command), format, arguments);
    va_end(arguments);
    if (system(command) != 0)
        fail_msg("failed: %s", command);
}

/* ---- states of a store ------------------------------------------------------------------------------------------- */

/* What an app looks like from everywhere: its record, its chain, the install log, its files. */
typedef struct scene {
    char apps[256];
    char trail[256];
    uint64_t entries;
    char folder[64]; /* a copy of the store's apps */
} scene;

static hl_runtime *open_runtime(void)
{
    return test_open_store(0);
}

static void look(scene *out)
{
    hl_runtime *runtime = open_runtime();

    ok(hl_gc(runtime, NULL));
    snprintf(out->apps, sizeof(out->apps), "%s", test_apps(runtime));
    snprintf(out->trail, sizeof(out->trail), "%s", test_seen_trail(test_event(runtime, "e")));
    out->entries = test_log_len(runtime);
    hl_close(runtime);
}

static bool same_files(const char *folder)
{
    char command[8192];

    snprintf(command, sizeof(command), "diff -r '%s/store/apps' '%s/%s' >'%s/diff' 2>&1", test_place, test_place,
             folder, test_place);
    return system(command) == 0;
}

static bool same_scene(const scene *a, const scene *b)
{
    return strcmp(a->apps, b->apps) == 0 && strcmp(a->trail, b->trail) == 0 && a->entries == b->entries;
}

static void keep(scene *out, const char *folder)
{
    look(out);
    snprintf(out->folder, sizeof(out->folder), "%s", folder);
    shell("cp -a '%s/store/apps' '%s/%s'", test_place, test_place, folder);
}

/* ---- killing ----------------------------------------------------------------------------------------------------- */

typedef struct result {
    int end; /* as test_wait tells */
    unsigned long calls;
} result;

static result change(const char *action, const char *what, unsigned long kill_at)
{
    const char *argv[] = {HL_TEST_PROGRAMS "/change_program", test_store, action, what, NULL};
    posix_spawn_file_actions_t actions;
    result out = {0};
    char number[32], text[64] = "";
    int pid, pipes[2];

    snprintf(number, sizeof(number), "%lu", kill_at);
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    setenv("HOOKLINE_TEST_KILL_AT", number, 1);
    setenv("LD_PRELOAD", HL_TEST_PLUGINS "/kill_at.so", 1);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipes[1], 1);
    assert_int_equal(posix_spawn(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    unsetenv("LD_PRELOAD");
    unsetenv("HOOKLINE_TEST_KILL_AT");
    close(pipes[1]);
    out.end = test_wait(pid);
    if (read(pipes[0], text, sizeof(text) - 1) > 0)
        out.calls = strtoul(text, NULL, 10);
    close(pipes[0]);
    return out;
}

static void restore_store(void)
{
    shell("rm -rf '%s/store' && cp -a '%s/base' '%s/store'", test_place, test_place, test_place);
}

static void check_point(const scene *before, const scene *after, unsigned long point)
{
    scene now = {0};
    bool old, new;

    look(&now);
    old = same_scene(&now, before) && same_files(before->folder);
    new = same_scene(&now, after) && same_files(after->folder);
    if (old == new) {
        shell("cat '%s/diff'", test_place);
        fail_msg("killed before call %lu: neither old nor new: apps \"%s\" trail \"%s\", %d log entries", point,
                 now.apps, now.trail, (int)now.entries);
    }
}

/* A sanitizer has to be the first that is preloaded. */
static void skip_sanitized(void)
{
    if (test_sanitized())
        skip();
}

/* The store as it is now is where each try begins. */
static void kill_everywhere(const char *action, const char *what)
{
    scene before = {0}, after = {0};
    result whole;
    unsigned long stride, killed = 0;

    keep(&before, "apps-before");
    shell("cp -a '%s/store' '%s/base'", test_place, test_place);
    whole = change(action, what, 0);
    assert_int_equal(whole.end, 0);
    assert_true(whole.calls > 5);
    keep(&after, "apps-after");
    assert_false(same_scene(&before, &after));
    stride = whole.calls / POINTS_MOST + 1;
    for (unsigned long point = 1; point <= whole.calls + stride; point += stride) {
        result one;

        restore_store();
        one = change(action, what, point);
        killed += one.end == -SIGKILL;
        assert_true(one.end == -SIGKILL || (one.end == 0 && point + 8 > whole.calls));
        check_point(&before, &after, point);
    }
    print_message("%s: %lu calls change something, killed before %lu of them\n", action, whole.calls, killed);
    assert_true(killed + 8 >= whole.calls / stride);
}

static void install(const char *location)
{
    hl_runtime *runtime = open_runtime();

    ok(test_install(runtime, location, NULL));
    hl_close(runtime);
}

static const char *package_of(const char *version)
{
    return app_package(.app = "shop", .version = version, .plugins = "shop-a shop-b", .file = "priv/deep/file",
                       .manifest = "\"data\":\"priv\"");
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

/* ---- full disks -------------------------------------------------------------------------------------------------- */

static char small[4096];

static bool mount_small(void)
{
    snprintf(small, sizeof(small), "%s/store", test_place);
    assert_int_equal(mkdir(small, 0755), 0);
    return mount("tmpfs", small, "tmpfs", 0, "size=2m") == 0;
}

/* Takes all of the disk but so many KiB. */
static void fill(unsigned left_kib)
{
    int fd = open(test_path("store/filler"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    char piece[4096] = "x";

    assert_true(fd >= 0);
    while (write(fd, piece, sizeof(piece)) == (ssize_t)sizeof(piece))
        continue;
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(ftruncate(fd, lseek(fd, 0, SEEK_END) - (off_t)left_kib * 1024), 0);
    close(fd);
}

/* Whether there was room enough after all. */
static bool check_full(const char *package, unsigned left_kib, const scene *before)
{
    hl_runtime *runtime = open_runtime();
    scene now = {0};
    hl_status status;

    fill(left_kib);
    status = test_install(runtime, package, NULL);
    assert_int_equal(unlink(test_path("store/filler")), 0);
    hl_close(runtime);
    if (status == HL_OK)
        return true;
    assert_int_equal(status, HL_ERR_STORE_FULL);
    look(&now);
    assert_string_equal(now.apps, before->apps);
    assert_string_equal(now.trail, before->trail);
    assert_true(same_files(before->folder));
    return false;
}

static void full_disk_at_any_moment_leaves_the_old_version(void **state)
{
    char package[4096];
    scene before = {0}, after = {0};
    unsigned left = 0;

    (void)state;
    if (!mount_small())
        skip();
    install(package_of("1.0.0"));
    keep(&before, "apps-before");
    snprintf(package, sizeof(package), "%s", package_of("1.1.0"));
    while (!check_full(package, left, &before))
        left += 4;
    print_message("there is room with %u KiB\n", left);
    assert_true(left >= 16);
    look(&after);
    assert_string_equal(after.apps, "shop 1.1.0<1.0.0 ");
    assert_int_equal(umount(small), 0);
    small[0] = '\0';
}

/* ---- folders that cannot be written ------------------------------------------------------------------------------ */

static hl_install_step forbidden_at;

static bool forbid(void *user, hl_install_step step, uint64_t done, uint64_t total)
{
    (void)user;
    (void)done;
    (void)total;
    if (step == forbidden_at) {
        chmod(test_path("store/apps/shop"), 0555);
        chmod(test_path("store/apps/staging"), 0555);
        chmod(test_path("store/apps"), 0555);
    }
    return true;
}

static void allow(void)
{
    chmod(test_path("store/apps"), 0755);
    chmod(test_path("store/apps/staging"), 0755);
    chmod(test_path("store/apps/shop"), 0755);
}

static void check_forbidden(const char *package, hl_install_step step, const scene *before)
{
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_PATH, package);
    hl_runtime *runtime = open_runtime();
    scene now = {0};
    hl_status status;

    forbidden_at = step;
    spec.progress = forbid;
    status = hl_install(runtime, &spec, NULL);
    allow();
    hl_close(runtime);
    look(&now);
    if (status == HL_OK) {
        assert_string_equal(now.apps, "shop 1.1.0<1.0.0 ");
        return;
    }
    assert_int_equal(status, HL_ERR_SYSTEM);
    assert_string_equal(now.apps, before->apps);
    assert_string_equal(now.trail, before->trail);
    assert_true(same_files(before->folder));
}

/* Root may write everywhere: this is about everybody else, who may be kept out of the whole tree, such as below /root. */
static bool be_nobody(void)
{
    if (geteuid() != 0)
        return true;
    if (chown(test_place, 65534, 65534) != 0 || seteuid(65534) != 0)
        return false;
    if (faccessat(AT_FDCWD, test_place, W_OK | X_OK, AT_EACCESS) == 0)
        return true;
    assert_int_equal(seteuid(0), 0);
    return false;
}

static void folder_that_cannot_be_written_leaves_the_old_version(void **state)
{
    static const hl_install_step steps[] = {HL_STEP_VERIFY, HL_STEP_UNPACK, HL_STEP_CHECK, HL_STEP_PROBE};
    char package[4096];
    scene before = {0};

    (void)state;
    if (!be_nobody())
        skip();
    install(package_of("1.0.0"));
    keep(&before, "apps-before");
    snprintf(package, sizeof(package), "%s", package_of("1.1.0"));
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        check_forbidden(package, steps[i], &before);
    check_forbidden(package, HL_STEP_ACTIVATE, &before);
}

/* ---- two at once ------------------------------------------------------------------------------------------------- */

/* serialised over processes; one wins, the other is told so. */
static void two_processes_installing_the_same_app_have_one_winner(void **state)
{
    const char *argv[] = {HL_TEST_PROGRAMS "/change_program", test_store, "install", NULL, NULL};
    char package[4096];
    int pids[2], ends[2], wins;
    scene now = {0};

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
    look(&now);
    assert_string_equal(now.apps, "shop 1.0.0 ");
    assert_string_equal(now.trail, "shop-a@1.0.0,shop-b@1.0.0,");
    shell("test -z \"$(ls '%s/store/apps/staging')\" && test $(ls '%s/store/apps/shop' | wc -l) = 3", test_place,
          test_place);
}

static int begin(void **state)
{
    small[0] = '\0';
    return test_begin(state);
}

static int end(void **state)
{
    if (geteuid() != getuid() && seteuid(getuid()) != 0)
        return -1;
    if (small[0])
        umount(small);
    return test_end(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(killed_installation_is_not_there_or_whole, begin, end),
        cmocka_unit_test_setup_teardown(killed_upgrade_is_the_old_or_the_new_version, begin, end),
        cmocka_unit_test_setup_teardown(killed_rollback_is_one_version_or_the_other, begin, end),
        cmocka_unit_test_setup_teardown(killed_removal_is_whole_or_nothing, begin, end),
        cmocka_unit_test_setup_teardown(full_disk_at_any_moment_leaves_the_old_version, begin, end),
        cmocka_unit_test_setup_teardown(folder_that_cannot_be_written_leaves_the_old_version, begin, end),
        cmocka_unit_test_setup_teardown(two_processes_installing_the_same_app_have_one_winner, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

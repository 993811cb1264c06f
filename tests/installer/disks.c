/* Disks that are full and folders that cannot be written, at each step of a change: the old version stays as it was, or
 * the new one is there; and what was told is what is found. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/installer/support/scene.h"

static char package[4096];
static int held = -1; /* the lock of apps, to be met at the first step */

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

static void make_package(const char *version)
{
    snprintf(package, sizeof(package), "%s", package_of(version));
}

/* ---- a fault that begins at a step ------------------------------------------------------------------------------- */

static hl_install_step fault_step;
static bool fault_met;
static void (*fault_begin)(void);

/* An installation tells the first step only while it waits for another one. */
static void hold_lock(void)
{
    held = open(test_path("store/apps/lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(held >= 0);
    assert_int_equal(flock(held, LOCK_EX), 0);
}

static void free_lock(void)
{
    if (held >= 0)
        close(held);
    held = -1;
}

static bool meet(void *user, hl_install_step step, uint64_t done, uint64_t total)
{
    (void)user;
    (void)done;
    (void)total;
    if (step == fault_step && !fault_met) {
        fault_met = true;
        fault_begin();
    }
    free_lock();
    return true;
}

static hl_status install_with_fault(hl_install_step step, void (*begin)(void))
{
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_PATH, package);
    hl_runtime *runtime = test_open_store(0);
    hl_status status;

    fault_step = step;
    fault_met = false;
    fault_begin = begin;
    spec.progress = meet;
    if (step == HL_STEP_RESOLVE)
        hold_lock();
    status = hl_install(runtime, &spec, NULL);
    hl_close(runtime);
    assert_true(fault_met);
    return status;
}

/* Those that an installation from this disk has. From HL_STEP_RETIRE on it is done. */
static const hl_install_step steps[] = {HL_STEP_RESOLVE, HL_STEP_VERIFY,  HL_STEP_UNPACK,   HL_STEP_CHECK,
                                        HL_STEP_PROBE,   HL_STEP_PREPARE, HL_STEP_ACTIVATE, HL_STEP_RETIRE};

/* Before files are written for the last time, none of it can go well. */
static bool must_fail(hl_install_step step)
{
    return step < HL_STEP_CHECK;
}

static void check_step(hl_install_step step, hl_status status, hl_status expected, const test_scene *before,
                       const char *after)
{
    test_scene now;

    if (status != HL_OK) {
        assert_int_equal(status, expected);
        assert_true(step != HL_STEP_RETIRE);
        test_unchanged(before, "step", step);
        return;
    }
    assert_false(must_fail(step));
    test_look(&now);
    assert_string_equal(now.apps, after);
}

static void each_step(void (*begin)(void), void (*end)(void), hl_status expected, const char *after)
{
    test_scene before;
    size_t refused = 0;

    test_keep(&before, "apps-before");
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        hl_status status = install_with_fault(steps[i], begin);

        end();
        check_step(steps[i], status, expected, &before, after);
        refused += status != HL_OK;
        if (status == HL_OK)
            test_store_restore();
    }
    assert_true(refused >= 4);
}

/* ---- full disks -------------------------------------------------------------------------------------------------- */

static bool may_mount, mounted;

static bool write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0)
        close(fd);
    return written;
}

/* Who may not mount for all may do so in a user namespace, as its root. */
static bool be_root_of_own(void)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    char users[32], groups[32];

    snprintf(users, sizeof(users), "0 %u 1", (unsigned)uid);
    snprintf(groups, sizeof(groups), "0 %u 1", (unsigned)gid);
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && write_text("/proc/self/setgroups", "deny") &&
           write_text("/proc/self/uid_map", users) && write_text("/proc/self/gid_map", groups);
}

static void take_mounts(void)
{
    may_mount =
        (unshare(CLONE_NEWNS) == 0 || be_root_of_own()) && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static bool mount_small(void)
{
    assert_int_equal(mkdir(test_path("store"), 0755), 0);
    mounted = may_mount && mount("tmpfs", test_path("store"), "tmpfs", 0, "size=2m") == 0;
    return mounted;
}

static void unmount_small(void)
{
    if (mounted)
        umount2(test_path("store"), MNT_DETACH);
    mounted = false;
}

/* Takes all of the disk but so many KiB. */
static void fill_but(unsigned left_kib)
{
    int fd = open(test_path("store/filler"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    char piece[4096] = "x";

    assert_true(fd >= 0);
    while (write(fd, piece, sizeof(piece)) == (ssize_t)sizeof(piece))
        continue;
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(ftruncate(fd, lseek(fd, 0, SEEK_END) - (off_t)left_kib * 1024), 0);
    close(fd);
}

static void fill(void)
{
    fill_but(0);
}

static void empty(void)
{
    assert_int_equal(unlink(test_path("store/filler")), 0);
}

/* Whether there was room enough after all. */
static bool check_full(const char *action, unsigned left_kib, const test_scene *before)
{
    hl_runtime *runtime = test_open_store(0);
    hl_status status;

    fill_but(left_kib);
    if (strcmp(action, "install") == 0)
        status = test_install(runtime, package, NULL);
    else if (strcmp(action, "rollback") == 0)
        status = hl_rollback(runtime, "shop", 0, NULL);
    else
        status = hl_uninstall(runtime, "shop", 0, NULL);
    empty();
    hl_close(runtime);
    if (status == HL_OK)
        return true;
    assert_int_equal(status, HL_ERR_STORE_FULL);
    test_unchanged(before, "KiB left", left_kib);
    return false;
}

/* With more and more room, until there is enough. */
static void each_room(const char *action, unsigned least_kib, const char *after)
{
    test_scene before, now;
    unsigned left = 0;

    test_keep(&before, "apps-before");
    while (!check_full(action, left, &before))
        left += 4;
    print_message("%s: there is room with %u KiB\n", action, left);
    assert_true(left >= least_kib);
    test_look(&now);
    assert_string_equal(now.apps, after);
}

static void disk_without_room_for_an_installation_has_nothing_of_it(void **state)
{
    (void)state;
    if (!mount_small())
        skip();
    install(app_package(.app = "crm", .version = "1.0.0"));
    make_package("1.0.0");
    each_room("install", 16, "crm 1.0.0 shop 1.0.0 ");
}

static void disk_without_room_for_an_upgrade_has_the_old_version(void **state)
{
    (void)state;
    if (!mount_small())
        skip();
    install(package_of("1.0.0"));
    make_package("1.1.0");
    each_room("install", 16, "shop 1.1.0<1.0.0 ");
}

static void disk_without_room_for_a_rollback_has_the_newer_version(void **state)
{
    (void)state;
    if (!mount_small())
        skip();
    install(package_of("1.0.0"));
    install(package_of("1.1.0"));
    each_room("rollback", 0, "shop 1.0.0<1.1.0 ");
}

/* Removing needs little; what it needs it may lack. */
static void disk_without_room_for_a_removal_has_the_app(void **state)
{
    (void)state;
    if (!mount_small())
        skip();
    install(package_of("1.0.0"));
    install(app_package(.app = "crm", .version = "1.0.0"));
    each_room("uninstall", 0, "crm 1.0.0 ");
}

static void disk_full_at_each_step_of_an_installation_has_nothing_or_all(void **state)
{
    (void)state;
    if (!mount_small())
        skip();
    install(app_package(.app = "crm", .version = "1.0.0"));
    make_package("1.0.0");
    test_store_save();
    each_step(fill, empty, HL_ERR_STORE_FULL, "crm 1.0.0 shop 1.0.0 ");
}

static void disk_full_at_each_step_of_an_upgrade_has_one_version(void **state)
{
    (void)state;
    if (!mount_small())
        skip();
    install(package_of("1.0.0"));
    make_package("1.1.0");
    test_store_save();
    each_step(fill, empty, HL_ERR_STORE_FULL, "shop 1.1.0<1.0.0 ");
}

/* ---- folders that cannot be written ------------------------------------------------------------------------------ */

/* What is open stays open; nothing new is made, renamed or deleted in them. */
static void set_mode(mode_t mode)
{
    chmod(test_path("store/apps/staging"), mode);
    chmod(test_path("store/apps/shop"), mode);
    chmod(test_path("store/apps"), mode);
}

static void forbid(void)
{
    set_mode(0555);
}

static void allow(void)
{
    set_mode(0755);
}

static void folders_read_only_at_each_step_of_an_installation_leave_nothing_or_all(void **state)
{
    (void)state;
    test_obey_permissions();
    install(app_package(.app = "crm", .version = "1.0.0"));
    make_package("1.0.0");
    test_store_save();
    each_step(forbid, allow, HL_ERR_SYSTEM, "crm 1.0.0 shop 1.0.0 ");
}

static void folders_read_only_at_each_step_of_an_upgrade_leave_one_version(void **state)
{
    (void)state;
    test_obey_permissions();
    install(package_of("1.0.0"));
    make_package("1.1.0");
    test_store_save();
    each_step(forbid, allow, HL_ERR_SYSTEM, "shop 1.1.0<1.0.0 ");
}

/* A rollback writes into the store only: folders of apps that cannot be written do not keep it from going back. */
static void folders_read_only_do_not_hinder_a_rollback(void **state)
{
    hl_runtime *runtime;
    test_scene now;

    (void)state;
    test_obey_permissions();
    install(package_of("1.0.0"));
    install(package_of("1.1.0"));
    runtime = test_open_store(0);
    forbid();
    ok(hl_rollback(runtime, "shop", 0, NULL));
    allow();
    hl_close(runtime);
    test_look(&now);
    assert_string_equal(now.apps, "shop 1.0.0<1.1.0 ");
    assert_string_equal(now.trail, "shop-a@1.0.0,shop-b@1.0.0,");
}

/* What cannot be deleted at once is deleted by hl_gc. */
static void folders_read_only_leave_files_of_a_removed_app_to_gc(void **state)
{
    hl_runtime *runtime;
    test_scene now;

    (void)state;
    test_obey_permissions();
    install(package_of("1.0.0"));
    runtime = test_open_store(0);
    forbid();
    ok(hl_uninstall(runtime, "shop", 0, NULL));
    assert_true(test_exists(test_path("store/apps/shop")));
    allow();
    hl_close(runtime);
    test_look(&now);
    assert_string_equal(now.apps, "");
    assert_string_equal(now.trail, "");
    assert_false(test_exists(test_path("store/apps/shop")));
}

/* Neither records nor folders can be written: each change is refused before it begins. */
static void disk_mounted_read_only_refuses_every_change(void **state)
{
    hl_options options = HL_OPTIONS_INIT;
    hl_runtime *runtime = NULL;
    test_scene before;

    (void)state;
    if (!mount_small())
        skip();
    install(package_of("1.0.0"));
    install(package_of("1.1.0"));
    make_package("1.2.0");
    test_keep(&before, "apps-before");
    assert_int_equal(mount(NULL, test_path("store"), NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    options.store = test_store;
    options.flags = HL_OPEN_READ_ONLY;
    ok(hl_open(&options, &runtime));
    assert_string_equal(test_seen_trail(test_event(runtime, "e")), before.trail);
    assert_int_equal(test_install(runtime, package, NULL), HL_ERR_STORE_READ_ONLY);
    assert_int_equal(hl_rollback(runtime, "shop", 0, NULL), HL_ERR_STORE_READ_ONLY);
    assert_int_equal(hl_uninstall(runtime, "shop", 0, NULL), HL_ERR_STORE_READ_ONLY);
    hl_close(runtime);
    assert_int_equal(mount(NULL, test_path("store"), NULL, MS_REMOUNT, "size=2m"), 0);
    test_unchanged(&before, "read only", 0);
}

static int end(void **state)
{
    free_lock();
    test_obey_nothing();
    unmount_small();
    return test_end(state);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, test_begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(disk_without_room_for_an_installation_has_nothing_of_it),
        CASE(disk_without_room_for_an_upgrade_has_the_old_version),
        CASE(disk_without_room_for_a_rollback_has_the_newer_version),
        CASE(disk_without_room_for_a_removal_has_the_app),
        CASE(disk_full_at_each_step_of_an_installation_has_nothing_or_all),
        CASE(disk_full_at_each_step_of_an_upgrade_has_one_version),
        CASE(folders_read_only_at_each_step_of_an_installation_leave_nothing_or_all),
        CASE(folders_read_only_at_each_step_of_an_upgrade_leave_one_version),
        CASE(folders_read_only_do_not_hinder_a_rollback),
        CASE(folders_read_only_leave_files_of_a_removed_app_to_gc),
        CASE(disk_mounted_read_only_refuses_every_change),
    };

    take_mounts();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

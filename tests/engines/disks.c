/* Temporary folders that are missing, full, read-only or without execute permission: the chain is compiled elsewhere,
 * or the reason is shown and it is compiled when there is room again. Needs a mount namespace of its own: root only. */
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tests/engines/support/scene.h"

static bool mounts_allowed;
static scene s;

/* Before there are threads: all of them have to see the same mounts. */
static int unshare_mounts(void **state)
{
    mounts_allowed = unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
    return scene_make_folder(state);
}

static void need(bool mounts)
{
    if (HL_TEST_HAVE_JIT && (mounts_allowed || !mounts))
        return;
    print_message("skipped: needs %s\n", HL_TEST_HAVE_JIT ? "the right to mount (root)" : "a compiler");
    skip();
}

static void mount_on_folder(const char *options, unsigned long flags)
{
    need(true);
    assert_int_equal(mount("test", scene_folder, "tmpfs", flags, options), 0);
}

static void expect_compiled(void)
{
    scene_open(&s, NULL, 0);
    ok(hl_wait_compiled(s.runtime, 30000));
    scene_expect_compiled(&s);
    scene_take_notices(&s);
    assert_int_equal(s.failed, 0);
}

static int end(void **state)
{
    int failed = scene_end(state);

    umount2(scene_folder, MNT_DETACH);
    return failed;
}

/* ---- folders that are passed over ---- */

static void a_folder_that_is_missing_or_no_folder_is_passed_over(void **state)
{
    static const char *const folders[] = {"/nowhere/at/all", "/proc/self/status", "", "relative"};

    (void)state;
    need(false);
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        setenv("TMPDIR", folders[i], 1);
        expect_compiled();
        scene_close(&s);
    }
}

static void a_read_only_folder_is_passed_over(void **state)
{
    (void)state;
    mount_on_folder("size=64k", MS_RDONLY);
    expect_compiled();
    scene_close(&s);
}

static void a_folder_whose_files_may_not_be_executed_is_good_enough(void **state)
{
    (void)state;
    mount_on_folder("size=4m", MS_NOEXEC);
    expect_compiled();
    assert_int_equal(scene_scratch(scene_folder), 1);
    scene_close(&s);
}

/* ---- folders that are a reason ---- */

static void a_full_disk_is_a_reason_until_there_is_room(void **state)
{
    char path[128];

    (void)state;
    mount_on_folder("size=64k,nr_inodes=100", 0);
    snprintf(path, sizeof(path), "%s/fill", scene_folder);
    assert_int_not_equal(system("head -c 100000 /dev/zero > $TMPDIR/fill 2> /dev/null"), 0);
    scene_open(&s, NULL, 0);
    ok(hl_wait_compiled(s.runtime, 30000));
    scene_expect_reference(&s, "No space left on device");
    scene_change_ns(&s);
    scene_expect_reference(&s, "No space left on device");
    unlink(path);
    scene_await_compiled(&s);
    scene_close(&s);
}

static void bind_read_only(const char *folder)
{
    assert_int_equal(mount(folder, folder, NULL, MS_BIND, NULL), 0);
    assert_int_equal(mount(NULL, folder, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), 0);
}

static void no_folder_at_all_is_a_reason_until_there_is_one(void **state)
{
    static const char *const folders[] = {"/dev/shm", "/var/tmp", "/tmp"};

    (void)state;
    need(true);
    for (size_t i = 0; i < 3; i++)
        bind_read_only(folders[i]);
    scene_open(&s, NULL, 0);
    ok(hl_wait_compiled(s.runtime, 30000));
    scene_expect_reference(&s, "no temporary folder can be made; point TMPDIR at one that can be written");
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(umount2(folders[i], MNT_DETACH), 0);
    scene_await_compiled(&s);
    scene_close(&s);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, scene_begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_folder_that_is_missing_or_no_folder_is_passed_over),
        CASE(a_read_only_folder_is_passed_over),
        CASE(a_folder_whose_files_may_not_be_executed_is_good_enough),
        CASE(a_full_disk_is_a_reason_until_there_is_room),
        CASE(no_folder_at_all_is_a_reason_until_there_is_one),
    };

    return cmocka_run_group_tests(tests, unshare_mounts, scene_remove_folder);
}

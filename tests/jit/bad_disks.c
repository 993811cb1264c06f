/* A temporary folder on a disk that is full, or may not be written. Needs a mount namespace of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/jit/support/chains.h"
#include "tests/jit/support/drive.h"

static char folder[] = "/tmp/hookline-test-XXXXXX";
static bool mounts_allowed;

static void mount_on(const char *path, const char *options, unsigned long flags)
{
    if (!mounts_allowed)
        skip();
    assert_int_equal(mount("test", path, "tmpfs", flags, options), 0);
}

static void mount_on_folder(const char *options, unsigned long flags)
{
    mount_on(folder, options, flags);
}

static int unshare_mounts(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    mounts_allowed =
        HL_TEST_HAVE_JIT && unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
    setenv("TMPDIR", folder, 1);
    return 0;
}

static int unmount(void **state)
{
    (void)state;
    umount2(folder, MNT_DETACH);
    setenv("TMPDIR", folder, 1);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static void compile_four(drive *d, const char *expected)
{
    chain *c = chain_new("disk#1", 4);
    hl__unit units[4] = {c->unit, c->unit, c->unit, c->unit};

    assert_true(drive_until_idle(d, 3000));
    assert_int_equal(drive_compile(d, units, 4), HL_OK);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(d->results[i].status, *expected ? HL_ERR_COMPILE : HL_OK);
        if (!strstr(d->results[i].reason, expected))
            fail_msg("\"%s\" does not say \"%s\"", d->results[i].reason, expected);
    }
    free(c);
}

static void a_full_disk_is_a_reason_and_chains_compile_when_there_is_room_again(void **state)
{
    char path[64];
    drive *d;

    (void)state;
    mount_on_folder("size=64k,nr_inodes=100", 0);
    snprintf(path, sizeof(path), "%s/fill", folder);
    assert_int_not_equal(system("head -c 100000 /dev/zero > $TMPDIR/fill 2> /dev/null"), 0);
    d = drive_new(NULL, 0, 0);
    compile_four(d, "No space left on device");
    unlink(path);
    compile_four(d, "");
    drive_destroy(d);
    assert_int_equal(drive_count_scratch(folder), 0);
}

static void a_disk_without_inodes_is_passed_over(void **state)
{
    drive *d;

    (void)state;
    mount_on_folder("size=64k,nr_inodes=1", 0);
    d = drive_new(NULL, 0, 0);
    compile_four(d, "");
    drive_destroy(d);
}

static void a_disk_that_may_not_be_written_is_passed_over(void **state)
{
    drive *d;

    (void)state;
    mount_on_folder("size=64k", MS_RDONLY);
    d = drive_new(NULL, 0, 0);
    compile_four(d, "");
    drive_destroy(d);
}

static void a_disk_whose_files_may_not_be_executed_is_good_enough(void **state)
{
    drive *d;

    (void)state;
    mount_on_folder("size=4m", MS_NOEXEC);
    d = drive_new(NULL, 0, 0);
    compile_four(d, "");
    assert_int_equal(drive_count_scratch(folder), 1);
    drive_destroy(d);
}

static int unmount_memory(void **state)
{
    umount2("/dev/shm", MNT_DETACH);
    return unmount(state);
}

/* Of the usual places only /dev/shm is mounted anew: what runs here may lie below /tmp. */
static void expect_without_a_wish(const char *options, size_t folders)
{
    drive *d;

    mount_on("/dev/shm", options, 0);
    unsetenv("TMPDIR");
    d = drive_new(NULL, 0, 0);
    compile_four(d, "");
    assert_int_equal(drive_count_scratch("/dev/shm"), folders);
    drive_destroy(d);
    assert_int_equal(drive_count_scratch("/dev/shm"), 0);
}

static void without_a_wish_memory_comes_before_disks(void **state)
{
    (void)state;
    expect_without_a_wish("size=32m", 1);
}

static void memory_with_little_room_is_passed_over(void **state)
{
    (void)state;
    expect_without_a_wish("size=1m", 0);
}

static void what_is_left_in_memory_is_swept_whatever_is_wished(void **state)
{
    (void)state;
    mount_on("/dev/shm", "size=1m", 0);
    assert_int_equal(mkdir("/dev/shm/hookline-jit.left00", 0700), 0);
    drive_destroy(drive_new(NULL, 0, 0));
    assert_int_equal(drive_count_scratch("/dev/shm"), 0);
}

#define CASE_OF_MEMORY(name) cmocka_unit_test_teardown(name, unmount_memory)
#define CASE(name) cmocka_unit_test_teardown(name, unmount)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_full_disk_is_a_reason_and_chains_compile_when_there_is_room_again),
        CASE(a_disk_without_inodes_is_passed_over),
        CASE(a_disk_that_may_not_be_written_is_passed_over),
        CASE(a_disk_whose_files_may_not_be_executed_is_good_enough),
        CASE_OF_MEMORY(without_a_wish_memory_comes_before_disks),
        CASE_OF_MEMORY(memory_with_little_room_is_passed_over),
        CASE_OF_MEMORY(what_is_left_in_memory_is_swept_whatever_is_wished),
    };

    return cmocka_run_group_tests(tests, unshare_mounts, remove_folder);
}

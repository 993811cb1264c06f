/* Places where no store can be written: no permission, no space. Rows ST-02, ST-04. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/store/support/place.h"

/* ---- no permission ---- */

static void expect_child(const char *mode, const char *folder, const char *expected)
{
    char line[1024];
    child other = child_start(mode, folder, "x");
    assert_true(child_line(&other, line, sizeof(line)));
    child_end(&other);
    if (strncmp(line, expected, strlen(expected)) != 0)
        fail_msg("%s said: %s", mode, line);
}

static void a_folder_without_write_permission_is_read_only(void **state)
{
    place *here = *state;

    fill_store(here->url, 3);
    assert_int_equal(chmod(here->folder, 0555), 0);
    assert_int_equal(chmod(here->data, 0444), 0);
    expect_child("nobody-put", here->folder, "HL_ERR_STORE_READ_ONLY");
    expect_child("nobody-count-read-only", here->folder, "HL_ERR_STORE_READ_ONLY");
    chmod(here->folder, 0700);
}

/* Another user needs to be let through every folder on the way, which a checkout in somebody's home may not do. */
static bool others_may_come_here(void)
{
    char path[PATH_MAX];
    struct stat status;

    if (!getcwd(path, sizeof(path)))
        return false;
    for (char *end = path + strlen(path); end > path; end = strrchr(path, '/')) {
        *end = '\0';
        if (*path && (stat(path, &status) != 0 || !(status.st_mode & S_IXOTH)))
            return false;
    }
    return true;
}

static void a_copied_store_without_lock_file_can_be_read_where_nobody_can_write(void **state)
{
    place *here = *state;
    char path[URL_BYTES];

    if (!others_may_come_here()) {
        print_message("not tested: other users cannot reach this folder\n");
        return;
    }
    fill_store(here->url, 3);
    path_in(here->folder, "lock.mdb", path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(chmod(here->folder, 0555), 0);
    assert_int_equal(chmod(here->data, 0444), 0);
    expect_child("nobody-count-read-only", here->folder, "3 at 3");
    chmod(here->folder, 0700);
}

static void a_folder_that_cannot_be_made_is_read_only(void **state)
{
    place *here = *state;
    char inner[URL_BYTES];

    path_in(here->folder, "a/b", inner);
    assert_int_equal(chmod(here->folder, 0555), 0);
    expect_child("nobody-put", inner, "HL_ERR_STORE_READ_ONLY");
    chmod(here->folder, 0700);
}

static void a_reader_makes_nothing(void **state)
{
    place *here = *state;
    struct stat file;
    char inner[URL_BYTES], url[URL_BYTES + 8];
    hl__store *store;

    assert_int_equal(hl__store_open(here->url, HL__STORE_READ_ONLY, 0, &store), HL_ERR_STORE);
    assert_int_equal(stat(here->data, &file), -1);
    path_in(here->folder, "inner", inner);
    snprintf(url, sizeof(url), "lmdb:%s", inner);
    assert_int_equal(hl__store_open(url, HL__STORE_READ_ONLY, 0, &store), HL_ERR_STORE);
    assert_int_equal(stat(inner, &file), -1);
}

static void what_is_made_is_its_owners_only(void **state)
{
    place *here = *state;
    static const char *const made[] = {"a", "a/b", "a/b/data.mdb", "a/b/lock.mdb", "a/b/notify"};
    char path[URL_BYTES], url[URL_BYTES];
    struct stat file;

    snprintf(url, sizeof(url), "lmdb:%s/a/b", here->folder);
    mode_t mask = umask(0);
    fill_store(url, 1);
    umask(mask);
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
        path_in(here->folder, made[i], path);
        assert_int_equal(stat(path, &file), 0);
        assert_int_equal(file.st_mode & 0777, S_ISDIR(file.st_mode) ? 0700 : 0600);
    }
}

static void a_file_in_the_place_of_the_folder_is_an_error(void **state)
{
    place *here = *state;
    hl__store *store;
    char path[URL_BYTES], url[URL_BYTES + 8];

    path_in(here->folder, "plain", path);
    file_write(path, "text", 4);
    snprintf(url, sizeof(url), "lmdb:%s", path);
    assert_int_equal(hl__store_open(url, 0, 0, &store), HL_ERR_STORE);
}

/* ---- no space ---- */

static int fill_until(hl__store *store, hl_status expected)
{
    static char extra[8001];
    char name[32];

    memset(extra, 'x', sizeof(extra) - 1);
    for (int i = 0;; i++) {
        snprintf(name, sizeof(name), "plugin-%d", i);
        hl_status status = put_plugin(store, name, extra);
        if (status == HL_OK)
            continue;
        assert_int_equal(status, expected);
        return i;
    }
}

static void a_full_map_is_told_and_changes_nothing(void **state)
{
    place *here = *state;
    hl__store *store;

    assert_int_equal(hl__store_open(here->url, 0, 1 << 20, &store), HL_OK);
    int count = fill_until(store, HL_ERR_STORE_FULL);
    assert_string_equal(hl_last_error()->field, "store_map_bytes");
    assert_true(count > 50);
    assert_int_equal(revision_of(store), count);
    assert_int_equal(try_load(store), HL_OK);
    close_store(store);
    store = open_store(here->url);
    assert_int_equal(revision_of(store), count);
    assert_int_equal(put_plugin(store, "more room", "1"), HL_OK);
    close_store(store);
}

static void a_map_that_another_process_outgrew_is_followed(void **state)
{
    place *here = *state;
    hl__store *store;
    char line[1024];

    assert_int_equal(hl__store_open(here->url, 0, 1 << 20, &store), HL_OK);
    assert_int_equal(put_plugin(store, "mine", "1"), HL_OK);
    child writer = child_start("fill", here->folder, "4194304");
    assert_true(child_line(&writer, line, sizeof(line)));
    int count = atoi(line);
    assert_true(count > 20);
    assert_int_equal(child_end(&writer), 0);
    assert_int_equal(revision_of(store), count + 1);
    assert_int_equal(try_load(store), HL_OK);
    close_store(store);
}

static void a_limit_on_the_file_size_is_a_full_store(void **state)
{
    place *here = *state;
    char line[1024];
    child writer = child_start("fill", here->folder, "1048576");

    assert_true(child_line(&writer, line, sizeof(line)));
    int count = atoi(line);
    assert_true(count > 5);
    assert_true(child_line(&writer, line, sizeof(line)));
    assert_non_null(strstr(line, "HL_ERR_STORE_FULL"));
    assert_int_equal(child_end(&writer), 0);
    hl__store *store = open_store(here->url);
    assert_int_equal(revision_of(store), count);
    assert_int_equal(put_plugin(store, "more room", "1"), HL_OK);
    close_store(store);
}

static void a_full_disk_is_told_and_changes_nothing(void **state)
{
    place *here = *state;

    if (mount("none", here->folder, "tmpfs", 0, "size=1m") != 0)
        skip(); /* only root may mount */
    hl__store *store = open_store(here->url);
    int count = fill_until(store, HL_ERR_STORE_FULL);
    assert_true(count > 20);
    assert_int_equal(revision_of(store), count);
    assert_int_equal(try_load(store), HL_OK);
    assert_int_equal(drop_plugin(store, "plugin-0"), HL_OK);
    close_store(store);
    store = open_store(here->url);
    assert_int_equal(revision_of(store), count + 1);
    close_store(store);
    assert_int_equal(umount(here->folder), 0);
}

static void a_read_only_file_system_is_read_only(void **state)
{
    place *here = *state;

    if (mount("none", here->folder, "tmpfs", 0, "size=4m") != 0)
        skip(); /* only root may mount */
    fill_store(here->url, 3);
    assert_int_equal(mount("none", here->folder, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    expect_child("put", here->folder, "HL_ERR_STORE_READ_ONLY");
    expect_child("count-read-only", here->folder, "3 at 3");
    expect_child("put-read-only", here->folder, "HL_ERR_STORE_READ_ONLY");
    assert_int_equal(umount(here->folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HERE(a_folder_without_write_permission_is_read_only),
        HERE(a_copied_store_without_lock_file_can_be_read_where_nobody_can_write),
        HERE(a_folder_that_cannot_be_made_is_read_only),
        HERE(a_reader_makes_nothing),
        HERE(what_is_made_is_its_owners_only),
        HERE(a_file_in_the_place_of_the_folder_is_an_error),
        HERE(a_full_map_is_told_and_changes_nothing),
        HERE(a_map_that_another_process_outgrew_is_followed),
        HERE(a_limit_on_the_file_size_is_a_full_store),
        HERE(a_full_disk_is_told_and_changes_nothing),
        HERE(a_read_only_file_system_is_read_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

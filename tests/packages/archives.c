/* Archives as strangers make them: good ones are unpacked, and one with a bad member is refused as a whole, with the
 * rule. */
#include <sys/stat.h>
#include <unistd.h>

#include "tests/packages/support/archives.h"

/* ---- good ones ---- */

static void expect_good_tree(void)
{
    const char *tree = place_tree(place_path("around/target"));
    const char *const lines[] = {"f 555 4 ./lib/shop.so\n", "f 444 2 ./hookline.json\n",
                                 "f 444 1 ./priv/deep/er/x.txt\n", "f 444 7 ./README.md\n"};
    const char *const folders[] = {"empty", "lib", "priv", "priv/deep", "priv/deep/er"};

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (!strstr(tree, lines[i]))
            fail_msg("no %s in\n%s", lines[i], tree);
    }
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        struct stat found;

        assert_int_equal(stat(place_path("around/target/%s", folders[i]), &found), 0);
        assert_int_equal(found.st_mode, S_IFDIR | 0755);
    }
}

/* LH-04 */
static void tars_of_every_format_and_filter_are_unpacked(void **state)
{
    static const char *const kinds[][2] = {{"pax", "none"}, {"pax", "gzip"},   {"pax", "bzip2"},   {"pax", "xz"},
                                           {"pax", "zstd"}, {"ustar", "gzip"}, {"gnutar", "gzip"}, {"zip", "none"}};

    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        umask(i % 2 ? 077 : 0);
        taken(tar_make(place_path("package"), kinds[i][0], kinds[i][1], good, GOOD_LEN));
        expect_good_tree();
        umask(022);
        place_run("rm -rf around");
    }
}

/* What the tar command makes, from the top and from a folder, "./" in front or not. */
static void packages_of_the_tar_command_are_unpacked(void **state)
{
    static const char *const commands[] = {"tar -czf package -C shop .",
                                           "tar -czf package -C shop hookline.json lib priv README.md empty",
                                           "tar -czf package shop",
                                           "tar -czf package ./shop",
                                           "tar --format=v7 -cf package shop",
                                           "tar --format=ustar -cf package shop",
                                           "tar --format=posix --xattrs -czf package shop",
                                           "tar -cf - shop | gzip -1 >package"};

    (void)state;
    place_run(
        "mkdir -p shop/lib shop/priv/deep/er shop/empty; printf {} >shop/hookline.json; printf code >shop/lib/shop.so; "
        "chmod 755 shop/lib/shop.so; printf x >shop/priv/deep/er/x.txt; printf 'read me' >shop/README.md");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        place_run("%s", commands[i]);
        taken(place_open(place_path("package")));
        expect_good_tree();
        place_run("rm -rf around");
    }
}

/* SE-11: the manifest at the top or one folder deep. */
static void the_folder_that_all_lies_in_is_left_out(void **state)
{
    hl__package_files files;
    int folder,
        fd = tar({.path = "shop-1/lib/a.so", .content = "a"}, {.path = "shop-1/hookline.json", .content = "{\"a\":1}"},
                 {.path = "shop-1/shop-1", .content = "same name"}, {.path = "shop-1", .kind = 'd'});
    char *manifest;
    size_t len;

    (void)state;
    make_surroundings();
    folder = open_target();
    assert_int_equal(hl__archive_examine(fd, &usual, &manifest, &len), HL_OK);
    assert_int_equal(len, 7);
    assert_string_equal(manifest, "{\"a\":1}");
    free(manifest);
    assert_int_equal(hl__archive_unpack(fd, folder, &usual, NULL, NULL, &files), HL_OK);
    assert_int_equal(files.len, 3);
    assert_string_equal(files.rows[0].path, "hookline.json");
    assert_string_equal(files.rows[1].path, "lib/a.so");
    assert_string_equal(files.rows[2].path, "shop-1");
    assert_int_equal(files.bytes, 7 + 1 + 9);
    assert_int_equal(files.rows[1].bytes, 1);
    assert_string_equal(files.rows[1].sha256, "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb");
    assert_int_equal(hl__package_files_check(folder, &files), HL_OK);
    hl__package_files_free(&files);
    close(folder);
    close(fd);
}

/* ---- names ---- */

/* SE-10: tar-slip. */
static void names_that_leave_the_folder_are_refused(void **state)
{
    static const char *const names[][2] = {{"/etc/passwd", "absolute"},
                                           {"//etc/passwd", "absolute"},
                                           {"../neighbour", "\"..\""},
                                           {"lib/../../neighbour", "\"..\""},
                                           {"lib/..", "\"..\""},
                                           {"..", "\"..\""},
                                           {"./../neighbour", "\"..\""},
                                           {".//etc/passwd", "absolute"},
                                           {"lib//x", "empty part"},
                                           {"lib/./x", "\".\""},
                                           {"././x", "\".\""},
                                           {"lib\\..\\x", "backslash"},
                                           {"lib/a\nb", "control"},
                                           {"lib/a\x1b[2J", "control"},
                                           {"lib/a\x7f", "control"},
                                           {"lib/a\xc2\x85", "control"},
                                           {"lib/\xe2\x80\xae"
                                            "cod",
                                            "control"}};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        refused_for(tar(TAR_MANIFEST, {.path = names[i][0], .content = "bad"}), names[i][1]);
    refused_for(tar(TAR_MANIFEST, {.path = "../folder", .kind = 'd'}), "\"..\"");
    refused_for(tar(TAR_MANIFEST, {.path = "/folder", .kind = 'd'}), "absolute");
}

static void an_absolute_name_of_this_very_place_is_refused(void **state)
{
    char name[1024];

    (void)state;
    snprintf(name, sizeof(name), "%s", place_path("around/neighbour"));
    refused_for(tar(TAR_MANIFEST, {.path = name, .content = "bad"}), "absolute");
    assert_int_not_equal(access(name, F_OK), 0);
}

static void names_that_are_not_utf8_are_refused(void **state)
{
    static const char *const names[] = {"lib/\xff.so", "lib/\xc3", "lib/\xc0\xaf", "lib/\xed\xa0\x80",
                                        "lib/\xf4\x90\x80\x80"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const tar_member members[] = {TAR_MANIFEST, {.path = names[i], .content = "x"}};

        refused_for(tar_make(place_path("package"), "gnutar", "gzip", members, 2), "UTF-8");
    }
}

static void names_beyond_ascii_are_unpacked_in_any_locale(void **state)
{
    struct stat found;

    (void)state;
    taken(tar(TAR_MANIFEST, {.path = "priv/caf\xc3\xa9/\xe6\x97\xa5.txt", .content = "x"}));
    assert_int_equal(stat(place_path("around/target/priv/caf\xc3\xa9/\xe6\x97\xa5.txt"), &found), 0);
}

static void long_names_are_beyond_a_limit(void **state)
{
    char name[700], part[300];
    hl__archive_limits limits = usual;

    (void)state;
    memset(name, 'a', sizeof(name));
    for (size_t i = 100; i < sizeof(name); i += 100)
        name[i] = '/';
    name[600] = '\0';
    refused_with(tar(TAR_MANIFEST, {.path = name, .content = "x"}), &usual, HL_ERR_LIMIT, "\"name_bytes\" of 512");
    limits.name_bytes = 10;
    refused_with(tar(TAR_MANIFEST, {.path = "lib/longer.so", .content = "x"}), &limits, HL_ERR_LIMIT,
                 "\"name_bytes\" of 10");
    memset(part, 'a', sizeof(part));
    part[256] = '\0';
    refused_for(tar(TAR_MANIFEST, {.path = part, .content = "x"}), "255 bytes");
    part[255] = '\0';
    taken(tar(TAR_MANIFEST, {.path = part, .content = "x"}));
}

static void deep_folders_are_refused(void **state)
{
    char name[200] = "";

    (void)state;
    for (int i = 0; i < 32; i++)
        strcat(name, "a/");
    strcat(name, "x");
    refused_for(tar(TAR_MANIFEST, {.path = name, .content = "x"}), "32 parts");
    taken(tar(TAR_MANIFEST, {.path = name + 2, .content = "x"}));
}

/* ---- kinds ---- */

/* kinds and modes count, not names alone. */
static void links_devices_and_pipes_are_refused(void **state)
{
    (void)state;
    refused_for(tar(TAR_MANIFEST, {.path = "lib/x", .kind = 'l', .target = "/etc/passwd"}), "symbolic link");
    refused_for(tar(TAR_MANIFEST, {.path = "lib", .kind = 'l', .target = "../etc"},
                    {.path = "lib/passwd", .content = "bad"}),
                "symbolic link");
    refused_for(tar(TAR_MANIFEST, {.path = "lib/x", .kind = 'l', .target = "hookline.json"}), "symbolic link");
    refused_for(tar(TAR_MANIFEST, {.path = "lib/x", .kind = 'h', .target = "hookline.json"}), "hard link");
    refused_for(tar(TAR_MANIFEST, {.path = "lib/x", .kind = 'h', .target = "/etc/passwd"}), "hard link");
    refused_for(tar(TAR_MANIFEST, {.path = "lib/x", .kind = 'c'}), "device");
    refused_for(tar(TAR_MANIFEST, {.path = "lib/x", .kind = 'b'}), "device");
    refused_for(tar(TAR_MANIFEST, {.path = "lib/x", .kind = 'p'}), "pipe");
    refused_for(tar({.path = "hookline.json", .kind = 'l', .target = "/etc/passwd"}), "symbolic link");
}

static void special_bits_are_refused(void **state)
{
    (void)state;
    refused_for(tar(TAR_MANIFEST, {.path = "lib/x", .mode = 04755, .content = "x"}), "setuid");
    refused_for(tar(TAR_MANIFEST, {.path = "lib/x", .mode = 02755, .content = "x"}), "setgid");
    refused_for(tar(TAR_MANIFEST, {.path = "lib/x", .mode = 01644, .content = "x"}), "sticky");
    refused_for(tar(TAR_MANIFEST, {.path = "lib", .kind = 'd', .mode = 01777}), "sticky");
}

static void sparse_members_are_refused(void **state)
{
    (void)state;
    refused_for(tar(TAR_MANIFEST, {.path = "lib/x", .content = "x", .sparse = true}), "sparse");
    place_run(
        "printf {} >hookline.json; truncate -s 1G hole; printf x >>hole; tar --sparse -czf package hookline.json hole");
    refused_for(place_open(place_path("package")), "sparse");
    place_run("tar --sparse --format=posix -czf package hookline.json hole");
    refused_for(place_open(place_path("package")), "sparse");
}

static void links_and_bits_in_a_zip_are_refused_too(void **state)
{
    const tar_member link[] = {TAR_MANIFEST, {.path = "lib", .kind = 'l', .target = "/etc"}};
    const tar_member slip[] = {TAR_MANIFEST, {.path = "../neighbour", .content = "x"}};
    const tar_member bits[] = {TAR_MANIFEST, {.path = "lib/x", .content = "x", .mode = 04755}};

    (void)state;
    refused_for(tar_make(place_path("package"), "zip", "none", link, 2), "symbolic link");
    refused_for(tar_make(place_path("package"), "zip", "none", slip, 2), "\"..\"");
    refused_for(tar_make(place_path("package"), "zip", "none", bits, 2), "setuid");
}

/* ---- several of a kind ---- */

static void members_that_are_there_twice_are_refused(void **state)
{
    (void)state;
    refused_for(tar(TAR_MANIFEST, {.path = "a", .content = "1"}, {.path = "a", .content = "2"}), "twice");
    refused_for(tar(TAR_MANIFEST, {.path = "a", .content = "1"}, {.path = "./a", .content = "2"}), "twice");
    refused_for(tar(TAR_MANIFEST, {.path = "a", .kind = 'd'}, {.path = "./a", .kind = 'd'}), "twice");
    refused_for(tar(TAR_MANIFEST, {.path = ".", .kind = 'd'}, {.path = "./", .kind = 'd'}), "twice");
    refused_for(tar(TAR_MANIFEST, {.path = "a", .content = "1"}, {.path = "a", .kind = 'd'}), "a file and a folder");
    refused_for(tar(TAR_MANIFEST, {.path = "a", .kind = 'd'}, {.path = "a", .content = "1"}), "a file and a folder");
    refused_for(tar(TAR_MANIFEST, {.path = "a", .content = "1"}, {.path = "a/b", .content = "2"}),
                "a file and a folder");
    refused_for(tar(TAR_MANIFEST, {.path = "a/b", .content = "1"}, {.path = "a", .content = "2"}),
                "a file and a folder");
    taken(
        tar(TAR_MANIFEST, {.path = "a/b", .content = "1"}, {.path = "a", .kind = 'd'}, {.path = "ab", .content = "2"}));
}

static void names_that_differ_in_letter_case_only_are_refused(void **state)
{
    (void)state;
    refused_for(tar(TAR_MANIFEST, {.path = "lib/a.so", .content = "1"}, {.path = "lib/A.so", .content = "2"}),
                "letter case");
    refused_for(tar(TAR_MANIFEST, {.path = "lib/a.so", .content = "1"}, {.path = "Lib/b.so", .content = "2"}),
                "letter case");
    refused_for(tar(TAR_MANIFEST, {.path = "Lib", .kind = 'd'}, {.path = "lib/b.so", .content = "2"}), "letter case");
    refused_for(tar(TAR_MANIFEST, {.path = "HOOKLINE.json", .content = "1"}), "letter case");
    refused_for(tar(TAR_MANIFEST, {.path = "\xc3\xa9", .content = "1"}, {.path = "\xc3\x89", .content = "2"}),
                "letter case");
}

/* IN-07 */
static void the_manifest_lies_at_the_top_or_one_folder_deep_and_once(void **state)
{
    (void)state;
    refused_with(tar({.path = "lib/a.so", .content = "a"}), &usual, HL_ERR_MANIFEST, "no hookline.json");
    refused_with(tar({.path = "a/b/hookline.json", .content = "{}"}), &usual, HL_ERR_MANIFEST, "no hookline.json");
    refused_with(tar({.path = "hookline.json", .kind = 'd'}), &usual, HL_ERR_MANIFEST, "no hookline.json");
    refused_for(tar(TAR_MANIFEST, {.path = "a/hookline.json", .content = "{}"}), "second manifest");
    refused_for(tar({.path = "a/hookline.json", .content = "{}"}, TAR_MANIFEST), "second manifest");
    refused_for(tar({.path = "a/hookline.json", .content = "{}"}, {.path = "b/x", .content = "x"}),
                "outside of the folder");
    refused_for(tar({.path = "b/x", .content = "x"}, {.path = "a/hookline.json", .content = "{}"}),
                "outside of the folder");
    refused_for(tar({.path = "x", .content = "x"}, {.path = "a/hookline.json", .content = "{}"}),
                "outside of the folder");
    taken(tar(TAR_MANIFEST, {.path = "priv/deep/hookline.json", .content = "mine"}));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, place_begin, place_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(tars_of_every_format_and_filter_are_unpacked),
        CASE(packages_of_the_tar_command_are_unpacked),
        CASE(the_folder_that_all_lies_in_is_left_out),
        CASE(names_that_leave_the_folder_are_refused),
        CASE(an_absolute_name_of_this_very_place_is_refused),
        CASE(names_that_are_not_utf8_are_refused),
        CASE(names_beyond_ascii_are_unpacked_in_any_locale),
        CASE(long_names_are_beyond_a_limit),
        CASE(deep_folders_are_refused),
        CASE(links_devices_and_pipes_are_refused),
        CASE(special_bits_are_refused),
        CASE(sparse_members_are_refused),
        CASE(links_and_bits_in_a_zip_are_refused_too),
        CASE(members_that_are_there_twice_are_refused),
        CASE(names_that_differ_in_letter_case_only_are_refused),
        CASE(the_manifest_lies_at_the_top_or_one_folder_deep_and_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

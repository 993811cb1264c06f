/* Archives as strangers make them: a bad one is refused as a whole, with the rule or the limit, and nothing is ever
 * written outside of the folder it is unpacked into. */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "install/archive.h"
#include "tests/packages/support/tars.h"
#include "tests/support/support.h"

static const hl__archive_limits usual = HL__ARCHIVE_LIMITS_INIT;

/* ---- around the folder ---- */

static void make_surroundings(void)
{
    place_write(place_path("around/neighbour"), "untouched", 9);
    place_write(place_path("around/etc/passwd"), "untouched", 9);
    assert_int_equal(mkdir(place_path("around/target"), 0755), 0);
}

static int open_target(void)
{
    return open(place_path("around/target"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* What lies around, without what lies in the folder. */
static const char *surroundings(void)
{
    place_run("mv around/target/ target-aside; mkdir around/target");
    place_run("touch -d @1 around");
    return place_tree(place_path("around"));
}

static hl_status examine(int fd, const hl__archive_limits *limits)
{
    char *manifest;
    size_t len;
    hl_status status = hl__archive_examine(fd, limits, &manifest, &len);

    assert_true((status == HL_OK) == (manifest != NULL));
    free(manifest);
    return status;
}

static hl_status unpack(int fd, const hl__archive_limits *limits)
{
    hl__package_files files;
    int folder = open_target();
    hl_status status = hl__archive_unpack(fd, folder, limits, NULL, NULL, &files);

    hl__package_files_free(&files);
    close(folder);
    return status;
}

/* Both journeys refuse it for the same reason, and nothing around the folder has changed. */
static void refused_with(int fd, const hl__archive_limits *limits, hl_status wanted, const char *reason)
{
    char before[32 * 1024];

    make_surroundings();
    snprintf(before, sizeof(before), "%s", surroundings());
    place_run("rm -rf target-aside");
    for (int unpacking = 0; unpacking < 2; unpacking++) {
        hl_status status = unpacking ? unpack(fd, limits) : examine(fd, limits);

        if (status != wanted)
            fail_msg("%s gives %s: %s", unpacking ? "unpacking" : "examining", hl_status_name(status),
                     hl_last_error()->message);
        if (!strstr(hl_last_error()->message, reason))
            fail_msg("\"%s\" does not say \"%s\"", hl_last_error()->message, reason);
        assert_string_equal(hl_last_error()->action, "install");
    }
    assert_string_equal(surroundings(), before);
    place_run("chmod -R u+w around target-aside; rm -rf around target-aside");
    close(fd);
}

#define refused_for(fd, reason) refused_with((fd), &usual, HL_ERR_ARCHIVE, (reason))

static void taken(int fd)
{
    make_surroundings();
    if (examine(fd, &usual) != HL_OK || unpack(fd, &usual) != HL_OK)
        fail_msg("refused: %s", hl_last_error()->message);
    close(fd);
}

/* ---- good ones ---- */

static const tar_member good[] = {TAR_MANIFEST,
                                  {.path = "lib", .kind = 'd', .mode = 0700},
                                  {.path = "lib/shop.so", .content = "code", .mode = 0700},
                                  {.path = "priv/deep/er/x.txt", .content = "x"},
                                  {.path = "README.md", .content = "read me"},
                                  {.path = "empty", .kind = 'd'}};
#define GOOD_LEN (sizeof(good) / sizeof(good[0]))

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

/* ---- limits (SE-15, X-018) ---- */

static void a_manifest_of_more_than_a_megabyte_is_beyond_a_limit(void **state)
{
    char *content = malloc(((size_t)1 << 20) + 2);

    (void)state;
    assert_non_null(content);
    memset(content, ' ', ((size_t)1 << 20) + 1);
    content[((size_t)1 << 20) + 1] = '\0';
    make_surroundings();
    assert_int_equal(examine(tar({.path = "hookline.json", .content = content}), &usual), HL_ERR_LIMIT);
    content[(size_t)1 << 20] = '\0';
    assert_int_equal(examine(tar({.path = "hookline.json", .content = content}), &usual), HL_OK);
    free(content);
}

static void entries_are_counted_with_the_folders_they_imply(void **state)
{
    hl__archive_limits limits = usual;

    (void)state;
    limits.entries = 3;
    refused_with(tar(TAR_MANIFEST, {.path = "a/b/c", .content = "x"}), &limits, HL_ERR_LIMIT, "\"entries\" of 3");
    limits.entries = 4;
    make_surroundings();
    assert_int_equal(examine(tar(TAR_MANIFEST, {.path = "a/b/c", .content = "x"}), &limits), HL_OK);
}

static void unpacked_bytes_are_counted_over_all_members(void **state)
{
    hl__archive_limits limits = usual;

    (void)state;
    limits.unpacked_bytes = 7;
    refused_with(tar(TAR_MANIFEST, {.path = "a", .content = "123"}, {.path = "b", .content = "456"}), &limits,
                 HL_ERR_LIMIT, "\"unpacked_bytes\" of 7");
    limits.unpacked_bytes = 8;
    make_surroundings();
    assert_int_equal(examine(tar(TAR_MANIFEST, {.path = "a", .content = "123"}, {.path = "b", .content = "456"}),
                             &limits),
                     HL_OK);
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A manifest, and the begin of a member of this size. */
static void begin_bomb(tar_raw *raw, uint64_t size)
{
    char content[512] = "{}";

    tar_raw_header(raw, "hookline.json", '0', 2);
    tar_raw_add(raw, content, sizeof(content));
    tar_raw_header(raw, "big", '0', size);
}

/* A header that says 8 GB, the most that an old header can say: nothing of what may follow is unpacked. */
static void a_member_that_says_too_much_is_refused_at_its_header(void **state)
{
    tar_raw *raw = tar_raw_begin(place_path("package"), "gzip");
    double begin;

    (void)state;
    begin_bomb(raw, (UINT64_C(8) << 30) - 1);
    begin = seconds();
    refused_with(tar_raw_end(raw), &usual, HL_ERR_LIMIT, "\"unpacked_bytes\"");
    assert_true(seconds() - begin < 5);
}

/* 100 GB that are really there, in a few megabytes: one compressed frame of zeros, again and again. */
static void a_real_bomb_of_a_hundred_gigabytes_is_refused_by_its_ratio(void **state)
{
    hl__archive_limits limits = usual;
    static const char zeros[1 << 20];
    tar_raw *raw = tar_raw_begin(place_path("package"), "zstd");
    double begin;

    (void)state;
    limits.unpacked_bytes = UINT64_MAX;
    begin_bomb(raw, (UINT64_C(8) << 30) - 512);
    close(tar_raw_end(raw));
    raw = tar_raw_begin(place_path("zeros"), "zstd");
    for (size_t i = 0; i < 64; i++)
        tar_raw_add(raw, zeros, sizeof(zeros));
    close(tar_raw_end(raw));
    place_run("for i in $(seq 128); do cat zeros; done >>package");
    place_run("cp package once; for i in $(seq 12); do cat once; done >>package");
    begin = seconds();
    refused_with(place_open(place_path("package")), &limits, HL_ERR_LIMIT, "\"ratio\" of 200");
    assert_true(seconds() - begin < 5);
}

static void what_was_compressed_twice_is_refused(void **state)
{
    (void)state;
    close(tar_make(place_path("package"), "pax", "none", good, GOOD_LEN));
    place_run("gzip -c package | gzip -c >twice; mv twice package");
    refused_for(place_open(place_path("package")), "more than once");
}

/* ---- memory ---- */

static long peak_kb(bool reset)
{
    FILE *file = fopen(reset ? "/proc/self/clear_refs" : "/proc/self/status", reset ? "w" : "r");
    char line[256];
    long kb = 0;

    if (!file)
        return -1;
    if (reset)
        fputs("5", file);
    while (!reset && fgets(line, sizeof(line), file)) {
        if (sscanf(line, "VmHWM: %ld", &kb) == 1)
            break;
    }
    fclose(file);
    return kb;
}

static int make_million_members(void)
{
    tar_raw *raw = tar_raw_begin(place_path("package"), "zstd");
    static const char end[1024];
    char name[32];

    tar_raw_header(raw, "hookline.json", '0', 0);
    for (unsigned i = 0; i < 1000000; i++) {
        snprintf(name, sizeof(name), "f%u", i);
        tar_raw_header(raw, name, '0', 0);
    }
    tar_raw_add(raw, end, sizeof(end));
    return tar_raw_end(raw);
}

static void a_million_members_are_refused_fast_and_in_little_memory(void **state)
{
    hl__archive_limits limits = usual;
    int fd = make_million_members();
    double begin;
    long before;

    (void)state;
    peak_kb(true);
    before = peak_kb(false);
    begin = seconds();
    assert_int_equal(examine(fd, &limits), HL_ERR_LIMIT);
    assert_non_null(strstr(hl_last_error()->message, "\"entries\" of 10000"));
    assert_true(seconds() - begin < 2);
    assert_true(test_sanitized() || peak_kb(false) - before < 4096);
    limits.entries = 2000000;
    limits.ratio = 10000;
    begin = seconds();
    assert_int_equal(examine(fd, &limits), HL_OK);
    assert_true(test_sanitized() || seconds() - begin < 20);
    assert_true(test_sanitized() || peak_kb(false) - before < 100 * 1024);
    close(fd);
}

static void memory_does_not_grow_with_the_package(void **state)
{
    long before;
    int fd;

    (void)state;
    place_run(
        "printf {} >hookline.json; head -c 100M /dev/urandom >big; tar -cf - hookline.json big | gzip -1 >package");
    make_surroundings();
    fd = place_open(place_path("package"));
    peak_kb(true);
    before = peak_kb(false);
    assert_int_equal(examine(fd, &usual), HL_OK);
    assert_int_equal(unpack(fd, &usual), HL_OK);
    assert_true(test_sanitized() || peak_kb(false) - before < 2048);
    close(fd);
}

/* ---- damaged ones ---- */

static void what_is_no_archive_is_refused(void **state)
{
    static const char *const contents[] = {"",
                                           "x",
                                           "PK",
                                           "\x1f\x8b",
                                           "\x1f\x8b\x08 and so on",
                                           "<html>404</html>",
                                           "\177ELF",
                                           "BZh91AY&SY",
                                           "\x28\xb5\x2f\xfd",
                                           "#mtree\nx mode=0644\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        place_write(place_path("package"), contents[i], strlen(contents[i]));
        make_surroundings();
        assert_true(examine(place_open(place_path("package")), &usual) != HL_OK);
        assert_true(hl_last_error()->status == HL_ERR_ARCHIVE || hl_last_error()->status == HL_ERR_MANIFEST);
        place_run("rm -rf around");
    }
}

static void other_formats_of_libarchive_stay_off(void **state)
{
    static const char *const formats[] = {"cpio", "newc", "shar", "7zip", "arbsd", "warc", "xar", "raw", "mtree"};

    (void)state;
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        const tar_member one[] = {TAR_MANIFEST};
        int fd = tar_make(place_path("package"), formats[i], "none", one, 1);

        refused_with(fd, &usual, HL_ERR_ARCHIVE, "no archive");
    }
}

static void archives_that_were_cut_off_are_refused(void **state)
{
    struct stat found;
    char *whole;
    int fd;

    (void)state;
    place_run("head -c 200K /dev/urandom >random; printf {} >hookline.json; tar -czf package hookline.json random");
    fd = place_open(place_path("package"));
    assert_int_equal(fstat(fd, &found), 0);
    whole = malloc((size_t)found.st_size);
    assert_non_null(whole);
    assert_int_equal(read(fd, whole, (size_t)found.st_size), found.st_size);
    close(fd);
    make_surroundings();
    for (off_t len = 0; len < found.st_size - 200; len += 1777) {
        place_write(place_path("cut"), whole, (size_t)len);
        fd = place_open(place_path("cut"));
        assert_true(examine(fd, &usual) == HL_ERR_ARCHIVE);
        assert_true(unpack(fd, &usual) == HL_ERR_ARCHIVE);
        place_run("rm -rf around/target; mkdir around/target");
        close(fd);
    }
    free(whole);
}

/* A hundred thousand headers that speak about the next one: no stack, no hang. */
static void chains_of_special_headers_are_refused(void **state)
{
    tar_raw *raw = tar_raw_begin(place_path("package"), "gzip");

    (void)state;
    for (unsigned i = 0; i < 100000; i++)
        tar_raw_header(raw, "g", 'g', 0);
    refused_for(tar_raw_end(raw), "no archive");
}

/* ---- the folder ---- */

/* SE-08, SE-12, X-014: by descriptors only, and never through what is there already. */
static void what_lies_in_the_folder_already_is_not_followed(void **state)
{
    int fd = tar(TAR_MANIFEST, {.path = "etc/passwd", .content = "bad"});

    (void)state;
    make_surroundings();
    place_run("ln -s ../etc around/target/etc");
    assert_int_equal(unpack(fd, &usual), HL_ERR_SYSTEM);
    place_run("rm -rf around/target/*; mkdir around/target/etc; ln -s ../../etc/passwd around/target/etc/passwd");
    assert_int_equal(unpack(fd, &usual), HL_ERR_SYSTEM);
    place_run("test \"$(cat around/etc/passwd)\" = untouched");
    place_run("rm -rf around/target/*; printf mine >around/target/hookline.json");
    assert_int_equal(unpack(fd, &usual), HL_ERR_SYSTEM);
    place_run("test \"$(cat around/target/hookline.json)\" = mine");
    close(fd);
}

/* A disk that takes no more: the failure names the file, and nothing of it stays open. */
static void a_file_that_cannot_be_written_whole_is_named(void **state)
{
    struct rlimit before, little;
    int fd;

    (void)state;
    place_run("head -c 300K /dev/urandom >random; printf {} >hookline.json; tar -czf package hookline.json random");
    make_surroundings();
    fd = place_open(place_path("package"));
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    little = (struct rlimit){100000, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    assert_int_equal(unpack(fd, &usual), HL_ERR_SYSTEM);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_string_equal(hl_last_error()->field, "random");
    close(fd);
}

static bool count_progress(void *user, uint64_t done, uint64_t total)
{
    uint64_t *seen = user; /* calls, last done, total, calls that are allowed */

    assert_true(done > seen[1] && done <= total);
    seen[0]++;
    seen[1] = done;
    seen[2] = total;
    return seen[0] < seen[3];
}

static void progress_rises_and_may_cancel(void **state)
{
    uint64_t seen[4] = {0, 0, 0, UINT64_MAX};
    hl__package_files files;
    struct stat found;
    int fd, folder;

    (void)state;
    place_run("head -c 1M /dev/urandom >random; printf {} >hookline.json; tar -czf package hookline.json random");
    make_surroundings();
    fd = place_open(place_path("package"));
    folder = open_target();
    assert_int_equal(fstat(fd, &found), 0);
    assert_int_equal(hl__archive_unpack(fd, folder, &usual, count_progress, seen, &files), HL_OK);
    hl__package_files_free(&files);
    assert_true(seen[0] > 8);
    assert_int_equal(seen[1], found.st_size);
    assert_int_equal(seen[2], found.st_size);
    place_run("rm -rf around/target/*");
    seen[0] = seen[1] = 0;
    seen[3] = 3;
    assert_int_equal(hl__archive_unpack(fd, folder, &usual, count_progress, seen, &files), HL_ERR_CANCELLED);
    hl__package_files_free(&files);
    assert_int_equal(seen[0], 3);
    close(folder);
    close(fd);
}

static void no_descriptor_is_left_open(void **state)
{
    int first = dup(0), last;

    (void)state;
    close(first);
    taken(tar_make(place_path("package"), "pax", "gzip", good, GOOD_LEN));
    refused_for((place_run("rm -rf around"),
                 tar(TAR_MANIFEST, {.path = "a/b", .content = "x"}, {.path = "../x", .content = "x"})),
                "\"..\"");
    last = dup(0);
    assert_int_equal(last, first);
    close(last);
}

/* ---- what was unpacked ---- */

static void changed(const char *command, const char *how)
{
    hl__package_files files;
    int folder, fd = tar_make(place_path("package"), "pax", "gzip", good, GOOD_LEN);

    make_surroundings();
    folder = open_target();
    assert_int_equal(hl__archive_unpack(fd, folder, &usual, NULL, NULL, &files), HL_OK);
    assert_int_equal(hl__package_files_check(folder, &files), HL_OK);
    place_run("cd around/target; %s", command);
    assert_int_equal(hl__package_files_check(folder, &files), HL_ERR_CHECKSUM);
    if (!strstr(hl_last_error()->message, how))
        fail_msg("\"%s\" does not say \"%s\"", hl_last_error()->message, how);
    hl__package_files_free(&files);
    close(folder);
    close(fd);
    place_run("rm -rf around");
}

static void every_change_of_an_unpacked_package_is_found(void **state)
{
    (void)state;
    changed("chmod u+w lib/shop.so; printf Code >lib/shop.so", "lib/shop.so has another content");
    changed("chmod u+w lib/shop.so; printf code2 >lib/shop.so", "lib/shop.so has another size");
    changed("rm -f README.md", "README.md is missing");
    changed("printf x >lib/new.so", "lib/new.so was not there");
    changed("mv lib/shop.so x; ln -s ../x lib/shop.so", "lib/shop.so was not there");
    changed("rm -f lib/shop.so; mkdir lib/shop.so", "lib/shop.so is missing");
    changed("rm -f lib/shop.so; mkfifo lib/shop.so", "lib/shop.so was not there");
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
        CASE(a_manifest_of_more_than_a_megabyte_is_beyond_a_limit),
        CASE(entries_are_counted_with_the_folders_they_imply),
        CASE(unpacked_bytes_are_counted_over_all_members),
        CASE(a_member_that_says_too_much_is_refused_at_its_header),
        CASE(a_real_bomb_of_a_hundred_gigabytes_is_refused_by_its_ratio),
        CASE(what_was_compressed_twice_is_refused),
        CASE(a_million_members_are_refused_fast_and_in_little_memory),
        CASE(memory_does_not_grow_with_the_package),
        CASE(what_is_no_archive_is_refused),
        CASE(other_formats_of_libarchive_stay_off),
        CASE(archives_that_were_cut_off_are_refused),
        CASE(chains_of_special_headers_are_refused),
        CASE(what_lies_in_the_folder_already_is_not_followed),
        CASE(a_file_that_cannot_be_written_whole_is_named),
        CASE(progress_rises_and_may_cancel),
        CASE(no_descriptor_is_left_open),
        CASE(every_change_of_an_unpacked_package_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

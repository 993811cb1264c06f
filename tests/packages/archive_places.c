/* Damaged archives, and the folder that an archive is unpacked into: nothing is ever written outside of it, and what
 * was unpacked is known by its content. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/packages/support/archives.h"

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

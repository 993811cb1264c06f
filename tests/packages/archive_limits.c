/* Archives that are too large in any way: refused with the limit's name, before they cost much time, memory or disk. */
#include <time.h>
#include <unistd.h>

#include "tests/packages/support/archives.h"

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

#define CASE(name) cmocka_unit_test_setup_teardown(name, place_begin, place_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_manifest_of_more_than_a_megabyte_is_beyond_a_limit),
        CASE(entries_are_counted_with_the_folders_they_imply),
        CASE(unpacked_bytes_are_counted_over_all_members),
        CASE(a_member_that_says_too_much_is_refused_at_its_header),
        CASE(a_real_bomb_of_a_hundred_gigabytes_is_refused_by_its_ratio),
        CASE(what_was_compressed_twice_is_refused),
        CASE(a_million_members_are_refused_fast_and_in_little_memory),
        CASE(memory_does_not_grow_with_the_package),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

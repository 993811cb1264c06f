/* Archives that others made up: whatever the bytes, they are refused with a documented status, or unpacked as they were
 * examined, and nothing lies beside the folder that they were unpacked into. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "install/archive.h"
#include "tests/fuzz/support/fuzz.h"

/* Small ones, so that all of them are met. */
static const hl__archive_limits limits = {64, 1 << 16, 100, 50};

static char place[64];

static void make_place(void)
{
    snprintf(place, sizeof(place), "fuzz-archive-XXXXXX");
    fuzz_require(mkdtemp(place) != NULL);
}

static int remove_one(const char *path, const struct stat *found, int kind, struct FTW *at)
{
    (void)found;
    (void)kind;
    (void)at;
    return remove(path);
}

static void remove_place(void)
{
    fuzz_require(nftw(place, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

/* The place holds the folder "inner" and nothing else. */
static void expect_nothing_beside(void)
{
    DIR *directory = opendir(place);
    struct dirent *entry;

    fuzz_require(directory != NULL);
    while ((entry = readdir(directory)) != NULL)
        fuzz_require(entry->d_name[0] == '.' || strcmp(entry->d_name, "inner") == 0);
    closedir(directory);
}

static void check_files(int folder, const hl__package_files *files)
{
    uint64_t bytes = 0;

    fuzz_require(files->len > 0 && files->len <= limits.entries && files->bytes <= limits.unpacked_bytes);
    for (size_t i = 0; i < files->len; i++) {
        fuzz_require(i == 0 || strcmp(files->rows[i - 1].path, files->rows[i].path) < 0);
        bytes += files->rows[i].bytes;
    }
    fuzz_require(bytes == files->bytes);
    fuzz_require(hl__package_files_check(folder, files) == HL_OK);
}

static void unpack(int fd)
{
    char path[80];
    hl__package_files files;
    int folder;

    make_place();
    snprintf(path, sizeof(path), "%s/inner", place);
    fuzz_require(mkdir(path, 0755) == 0);
    folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fuzz_require(folder >= 0);
    fuzz_require(hl__archive_unpack(fd, folder, &limits, NULL, NULL, &files) == HL_OK);
    check_files(folder, &files);
    expect_nothing_beside();
    hl__package_files_free(&files);
    close(folder);
    remove_place();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("archive", MFD_CLOEXEC);
    char *manifest;
    size_t len;
    hl_status status;

    fuzz_require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    status = hl__archive_examine(fd, &limits, &manifest, &len);
    fuzz_require(status == HL_OK || status == HL_ERR_ARCHIVE || status == HL_ERR_LIMIT || status == HL_ERR_MANIFEST);
    fuzz_require((status == HL_OK) == (manifest != NULL));
    fuzz_require(status == HL_OK || hl_last_error()->message[0]);
    if (status == HL_OK)
        unpack(fd);
    free(manifest);
    close(fd);
    return 0;
}

/* Every block that calls itself a tar header gets the sum that it should have. */
static void repair_sums(uint8_t *bytes, size_t len)
{
    for (size_t at = 0; at + 512 <= len; at += 512) {
        unsigned sum = 0;
        char text[8];

        if (memcmp(bytes + at + 257, "ustar", 5) != 0)
            continue;
        memset(bytes + at + 148, ' ', 8);
        for (size_t i = 0; i < 512; i++)
            sum += bytes[at + i];
        snprintf(text, sizeof(text), "%06o", sum);
        memcpy(bytes + at + 148, text, 7);
    }
}

#ifdef HL_TEST_LIBFUZZER

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    size = LLVMFuzzerMutate(data, size, max_size);
    if (seed % 8)
        repair_sums(data, size);
    return size;
}

#else

static void kept_archives_are_answered(void **state)
{
    (void)state;
    assert_true(fuzz_corpus("archive") > 10);
}

static void damaged_archives_are_answered(void **state)
{
    static const char *const words[] = {"../",
                                        "./",
                                        "/",
                                        "ustar",
                                        "hookline.json",
                                        "17 path=../../x1\n",
                                        "21 GNU.sparse.size=9\n",
                                        "19 linkpath=/etc/x\n",
                                        NULL};

    (void)state;
    assert_true(fuzz_damage("archive", words, repair_sums) >= 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_archives_are_answered),
        cmocka_unit_test(damaged_archives_are_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif

/* Checksums: the known ones, of texts and of files, and comparing what people write. */
#include <fcntl.h>
#include <unistd.h>

#include "install/digest.h"
#include "tests/packages/support/place.h"

#define OF_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define OF_NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define OF_A_MILLION_A "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"

static void known_texts_have_their_known_checksums(void **state)
{
    char sha256[HL__SHA256_TEXT];

    (void)state;
    assert_int_equal(hl__digest_text("abc", 3, sha256), HL_OK);
    assert_string_equal(sha256, OF_ABC);
    assert_int_equal(hl__digest_text("", 0, sha256), HL_OK);
    assert_string_equal(sha256, OF_NOTHING);
}

static void pieces_have_the_checksum_of_the_whole(void **state)
{
    char piece[1000], sha256[HL__SHA256_TEXT];
    hl__digest *digest;

    (void)state;
    memset(piece, 'a', sizeof(piece));
    assert_int_equal(hl__digest_new(&digest), HL_OK);
    for (int i = 0; i < 1000; i++)
        hl__digest_add(digest, piece, sizeof(piece));
    assert_int_equal(hl__digest_end(digest, sha256), HL_OK);
    assert_string_equal(sha256, OF_A_MILLION_A);
}

static void a_file_is_read_from_its_begin_and_its_offset_stays(void **state)
{
    char sha256[HL__SHA256_TEXT];
    int fd;

    (void)state;
    place_run("head -c 1000000 /dev/zero | tr '\\0' a >file");
    fd = place_open(place_path("file"));
    assert_int_equal(lseek(fd, 77, SEEK_SET), 77);
    assert_int_equal(hl__digest_fd(fd, sha256), HL_OK);
    assert_string_equal(sha256, OF_A_MILLION_A);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 77);
    close(fd);
}

static void what_cannot_be_read_has_no_checksum(void **state)
{
    char sha256[HL__SHA256_TEXT] = "x";
    int folder = open(place_path("."), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    (void)state;
    assert_int_equal(hl__digest_fd(folder, sha256), HL_ERR_SYSTEM);
    assert_string_equal(sha256, "");
    close(folder);
}

/* SE-07: letter case does not matter; X-020: everything else does. */
static void checksums_are_compared_without_regard_to_letter_case(void **state)
{
    char other[HL__SHA256_TEXT] = OF_ABC;

    (void)state;
    assert_true(hl__digest_same(OF_ABC, OF_ABC));
    assert_true(hl__digest_same(OF_ABC, "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"));
    for (size_t i = 0; i < HL__SHA256_TEXT - 1; i++) {
        char before = other[i];

        other[i] = before == '0' ? '1' : '0';
        assert_false(hl__digest_same(OF_ABC, other));
        other[i] = before;
    }
    assert_true(hl__digest_same(other, OF_ABC));
}

static void what_is_no_checksum_is_the_same_as_nothing(void **state)
{
    static const char *const bad[] = {NULL,
                                      "",
                                      "ba78",
                                      OF_ABC "0",
                                      OF_ABC "\n",
                                      " " OF_ABC,
                                      "ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                                      "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61"};

    (void)state;
    assert_true(hl__digest_is_text(OF_ABC));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(hl__digest_is_text(bad[i]));
        assert_false(hl__digest_same(bad[i], bad[i]));
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, place_begin, place_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(known_texts_have_their_known_checksums),
        CASE(pieces_have_the_checksum_of_the_whole),
        CASE(a_file_is_read_from_its_begin_and_its_offset_stays),
        CASE(what_cannot_be_read_has_no_checksum),
        CASE(checksums_are_compared_without_regard_to_letter_case),
        CASE(what_is_no_checksum_is_the_same_as_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

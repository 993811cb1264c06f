/* Stores whose file is damaged: nothing crashes, and what cannot be read is refused. Row HP-05. */
#include <stdlib.h>
#include <string.h>

#include "tests/store/support/place.h"

/* xorshift: the same damage in every run. */
static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void random_bytes_are_refused(void **state)
{
    place *here = *state;
    static unsigned char bytes[20000];
    static const size_t lengths[] = {1, 7, 100, 4095, 4096, 4097, 8191, 8192, 12288, 20000};
    uint64_t seed = 88172645463325252u;

    for (size_t round = 0; round < 20; round++) {
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (unsigned char)next_random(&seed);
        for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
            file_write(here->data, bytes, lengths[i]);
            assert_refused_untouched(here, HL_ERR_STORE_CORRUPT, "data.mdb");
        }
    }
}

static void an_empty_file_is_a_new_store(void **state)
{
    place *here = *state;
    file_write(here->data, "", 0);
    hl__store *store = open_store(here->url);
    assert_content(store, "");
    close_store(store);
}

static void a_file_that_is_cut_off_is_refused_or_whole(void **state)
{
    place *here = *state;
    size_t bytes_len;
    int refused = 0, tries = 0;

    fill_store(here->url, 200);
    char *bytes = file_read(here->data, &bytes_len);
    for (size_t length = 1; length < bytes_len; length += 997, tries++) {
        hl__store *store;
        file_write(here->data, bytes, length);
        if (hl__store_open(here->url, 0, 0, &store) != HL_OK) {
            assert_int_equal(hl_last_error()->status, HL_ERR_STORE_CORRUPT);
            refused++;
            continue;
        }
        /* Only free pages were cut off. */
        assert_int_equal(try_load(store), HL_OK);
        assert_int_equal(revision_of(store), 200);
        close_store(store);
    }
    free(bytes);
    assert_true(refused > tries / 2);
}

/* Opens, reads and writes a store that may be damaged; every outcome but a crash will do, if it says what it is. */
static bool survives(const char *url)
{
    hl__store *store;
    hl_status status = hl__store_open(url, 0, 0, &store);

    if (status != HL_OK) {
        assert_true(status == HL_ERR_STORE_CORRUPT || status == HL_ERR_STORE_NEWER);
        return false;
    }
    status = try_load(store);
    assert_true(status == HL_OK || status == HL_ERR_STORE_CORRUPT);
    bool whole = status == HL_OK;
    status = put_plugin(store, "after", "1");
    assert_true(status == HL_OK || status == HL_ERR_STORE_CORRUPT || status == HL_ERR_STORE_FULL);
    close_store(store);
    return whole;
}

static int damage_and_try(const place *here, const char *bytes, size_t bytes_len, size_t from, size_t to, int rounds)
{
    uint64_t seed = 0x9e3779b97f4a7c15u + from;
    char *damaged = malloc(bytes_len);
    int refused = 0;

    assert_non_null(damaged);
    for (int i = 0; i < rounds; i++) {
        memcpy(damaged, bytes, bytes_len);
        for (int flips = 1 + i % 3; flips > 0; flips--)
            damaged[from + next_random(&seed) % (to - from)] ^= (char)(1 + next_random(&seed) % 255);
        file_write(here->data, damaged, bytes_len);
        refused += !survives(here->url);
    }
    free(damaged);
    return refused;
}

static void flipped_bytes_in_the_heads_do_not_crash(void **state)
{
    place *here = *state;
    size_t bytes_len;

    fill_store(here->url, 100);
    char *bytes = file_read(here->data, &bytes_len);
    assert_true(damage_and_try(here, bytes, bytes_len, 0, 152, 150) > 50);
    assert_true(damage_and_try(here, bytes, bytes_len, 4096, 4096 + 152, 150) > 50);
    free(bytes);
}

static void flipped_bytes_in_the_pages_do_not_crash(void **state)
{
    place *here = *state;
    size_t bytes_len;

    fill_store(here->url, 100);
    char *bytes = file_read(here->data, &bytes_len);
    int refused = damage_and_try(here, bytes, bytes_len, 8192, bytes_len, 300);
    /* The first bytes of a page say what it is and where its entries are. */
    for (size_t page = 2; page < bytes_len / 4096; page++)
        refused += damage_and_try(here, bytes, bytes_len, page * 4096, page * 4096 + 40, 20);
    free(bytes);
    assert_true(refused > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HERE(random_bytes_are_refused),
        HERE(an_empty_file_is_a_new_store),
        HERE(a_file_that_is_cut_off_is_refused_or_whole),
        HERE(flipped_bytes_in_the_heads_do_not_crash),
        HERE(flipped_bytes_in_the_pages_do_not_crash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

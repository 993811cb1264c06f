/* Processes that change the same records at the same time lose no change, make no duplicate, and agree in the end. */
#include "tests/processes/support/peer.h"

#define TURNS 100
#define RANDOM_MS 3000

static size_t lines_of(const char *text)
{
    size_t lines = 0;

    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static hl_store_info check_store(void)
{
    hl_store_info info = {.size = sizeof(info)};

    ok(hl_store_check(peer_store, &info, NULL, NULL));
    assert_int_equal(info.problems_len, 0);
    return info;
}

/* Both peers, and a runtime opened only now, tell the same. Returns it; freed by the caller. */
static char *agreed_view(peer *peers, size_t peers_len)
{
    hl_runtime *fresh = peer_open(HL_OPEN_RECORDS_ONLY | HL_OPEN_READ_ONLY);
    char *expected = peer_view(fresh);

    hl_close(fresh);
    for (size_t i = 0; i < peers_len; i++) {
        char *view = peer_ask_view(&peers[i]);

        assert_string_equal(view, expected);
        free(view);
    }
    return expected;
}

static void two_racers_for_one_name_leave_one_record_and_lose_no_change(void **state)
{
    peer peers[2];
    uint64_t before;
    char *view;

    (void)state;
    peers[0] = peer_start(peer_store);
    peers[1] = peer_start(peer_store);
    before = check_store().revision;
    peer_tell(&peers[0], "race a %d", TURNS);
    peer_tell(&peers[1], "race b %d", TURNS);
    print_message("conflicts handed to the racers: %s and %s\n", peer_hears(&peers[0]), peer_hears(&peers[1]));
    view = agreed_view(peers, 2);
    assert_int_equal(lines_of(view), 1 + 2 * TURNS);
    assert_int_equal(check_store().plugins_len, 1 + 2 * TURNS);
    assert_int_equal(check_store().revision - before, 4 * TURNS);
    assert_true(strstr(view, "'a-99'") != NULL || strstr(view, "'b-99'") != NULL);
    for (int i = 0; i < 2 * TURNS; i++) {
        char name[32];

        snprintf(name, sizeof(name), "%c-%d e 50 2 ", i % 2 ? 'a' : 'b', i / 2);
        assert_non_null(strstr(view, name));
    }
    free(view);
    peer_end(&peers[0]);
    peer_end(&peers[1]);
}

static void two_racers_for_the_same_new_names_make_each_of_them_once(void **state)
{
    peer peers[2];
    uint64_t before;
    char *view;

    (void)state;
    peers[0] = peer_start(peer_store);
    peers[1] = peer_start(peer_store);
    before = check_store().revision;
    peer_tell(&peers[0], "same %d", TURNS);
    peer_tell(&peers[1], "same %d", TURNS);
    peer_hears(&peers[0]);
    peer_hears(&peers[1]);
    view = agreed_view(peers, 2);
    assert_int_equal(lines_of(view), TURNS);
    assert_int_equal(check_store().revision - before, TURNS); /* the later of two equal changes writes nothing */
    free(view);
    peer_end(&peers[0]);
    peer_end(&peers[1]);
}

static void three_processes_of_random_operations_agree_in_the_end(void **state)
{
    peer peers[3];

    (void)state;
    for (int i = 0; i < 3; i++)
        peers[i] = peer_start(peer_store);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 3; i++)
            peer_tell(&peers[i], "random %d %d", 3 * round + i + 1, RANDOM_MS / 2);
        for (int i = 0; i < 3; i++)
            print_message("%s operations\n", peer_hears(&peers[i]));
        free(agreed_view(peers, 3));
        assert_in_range(check_store().revision, 50, 1000000);
    }
    for (int i = 0; i < 3; i++)
        peer_end(&peers[i]);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, peer_begin, peer_end_case)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(two_racers_for_one_name_leave_one_record_and_lose_no_change),
        CASE(two_racers_for_the_same_new_names_make_each_of_them_once),
        CASE(three_processes_of_random_operations_agree_in_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

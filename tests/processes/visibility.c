/* A change made by one process is seen by the others, soon and without polling. Row EH-09. */
#include <inttypes.h>
#include <unistd.h>

#include "tests/processes/support/peer.h"

#define CHANGES 100
#define MS UINT64_C(1000000)

static hl_runtime *runtime;
static hl_event *event;

static int begin(void **state)
{
    peer_begin(state);
    runtime = peer_open(0);
    event = test_event(runtime, "e");
    run(runtime, .name = "a", .event = "e");
    run(runtime, .name = "b", .event = "e");
    return 0;
}

static int end(void **state)
{
    hl_close(runtime);
    return peer_end_case(state);
}

/* A peer that has code for the same plugins. */
static peer start_peer(void)
{
    peer p = peer_start(peer_store);

    assert_int_equal(strncmp(peer_ask(&p, "add a e 100"), "HL_OK", 5), 0);
    assert_int_equal(strncmp(peer_ask(&p, "add b e 100"), "HL_OK", 5), 0);
    assert_string_equal(peer_ask(&p, "trail e"), "a,b,");
    return p;
}

static uint64_t hear_trail(peer *p, const char *expected)
{
    uint64_t at;
    char trail[64] = "";

    assert_true(sscanf(peer_hears(p), "%" SCNu64 " %63s", &at, trail) >= 1);
    assert_string_equal(trail, expected);
    return at;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static uint64_t median_of(uint64_t *values, size_t len)
{
    qsort(values, len, sizeof(*values), compare);
    return values[len / 2];
}

static void a_change_is_seen_by_every_other_process_at_once(void **state)
{
    static uint64_t asked[2 * CHANGES], stored[2 * CHANGES];
    peer peers[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        peers[i] = start_peer();
        peer_tell(&peers[i], "follow e");
        hear_trail(&peers[i], "a,b,");
    }
    for (int change = 0; change < CHANGES; change++) {
        uint64_t begun = test_now_ns(), returned;

        ok(change % 2 ? hl_enable(runtime, "a", 0) : hl_stop(runtime, "a", 0));
        returned = test_now_ns();
        for (int i = 0; i < 2; i++) {
            uint64_t seen = hear_trail(&peers[i], change % 2 ? "a,b," : "b,");

            asked[2 * change + i] = seen - begun;
            stored[2 * change + i] = seen > returned ? seen - returned : 0;
        }
        usleep(2000);
    }
    print_message("%d changes seen by two processes: median %.2f ms after they were asked for, %.2f ms after they "
                  "returned\n",
                  CHANGES, (double)median_of(asked, 2 * CHANGES) / 1e6, (double)median_of(stored, 2 * CHANGES) / 1e6);
    assert_in_range(median_of(asked, 2 * CHANGES), 0, 50 * MS);
    for (int i = 0; i < 2; i++)
        peer_end(&peers[i]);
}

static void a_change_by_another_process_is_seen_here_with_a_notice_that_says_so(void **state)
{
    test_notices notices;
    peer p;

    (void)state;
    p = start_peer();
    test_notices_begin(runtime, &notices);
    for (int i = 0; i < 20; i++) {
        const char *trail = i % 2 ? "a,b," : "a,";

        assert_int_equal(strncmp(peer_ask(&p, i % 2 ? "enable b" : "stop b"), "HL_OK", 5), 0);
        assert_string_equal(test_status(runtime, "b"), i % 2 ? "restarted" : "stopped");
        eventually(strcmp(test_seen_trail(event), trail) == 0);
        test_sleep_ms(5);
        assert_string_equal(test_notices_take(&notices), i == 0  ? "status b started stopped\nswapped e\n"
                                                         : i % 2 ? "status b stopped restarted\nswapped e\n"
                                                                 : "status b restarted stopped\nswapped e\n");
    }
    assert_int_equal(test_counters(runtime).remote_changes, 20);
    test_notices_end(&notices);
    peer_end(&p);
}

static void a_burst_by_another_process_ends_in_its_last_state(void **state)
{
    peer p;

    (void)state;
    p = start_peer();
    for (int i = 0; i < 50; i++)
        peer_tell(&p, "stop a\nenable a\nstop b\nenable b\nadd b e %d", i);
    for (int i = 0; i < 250; i++)
        assert_int_equal(strncmp(peer_hears(&p), "HL_OK", 5), 0);
    eventually(strcmp(test_seen_trail(event), "b,a,") == 0);
    ok(hl_wait_compiled(runtime, 30000));
    assert_string_equal(test_run_trail(event), "b,a,");
    assert_int_equal(hl_event_engine(event), HL_TEST_HAVE_JIT ? HL_ENGINE_COMPILED : HL_ENGINE_REFERENCE);
    peer_end(&p);
}

static void a_plugin_of_another_process_makes_the_event_unavailable_here(void **state)
{
    test_trail trail = {""};
    peer p;

    (void)state;
    p = peer_start(peer_store);
    assert_int_equal(strncmp(peer_ask(&p, "add theirs e 1"), "HL_OK", 5), 0);
    eventually(hl_call(event, &trail, NULL).verdict == HL_ERR_NOT_LOADED);
    assert_string_equal(peer_ask(&p, "trail e"), "HL_ERR_NOT_LOADED");
    assert_int_equal(strncmp(peer_ask(&p, "unregister theirs"), "HL_OK", 5), 0);
    eventually(hl_call(event, &trail, NULL).verdict == HL_NEXT);
    assert_string_equal(test_run_trail(event), "a,b,");
    peer_end(&p);
}

/* the other process opens the store, registers what it registers at each start, and closes. */
static void the_start_of_another_process_stirs_up_nobody(void **state)
{
    hl_counters before, after;
    test_notices notices;
    peer p;

    (void)state;
    ok(hl_wait_compiled(runtime, 30000));
    test_notices_begin(runtime, &notices);
    notices.compiler = true;
    before = test_counters(runtime);
    p = start_peer();
    peer_end(&p);
    test_sleep_ms(50);
    after = test_counters(runtime);
    assert_string_equal(test_notices_take(&notices), "");
    assert_int_equal(after.remote_changes, before.remote_changes);
    assert_int_equal(after.swaps, before.swaps);
    test_notices_end(&notices);
}

static void idle_processes_use_no_processor_time(void **state)
{
    uint64_t here, there;
    peer p;

    (void)state;
    p = start_peer();
    ok(hl_wait_compiled(runtime, 30000));
    test_sleep_ms(500);
    there = strtoull(peer_ask(&p, "cpu"), NULL, 10);
    here = peer_cpu_ns();
    test_sleep_ms(2000);
    here = peer_cpu_ns() - here;
    there = strtoull(peer_ask(&p, "cpu"), NULL, 10) - there;
    print_message("two idle seconds: %.2f ms of processor time here, %.2f ms there\n", (double)here / 1e6,
                  (double)there / 1e6);
    assert_in_range(here, 0, 20 * MS);
    assert_in_range(there, 0, 20 * MS);
    peer_end(&p);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_change_is_seen_by_every_other_process_at_once),
        CASE(a_change_by_another_process_is_seen_here_with_a_notice_that_says_so),
        CASE(a_burst_by_another_process_ends_in_its_last_state),
        CASE(a_plugin_of_another_process_makes_the_event_unavailable_here),
        CASE(the_start_of_another_process_stirs_up_nobody),
        CASE(idle_processes_use_no_processor_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

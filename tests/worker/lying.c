/* A worker that lies, in each way that it can, harms nobody but itself: every wait ends by its deadline with what is
 * true for the server, and nothing is left. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hookline/status.h>

#include "tests/worker/support/worker.h"

#define DEADLINE_MS 200

static void start_liar(worker *worker, const char *lie, uint32_t slots)
{
    char *kept = strdup(getenv("HOOKLINE_WORKER") ? getenv("HOOKLINE_WORKER") : "");

    assert_non_null(kept);
    setenv("HOOKLINE_WORKER", HL_TEST_PROGRAMS "/liar", 1);
    worker_spawn(worker, &(worker_options){.entry = lie, .slots = slots});
    setenv("HOOKLINE_WORKER", kept, 1);
    free(kept);
}

static void start_ready_liar(worker *worker, const char *lie, uint32_t slots)
{
    start_liar(worker, lie, slots);
    assert_int_equal(worker_hear(worker, &worker->ready, worker->text), 1);
}

/* Asks for a verdict. spin_ns: 0 sleeps. */
static hl__wait_end ask(worker *worker, uint32_t verdict, uint32_t spin_ns, hl__reply_head *reply)
{
    uint64_t deadline_ns = after_ms(DEADLINE_MS);
    hl__request_head head = {.function = verdict, .deadline_ns = deadline_ns};
    int slot = hl__channel_claim(worker->channel);
    hl__wait_end end;

    assert_true(slot >= 0);
    hl__channel_post(worker->channel, slot, &head);
    end = hl__channel_wait(worker->channel, slot, worker->child.pidfd, deadline_ns, spin_ns, reply);
    assert_true(hl__child_now_ns() < deadline_ns + UINT64_C(2000000000));
    if (end == HL__LATE)
        assert_true(hl__child_now_ns() >= deadline_ns);
    hl__channel_release(worker->channel, slot);
    return end;
}

static void expect_end(const char *lie, hl__wait_end wanted)
{
    for (uint32_t spin_ns = 0; spin_ns <= 50000; spin_ns += 50000) {
        holdings before = holdings_now();
        hl__reply_head reply = {-1, 0, 0};
        worker worker;

        start_ready_liar(&worker, lie, 2);
        assert_int_equal(ask(&worker, 5, spin_ns, &reply), wanted);
        worker_finish(&worker);
        expect_same_holdings(&before);
    }
}

/* ---- replies ---- */

static void an_honest_worker_is_believed(void **state)
{
    (void)state;
    expect_end("honest", HL__REPLIED);
}

static void a_reply_longer_than_its_area_is_malformed(void **state)
{
    (void)state;
    expect_end("long", HL__MALFORMED);
    expect_end("huge", HL__MALFORMED);
}

static void a_reply_for_another_turn_is_none(void **state)
{
    (void)state;
    expect_end("old", HL__LATE);
    expect_end("future", HL__LATE);
}

static void a_second_reply_is_not_the_next_calls(void **state)
{
    worker worker;

    (void)state;
    start_ready_liar(&worker, "twice", 1);
    for (uint32_t verdict = 1; verdict < 50; verdict++) {
        hl__reply_head reply = {-1, 0, 0};

        assert_int_equal(ask(&worker, verdict, 0, &reply), HL__REPLIED);
        assert_int_equal(reply.verdict % 1000, verdict);
    }
    worker_finish(&worker);
}

static void a_reply_in_another_slot_answers_nobody(void **state)
{
    uint64_t deadline_ns = after_ms(DEADLINE_MS);
    hl__reply_head reply;
    worker worker;

    (void)state;
    start_ready_liar(&worker, "other", 2);
    for (uint32_t verdict = 1; verdict <= 2; verdict++) {
        hl__request_head head = {.function = verdict};
        int slot = hl__channel_claim(worker.channel);

        assert_int_equal(slot, verdict - 1);
        hl__channel_post(worker.channel, slot, &head);
    }
    for (int slot = 0; slot < 2; slot++)
        assert_int_equal(hl__channel_wait(worker.channel, slot, worker.child.pidfd, deadline_ns, 0, &reply), HL__LATE);
    worker_finish(&worker);
}

/* The reply of a request that was given up comes while the next one is under way: it is not that one's. */
static void a_late_reply_is_not_the_next_calls(void **state)
{
    hl__request_head head = {.function = 1};
    hl__reply_head reply;
    worker worker;
    int slot;

    (void)state;
    start_ready_liar(&worker, "late", 1);
    slot = hl__channel_claim(worker.channel);
    hl__channel_post(worker.channel, slot, &head);
    assert_int_equal(hl__channel_wait(worker.channel, slot, worker.child.pidfd, after_ms(20), 0, &reply), HL__LATE);
    head.function = 2;
    hl__channel_post(worker.channel, slot, &head);
    assert_int_equal(hl__channel_wait(worker.channel, slot, worker.child.pidfd, after_ms(5000), 0, &reply),
                     HL__REPLIED);
    assert_int_equal(reply.verdict, 2);
    worker_finish(&worker);
}

static void a_reply_that_changes_while_it_is_read_is_right_or_malformed(void **state)
{
    worker worker;

    (void)state;
    start_ready_liar(&worker, "wavering", 1);
    for (uint32_t i = 1; i < 2000; i++) {
        hl__reply_head reply = {-1, 0, 0};
        hl__wait_end end = ask(&worker, i, i % 2 ? 5000 : 0, &reply);

        assert_true(end == HL__MALFORMED || (end == HL__REPLIED && reply.len <= 8 && reply.verdict == i));
    }
    worker_finish(&worker);
}

/* ---- waking ---- */

static void waking_without_a_reply_changes_nothing(void **state)
{
    (void)state;
    expect_end("nothing", HL__LATE);
}

static void waking_without_end_leaves_the_deadline(void **state)
{
    (void)state;
    expect_end("flood", HL__LATE);
}

static void closing_what_it_wakes_with_leaves_the_deadline(void **state)
{
    (void)state;
    expect_end("closed", HL__LATE);
}

/* Each request writes to a pipe that is full. */
static void a_worker_that_says_it_sleeps_keeps_nobody_waiting(void **state)
{
    hl__request_head head = {.function = 1};
    hl__reply_head reply;
    uint64_t begin;
    worker worker;

    (void)state;
    start_ready_liar(&worker, "asleep", 1);
    assert_int_equal(ask(&worker, 1, 0, &reply), HL__REPLIED);
    begin = hl__child_now_ns();
    for (int i = 0; i < 200000; i++) {
        int slot = hl__channel_claim(worker.channel);

        hl__channel_post(worker.channel, slot, &head);
        assert_true(hl__channel_withdraw(worker.channel, slot));
        hl__channel_release(worker.channel, slot);
    }
    assert_true(hl__child_now_ns() - begin < UINT64_C(20000000000));
    worker_finish(&worker);
}

/* ---- the memory ---- */

static void a_worker_that_scribbles_over_everything_harms_only_itself(void **state)
{
    holdings before = holdings_now();
    worker worker;

    (void)state;
    start_ready_liar(&worker, "scribble", 4);
    for (int i = 0; i < 20; i++) {
        hl__reply_head reply = {0, 0, 0};
        hl__wait_end end = ask(&worker, 1, i % 2 ? 10000 : 0, &reply);
        hl__fault fault = hl__channel_fault(worker.channel);

        assert_true(end == HL__LATE || end == HL__MALFORMED || (end == HL__REPLIED && reply.len <= 4096));
        assert_in_range(fault.signal, 0, NSIG - 1);
        assert_true(fault.slot >= -1 && fault.slot < 4);
        hl__channel_begun(worker.channel, 0);
    }
    worker_finish(&worker);
    expect_same_holdings(&before);
}

static void the_memory_cannot_be_taken_away(void **state)
{
    hl__reply_head reply = {0, 0, 0};
    worker worker;

    (void)state;
    start_ready_liar(&worker, "hole", 1);
    assert_int_equal(ask(&worker, 1, 0, &reply), HL__REPLIED);
    assert_int_equal(reply.verdict, 2);
    memset(hl__channel_area(worker.channel, 0), 1, hl__channel_area_bytes(worker.channel));
    worker_finish(&worker);
}

static void a_fault_that_cannot_be_is_none(void **state)
{
    hl__reply_head reply;
    hl__fault fault;
    worker worker;

    (void)state;
    start_ready_liar(&worker, "signal", 1);
    assert_int_equal(ask(&worker, 1, 0, &reply), HL__DIED);
    fault = hl__channel_fault(worker.channel);
    assert_int_equal(fault.signal, 0);
    worker_finish(&worker);
    start_ready_liar(&worker, "fault", 1);
    assert_int_equal(ask(&worker, 1, 0, &reply), HL__DIED);
    fault = hl__channel_fault(worker.channel);
    assert_int_equal(fault.signal, SIGSEGV);
    assert_int_equal(fault.slot, -1);
    worker_finish(&worker);
}

/* ---- reports ---- */

static void reports_that_are_none_are_refused(void **state)
{
    static const char *const lies[] = {"report-short", "report-long", "report-text", "report-kind", "report-success"};

    (void)state;
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        hl__report_head head;
        char text[HL__REPORT_MAX];
        worker worker;

        start_liar(&worker, lies[i], 1);
        if (worker_hear(&worker, &head, text) != -1)
            fail_msg("%s is believed", lies[i]);
        worker_finish(&worker);
    }
}

static void texts_of_a_worker_change_no_terminal(void **state)
{
    worker worker;

    (void)state;
    start_ready_liar(&worker, "report-colour", 1);
    assert_string_equal(worker.text, " [31mtext");
    worker_finish(&worker);
}

static void descriptors_that_a_worker_sends_are_dropped(void **state)
{
    holdings before;
    worker worker;

    (void)state;
    start_liar(&worker, "report-descriptor", 1);
    before = holdings_now();
    assert_int_equal(worker_hear(&worker, &worker.ready, worker.text), 1);
    expect_same_holdings(&before);
    worker_finish(&worker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_honest_worker_is_believed),
        cmocka_unit_test(a_reply_longer_than_its_area_is_malformed),
        cmocka_unit_test(a_reply_for_another_turn_is_none),
        cmocka_unit_test(a_second_reply_is_not_the_next_calls),
        cmocka_unit_test(a_reply_in_another_slot_answers_nobody),
        cmocka_unit_test(a_late_reply_is_not_the_next_calls),
        cmocka_unit_test(a_reply_that_changes_while_it_is_read_is_right_or_malformed),
        cmocka_unit_test(waking_without_a_reply_changes_nothing),
        cmocka_unit_test(waking_without_end_leaves_the_deadline),
        cmocka_unit_test(closing_what_it_wakes_with_leaves_the_deadline),
        cmocka_unit_test(a_worker_that_says_it_sleeps_keeps_nobody_waiting),
        cmocka_unit_test(a_worker_that_scribbles_over_everything_harms_only_itself),
        cmocka_unit_test(the_memory_cannot_be_taken_away),
        cmocka_unit_test(a_fault_that_cannot_be_is_none),
        cmocka_unit_test(reports_that_are_none_are_refused),
        cmocka_unit_test(texts_of_a_worker_change_no_terminal),
        cmocka_unit_test(descriptors_that_a_worker_sends_are_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

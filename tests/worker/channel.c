/* The channel does what its header says, with a worker that is honest: order, several requests at once, taking back,
 * waking. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <hookline/status.h>

#include "tests/worker/support/worker.h"
#include "worker/channel_server.h"

/* ---- measures and slots ---- */

static void measures_that_cannot_be_are_refused(void **state)
{
    hl__channel *channel = NULL;

    (void)state;
    assert_int_equal(hl__channel_new(0, 64, &channel), HL_ERR_INVALID);
    assert_int_equal(hl__channel_new(HL__SLOTS_MAX + 1, 64, &channel), HL_ERR_INVALID);
    assert_int_equal(hl__channel_new(1, 0, &channel), HL_ERR_LIMIT);
    assert_int_equal(hl__channel_new(1, HL__CHANNEL_BYTES_MAX + 1, &channel), HL_ERR_LIMIT);
    assert_null(channel);
    hl__channel_free(NULL);
}

static void a_slot_has_one_holder_and_an_area_of_its_own(void **state)
{
    holdings before = holdings_now();
    hl__channel *channel;
    uint32_t seen = 0;

    (void)state;
    assert_int_equal(hl__channel_new(HL__SLOTS_MAX, 100, &channel), HL_OK);
    for (int i = 0; i < HL__SLOTS_MAX; i++) {
        int slot = hl__channel_claim(channel);

        assert_in_range(slot, 0, HL__SLOTS_MAX - 1);
        assert_int_equal(seen & (1u << slot), 0);
        seen |= 1u << slot;
        memset(hl__channel_area(channel, slot), slot, hl__channel_area_bytes(channel));
    }
    assert_int_equal(hl__channel_claim(channel), -1);
    for (int slot = 0; slot < HL__SLOTS_MAX; slot++) {
        const unsigned char *area = hl__channel_area(channel, slot);

        assert_int_equal(area[0], slot);
        assert_int_equal(area[hl__channel_area_bytes(channel) - 1], slot);
    }
    hl__channel_release(channel, 7);
    assert_int_equal(hl__channel_claim(channel), 7);
    hl__channel_free(channel);
    expect_same_holdings(&before);
}

/* ---- order ---- */

/* While the worker sleeps in the first request, the others are posted in an order that is not that of the slots. */
static void requests_are_taken_in_the_order_in_which_they_were_posted(void **state)
{
    static const int order[] = {5, 2, 7, 1, 3};
    hl__reply_head reply;
    worker worker;
    int slots[8];

    (void)state;
    worker_ready(&worker, &(worker_options){.slots = 8});
    for (int i = 0; i < 8; i++)
        slots[i] = hl__channel_claim(worker.channel);
    memcpy(hl__channel_area(worker.channel, 0), &(deed){.what = "sleep", .number = 50}, sizeof(deed));
    hl__channel_post(worker.channel, 0, &(hl__request_head){.function = HL__PLUGIN_CALL, .part = sizeof(deed)});
    for (size_t i = 0; i < 5; i++) {
        memcpy(hl__channel_area(worker.channel, order[i]), &(deed){.what = "calls"}, sizeof(deed));
        hl__channel_post(worker.channel, order[i],
                         &(hl__request_head){.function = HL__PLUGIN_CALL, .part = sizeof(deed)});
    }
    for (size_t i = 0; i < 5; i++) {
        deed done;

        assert_int_equal(hl__channel_wait(worker.channel, order[i], worker.child.pidfd, after_ms(5000), 0, &reply),
                         HL__REPLIED);
        memcpy(&done, hl__channel_area(worker.channel, order[i]), sizeof(done));
        assert_int_equal(done.result, 2 + i);
    }
    assert_int_equal(slots[7], 7);
    worker_finish(&worker);
}

typedef struct caller {
    worker *worker;
    int number;
    uint32_t spin_ns;
    int wrong;
} caller;

static void call_often(caller *me, int i)
{
    int64_t number = me->number * 100000 + i;
    deed deed = {.what = "double", .number = number};
    hl__reply_head reply;
    hl__channel *channel = me->worker->channel;
    int slot;

    while ((slot = hl__channel_claim(channel)) < 0)
        sched_yield();
    memcpy(hl__channel_area(channel, slot), &deed, sizeof(deed));
    hl__channel_post(channel, slot, &(hl__request_head){.function = HL__PLUGIN_CALL, .part = sizeof(deed)});
    if (hl__channel_wait(channel, slot, me->worker->child.pidfd, after_ms(20000), me->spin_ns, &reply) != HL__REPLIED)
        me->wrong++;
    memcpy(&deed, hl__channel_area(channel, slot), sizeof(deed));
    hl__channel_release(channel, slot);
    me->wrong += deed.result != 2 * number;
}

static void *call_always(void *user)
{
    caller *me = (caller *)user;

    for (int i = 0; i < 5000; i++)
        call_often(me, i);
    return NULL;
}

/* More callers than slots, half of them looking. */
static void every_caller_gets_its_own_answer(void **state)
{
    caller callers[6];
    pthread_t threads[6];
    worker worker;

    (void)state;
    worker_ready(&worker, &(worker_options){.slots = 4});
    for (int i = 0; i < 6; i++) {
        callers[i] = (caller){&worker, i + 1, i % 2 ? 5000 : 0, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, call_always, &callers[i]), 0);
    }
    for (int i = 0; i < 6; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(callers[i].wrong, 0);
    }
    assert_int_equal(worker_do(&worker, "calls", NULL, 0).result, 6 * 5000 + 1);
    worker_finish(&worker);
}

/* A worker that has gone to sleep, each time after another pause, is woken. */
static void a_sleeping_worker_is_woken(void **state)
{
    worker worker;

    (void)state;
    worker_ready(&worker, &(worker_options){0});
    for (int i = 0; i < 500; i++) {
        usleep((useconds_t)(i % 100));
        assert_int_equal(worker_do(&worker, "double", NULL, i).result, 2 * i);
    }
    worker_finish(&worker);
}

typedef struct stray {
    int fd;
    int call; /* atomic; which one runs, from 1; 0: it is over */
} stray;

/* One in each call, at another moment, as a worker does whose last wake comes late. */
static void *wake_for_nothing(void *user)
{
    stray *me = (stray *)user;
    int call, last = -1;

    while ((call = __atomic_load_n(&me->call, __ATOMIC_ACQUIRE)) != 0) {
        if (call == last) {
            sched_yield();
            continue;
        }
        for (volatile int pause = 0; pause < call % 97 * 50; pause = pause + 1)
            ;
        last = call;
        (void)!write(me->fd, "", 1);
    }
    return NULL;
}

/* Making room in what has woken must not take away the wake of a reply that comes at that moment. */
static void a_reply_beside_a_wake_for_nothing_is_not_missed(void **state)
{
    stray stray = {-1, 1};
    uint64_t longest_ns = 0;
    pthread_t thread;
    char path[64];
    worker worker;

    (void)state;
    worker_ready(&worker, &(worker_options){.slots = 1});
    snprintf(path, sizeof(path), "/proc/self/fd/%d", worker.channel->woken[0]);
    stray.fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(stray.fd >= 0);
    assert_int_equal(pthread_create(&thread, NULL, wake_for_nothing, &stray), 0);
    for (int i = 1; i <= 50000 && longest_ns < UINT64_C(4000000000); i++) {
        uint64_t begin_ns = hl__child_now_ns();

        __atomic_store_n(&stray.call, i, __ATOMIC_RELEASE);
        assert_int_equal(worker_do(&worker, "double", NULL, i).result, 2 * i);
        if (hl__child_now_ns() - begin_ns > longest_ns)
            longest_ns = hl__child_now_ns() - begin_ns;
    }
    __atomic_store_n(&stray.call, 0, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    close(stray.fd);
    assert_true(longest_ns < UINT64_C(4000000000)); /* at its deadline the reply would be found at last */
    worker_finish(&worker);
}

/* ---- taking back ---- */

static void a_request_that_was_taken_back_is_never_begun(void **state)
{
    hl__reply_head reply;
    worker worker;
    int first, second;

    (void)state;
    worker_ready(&worker, &(worker_options){.slots = 2});
    first = worker_post(&worker, &(deed){.what = "sleep", .number = 100}, sizeof(deed), after_ms(5000));
    while (!hl__channel_begun(worker.channel, first))
        usleep(100);
    second = worker_post(&worker, &(deed){.what = "calls"}, sizeof(deed), after_ms(5000));
    assert_false(hl__channel_begun(worker.channel, second));
    assert_true(hl__channel_withdraw(worker.channel, second));
    assert_false(hl__channel_withdraw(worker.channel, second));
    hl__channel_release(worker.channel, second);
    assert_false(hl__channel_withdraw(worker.channel, first));
    assert_int_equal(hl__channel_wait(worker.channel, first, worker.child.pidfd, after_ms(5000), 0, &reply),
                     HL__REPLIED);
    assert_true(hl__channel_begun(worker.channel, first));
    hl__channel_release(worker.channel, first);
    assert_int_equal(worker_do(&worker, "calls", NULL, 0).result, 2);
    worker_finish(&worker);
}

/* Taken back or answered, never both, while both sides are at it. */
static void a_request_is_taken_back_or_done_and_never_both(void **state)
{
    int taken_back = 0;
    hl__reply_head reply;
    worker worker;

    (void)state;
    worker_ready(&worker, &(worker_options){0});
    for (int i = 0; i < 20000; i++) {
        int slot = worker_post(&worker, &(deed){.what = "double", .number = i}, sizeof(deed), after_ms(5000));

        for (volatile int pause = 0; pause < i % 997; pause = pause + 1)
            ;
        if (hl__channel_withdraw(worker.channel, slot))
            taken_back++;
        else
            assert_int_equal(hl__channel_wait(worker.channel, slot, worker.child.pidfd, after_ms(5000), 5000, &reply),
                             HL__REPLIED);
        hl__channel_release(worker.channel, slot);
    }
    assert_int_equal(worker_do(&worker, "calls", NULL, 0).result, 20000 - taken_back + 1);
    worker_finish(&worker);
}

/* ---- ends of waiting ---- */

static void *disturb_soon(void *channel)
{
    usleep(20000);
    hl__channel_disturb((hl__channel *)channel);
    return NULL;
}

static void a_disturbed_channel_ends_every_wait(void **state)
{
    hl__reply_head reply;
    pthread_t thread;
    worker worker;
    int slot;

    (void)state;
    worker_ready(&worker, &(worker_options){0});
    slot = worker_post(&worker, &(deed){.what = "sleep", .number = 60000}, sizeof(deed), after_ms(60000));
    assert_int_equal(pthread_create(&thread, NULL, disturb_soon, worker.channel), 0);
    assert_int_equal(hl__channel_wait(worker.channel, slot, worker.child.pidfd, after_ms(60000), 0, &reply),
                     HL__DISTURBED);
    assert_int_equal(hl__channel_wait(worker.channel, slot, worker.child.pidfd, after_ms(60000), 0, &reply),
                     HL__DISTURBED);
    pthread_join(thread, NULL);
    worker_finish(&worker);
}

static void a_deadline_is_kept_to_some_milliseconds(void **state)
{
    uint64_t begin = hl__child_now_ns();
    worker worker;

    (void)state;
    worker_ready(&worker, &(worker_options){0});
    begin = hl__child_now_ns();
    assert_int_equal(worker_try(&worker, "sleep", 60000, 50), HL__LATE);
    assert_in_range(hl__child_now_ns() - begin, UINT64_C(50000000), UINT64_C(1000000000));
    worker_finish(&worker);
}

static void a_plugin_can_ask_whether_it_is_late(void **state)
{
    hl__request_head head = {.function = HL__PLUGIN_CALL, .part = sizeof(deed)};
    deed deed = {.what = "late", .number = INT64_MAX};
    hl__reply_head reply;
    worker worker;

    (void)state;
    worker_ready(&worker, &(worker_options){0});
    head.deadline_ns = after_ms(50);
    assert_int_equal(hl__channel_claim(worker.channel), 0);
    memcpy(hl__channel_area(worker.channel, 0), &deed, sizeof(deed));
    hl__channel_post(worker.channel, 0, &head);
    assert_int_equal(hl__channel_wait(worker.channel, 0, worker.child.pidfd, after_ms(20000), 0, &reply), HL__REPLIED);
    assert_true(hl__child_now_ns() >= head.deadline_ns);
    memcpy(&deed, hl__channel_area(worker.channel, 0), sizeof(deed));
    assert_int_equal(deed.result, 1);
    worker_finish(&worker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measures_that_cannot_be_are_refused),
        cmocka_unit_test(a_slot_has_one_holder_and_an_area_of_its_own),
        cmocka_unit_test(requests_are_taken_in_the_order_in_which_they_were_posted),
        cmocka_unit_test(every_caller_gets_its_own_answer),
        cmocka_unit_test(a_sleeping_worker_is_woken),
        cmocka_unit_test(a_reply_beside_a_wake_for_nothing_is_not_missed),
        cmocka_unit_test(a_request_that_was_taken_back_is_never_begun),
        cmocka_unit_test(a_request_is_taken_back_or_done_and_never_both),
        cmocka_unit_test(a_disturbed_channel_ends_every_wait),
        cmocka_unit_test(a_deadline_is_kept_to_some_milliseconds),
        cmocka_unit_test(a_plugin_can_ask_whether_it_is_late),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

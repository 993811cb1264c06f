/* What a worker may have written: whatever lies in a channel's memory and whatever comes over its report socket, the
 * server's side answers with something that its header names and touches nothing outside. An input is two bytes that
 * say how long the message is, the message, and the memory from the posted turns on. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/fuzz/support/fuzz.h"
#include "worker/channel_layout.h"
#include "worker/start.h"

#define SLOTS 3
#define AREA_BYTES 4096

/* A channel as the server has it, and the worker's view of its memory. */
typedef struct sides {
    hl__channel *channel;
    hl__shared *worker;
} sides;

static sides open_sides(void)
{
    sides sides;
    int fds[HL__CHANNEL_FDS_MAX];
    void *mapped;

    fuzz_require(hl__channel_new(SLOTS, AREA_BYTES, &sides.channel) == HL_OK);
    fuzz_require(hl__channel_fds(sides.channel, fds) == 2 + SLOTS);
    mapped = mmap(NULL, sizeof(hl__shared), PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0);
    fuzz_require(mapped != MAP_FAILED);
    sides.worker = (hl__shared *)mapped;
    return sides;
}

static void close_sides(sides *sides)
{
    munmap(sides->worker, sizeof(hl__shared));
    hl__channel_free(sides->channel);
}

static void check_fault(const hl__channel *channel)
{
    hl__fault fault = hl__channel_fault(channel);

    fuzz_require(fault.signal >= 0 && fault.signal < NSIG);
    fuzz_require(fault.slot >= -1 && fault.slot < SLOTS);
}

static void check_wait(hl__channel *channel, int slot)
{
    hl__reply_head reply = {0, 0, 0};
    uint64_t now_ns = hl__child_now_ns();
    hl__wait_end end = hl__channel_wait(channel, slot, -1, now_ns, slot ? 1000 : 0, &reply);

    fuzz_require(end == HL__REPLIED || end == HL__MALFORMED || end == HL__LATE);
    fuzz_require(end != HL__REPLIED || reply.len <= hl__channel_area_bytes(channel));
}

static void read_memory(const uint8_t *data, size_t size)
{
    sides sides = open_sides();
    hl__request_head head = {.function = 1};
    size_t room = sizeof(hl__shared) - offsetof(hl__shared, posted);

    for (int i = 0; i < SLOTS; i++)
        hl__channel_post(sides.channel, hl__channel_claim(sides.channel), &head);
    memcpy(sides.worker->posted, data, size < room ? size : room);
    for (int slot = 0; slot < SLOTS; slot++) {
        fuzz_require(hl__channel_begun(sides.channel, slot) != hl__channel_withdraw(sides.channel, slot));
        check_wait(sides.channel, slot);
        hl__channel_release(sides.channel, slot);
    }
    check_fault(sides.channel);
    hl__channel_attend(sides.channel);
    fuzz_require(hl__channel_claim(sides.channel) == 0);
    hl__channel_post(sides.channel, 0, &head);
    close_sides(&sides);
}

static void hear(const uint8_t *data, size_t size)
{
    hl__report_head head;
    char text[HL__REPORT_MAX];
    int ends[2];
    int heard;

    fuzz_require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    fuzz_require(size == 0 || send(ends[1], data, size, MSG_NOSIGNAL) == (ssize_t)size);
    heard = hl__worker_heard(ends[0], &head, text);
    fuzz_require(heard >= -1 && heard <= (size > 0));
    if (heard == 1) {
        fuzz_require(head.kind >= HL__REPORT_READY && head.kind <= HL__REPORT_SWITCHED);
        fuzz_require(head.text_len < sizeof(text) && text[head.text_len] == '\0');
        for (size_t i = 0; i < head.text_len; i++)
            fuzz_require((unsigned char)text[i] >= ' ' && text[i] != 0x7f);
    }
    close(ends[0]);
    close(ends[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t message = size < 2 ? 0 : data[0] + 256u * data[1];

    if (size < 2)
        return 0;
    if (message > size - 2)
        message = size - 2;
    hear(data + 2, message);
    read_memory(data + 2 + message, size - 2 - message);
    return 0;
}

#ifndef HL_TEST_LIBFUZZER

/* What an honest worker would have left: every request begun and answered, a fault, a refusal. */
static void what_an_honest_worker_leaves_is_understood(void **state)
{
    hl__report_head head = {HL__REPORT_REFUSED, HL_ERR_LIBRARY, 15, 7, 0, 9};
    struct iovec parts[] = {{&head, sizeof(head)}, {"a reason.", 9}};
    hl__reply_head reply;
    char text[HL__REPORT_MAX];
    sides sides = open_sides();
    int ends[2];

    (void)state;
    hl__channel_post(sides.channel, hl__channel_claim(sides.channel), &(hl__request_head){.function = 1});
    sides.worker->posted[0] |= HL__BEGUN;
    sides.worker->replies[0] = (hl__shared_reply){.turn = 1, .verdict = 5, .len = 64};
    sides.worker->fault = (hl__fault){SIGSEGV, 1, 4096};
    assert_int_equal(hl__channel_wait(sides.channel, 0, -1, 0, 0, &reply), HL__REPLIED);
    assert_int_equal(reply.verdict, 5);
    assert_int_equal(reply.len, 64);
    assert_int_equal(hl__channel_fault(sides.channel).address, 4096);
    close_sides(&sides);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    assert_true(writev(ends[1], parts, 2) > 0);
    assert_int_equal(hl__worker_heard(ends[0], &head, text), 1);
    assert_string_equal(text, "a reason.");
    close(ends[0]);
    close(ends[1]);
}

static void kept_memories_and_messages_get_an_answer(void **state)
{
    (void)state;
    assert_true(fuzz_corpus("channel") >= 4);
}

static void damaged_memories_and_messages_get_an_answer(void **state)
{
    (void)state;
    assert_true(fuzz_damage("channel", NULL, NULL) >= 1000);
}

static void messages_of_every_length_get_an_answer(void **state)
{
    static uint8_t message[2 * HL__REPORT_MAX];
    hl__report_head head = {HL__REPORT_READY, 0, 0, 0, 0, 0};

    (void)state;
    for (size_t len = sizeof(head); len <= sizeof(message); len += 13) {
        head.text_len = (uint32_t)(len - sizeof(head));
        memcpy(message, &head, sizeof(head));
        hear(message, len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_honest_worker_leaves_is_understood),
        cmocka_unit_test(kept_memories_and_messages_get_an_answer),
        cmocka_unit_test(damaged_memories_and_messages_get_an_answer),
        cmocka_unit_test(messages_of_every_length_get_an_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif

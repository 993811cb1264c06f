/* A worker that lies. Started in the place of hookline-worker; its entry's name says which lie it tells. It writes the
 * shared memory by itself, as a plugin could that has taken over its process. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/channel_layout.h"
#include "worker/start.h"

static hl__shared *shared;
static size_t shared_bytes;
static int memory;
static int wakers[HL__SLOTS_MAX];
static uint32_t slots;

static void receive_channel(void)
{
    static char bytes[HL__PLAN_MAX];
    union {
        char bytes[CMSG_SPACE(HL__CHANNEL_FDS_MAX * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec part = {bytes, sizeof(bytes)};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    struct stat info;
    int fds[HL__CHANNEL_FDS_MAX];

    if (recvmsg(HL__REPORT_FD, &message, 0) <= 0)
        _exit(3);
    memcpy(fds, CMSG_DATA(&control.align), control.align.cmsg_len - CMSG_LEN(0));
    memory = fds[0];
    memcpy(wakers, fds + 2, sizeof(wakers));
    if (fstat(memory, &info) != 0)
        _exit(4);
    shared_bytes = (size_t)info.st_size;
    shared = (hl__shared *)mmap(NULL, shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    if (shared == MAP_FAILED)
        _exit(5);
    slots = shared->slots;
}

static void say(uint32_t kind, int32_t status, uint32_t text_len, size_t real_len)
{
    static const char text[HL__REPORT_MAX] = "\x1b[31mtext";
    hl__report_head head = {kind, status, 0, 0, 0, text_len};
    struct iovec parts[] = {{&head, sizeof(head)}, {(void *)text, real_len}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

    if (sendmsg(HL__REPORT_FD, &message, MSG_NOSIGNAL) < 0)
        _exit(6);
}

/* The slot of a request that nobody has begun. */
static int await_request(uint64_t *turn)
{
    for (uint32_t slot = 0;; slot = (slot + 1) % slots) {
        uint64_t posted = __atomic_load_n(&shared->posted[slot], __ATOMIC_ACQUIRE);

        if (posted == 0 || (posted & HL__BEGUN))
            continue;
        __atomic_store_n(&shared->posted[slot], posted | HL__BEGUN, __ATOMIC_RELEASE);
        *turn = posted >> 1;
        return (int)slot;
    }
}

static void reply(int slot, uint64_t turn, int64_t verdict, uint32_t len)
{
    hl__shared_reply *to = &shared->replies[slot];

    to->verdict = verdict;
    to->len = len;
    to->flags = 0;
    __atomic_store_n(&to->turn, turn, __ATOMIC_RELEASE);
    if (write(wakers[slot], "", 1) < 0)
        _exit(7);
}

/* What the caller expects: the verdict is the function that it asked for. */
static int64_t honest(int slot)
{
    return shared->requests[slot].head.function;
}

/* ---- lies ---- */

static void tell_long(int slot, uint64_t turn)
{
    reply(slot, turn, honest(slot), (uint32_t)shared->area_bytes + 1);
}

static void tell_huge(int slot, uint64_t turn)
{
    reply(slot, turn, honest(slot), UINT32_MAX);
}

/* The second time with another verdict, most often when the first one has been taken. */
static void tell_twice(int slot, uint64_t turn)
{
    reply(slot, turn, honest(slot), 0);
    usleep(1000);
    reply(slot, turn, honest(slot) + 1000, 0);
}

static void tell_old(int slot, uint64_t turn)
{
    reply(slot, turn - 1, honest(slot), 0);
}

static void tell_future(int slot, uint64_t turn)
{
    reply(slot, turn + 1, honest(slot), 0);
}

/* The answer to one request in the place of another. */
static void tell_other(int slot, uint64_t turn)
{
    reply((slot + 1) % (int)slots, turn, honest(slot), 0);
}

/* After the caller has given up. */
static void tell_late(int slot, uint64_t turn)
{
    usleep(100000);
    reply(slot, turn, honest(slot), 0);
}

/* Wakes and never replies. */
static void tell_nothing(int slot, uint64_t turn)
{
    (void)turn;
    fcntl(wakers[slot], F_SETFL, 0);
    while (write(wakers[slot], "many bytes at once", 18) > 0)
        ;
}

/* Wakes as much as the pipe takes, at any moment. */
static void tell_flood(int slot, uint64_t turn)
{
    static const char many[65536];

    (void)turn;
    while (write(wakers[slot], many, sizeof(many)) > 0 || errno == EAGAIN)
        ;
}

/* Closes what it should wake with, and dies at leisure. */
static void tell_closed(int slot, uint64_t turn)
{
    (void)turn;
    close(wakers[slot]);
    pause();
}

static void tell_wavering(int slot, uint64_t turn)
{
    hl__shared_reply *to = &shared->replies[slot];

    reply(slot, turn, honest(slot), 0);
    while (__atomic_load_n(&shared->posted[slot], __ATOMIC_ACQUIRE) >> 1 == turn) {
        __atomic_store_n(&to->len, UINT32_MAX, __ATOMIC_RELAXED);
        __atomic_store_n(&to->len, 8, __ATOMIC_RELAXED);
    }
}

/* Everything, again and again, with numbers that grow from nothing. */
static void tell_scribble(int slot, uint64_t turn)
{
    uint64_t *words = (uint64_t *)shared;
    uint64_t noise = turn + (uint64_t)slot;

    for (;;)
        for (size_t i = 0; i < sizeof(*shared) / sizeof(*words); i++) {
            noise = noise * UINT64_C(6364136223846793005) + 1442695040888963407;
            __atomic_store_n(&words[i], noise >> (noise >> 58), __ATOMIC_RELAXED);
        }
}

/* Takes the memory away, as far as it can. */
static void tell_hole(int slot, uint64_t turn)
{
    bool shrunk = ftruncate(memory, 0) == 0 || fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE) == 0;

    fallocate(memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)shared_bytes);
    reply(slot, turn, shrunk ? 1 : 2, 0);
}

static void tell_fault(int slot, uint64_t turn)
{
    (void)turn;
    shared->fault.slot = 77 + slot;
    shared->fault.address = UINT64_MAX;
    shared->fault.signal = SIGSEGV;
    _exit(0);
}

static void tell_signal(int slot, uint64_t turn)
{
    (void)slot;
    (void)turn;
    shared->fault.signal = 9999;
    _exit(0);
}

/* Says that it sleeps, and does not take what it is woken with. */
static void tell_asleep(int slot, uint64_t turn)
{
    reply(slot, turn, honest(slot), 0);
    for (;;)
        __atomic_store_n(&shared->asleep, 1, __ATOMIC_RELAXED);
}

typedef struct lie {
    const char *name;
    void (*tell)(int slot, uint64_t turn);
} lie;

static const lie lies[] = {{"long", tell_long},         {"huge", tell_huge},         {"twice", tell_twice},
                           {"old", tell_old},           {"future", tell_future},     {"other", tell_other},
                           {"late", tell_late},         {"nothing", tell_nothing},   {"closed", tell_closed},
                           {"wavering", tell_wavering}, {"scribble", tell_scribble}, {"hole", tell_hole},
                           {"fault", tell_fault},       {"signal", tell_signal},     {"asleep", tell_asleep},
                           {"flood", tell_flood}};

/* ---- lies on the report socket, told at once ---- */

static void send_descriptor(void)
{
    hl__report_head head = {HL__REPORT_READY, 0, 0, 0, 0, 0};
    struct iovec part = {&head, sizeof(head)};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {.align = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};

    memcpy(CMSG_DATA(&control.align), &memory, sizeof(memory));
    if (sendmsg(HL__REPORT_FD, &message, MSG_NOSIGNAL) < 0)
        _exit(6);
}

static void report(const char *how)
{
    if (strcmp(how, "report-short") == 0 && write(HL__REPORT_FD, "short", 5) < 0)
        _exit(6);
    else if (strcmp(how, "report-long") == 0)
        say(HL__REPORT_READY, 0, HL__REPORT_MAX, HL__REPORT_MAX);
    else if (strcmp(how, "report-text") == 0)
        say(HL__REPORT_READY, 0, 4000, 9);
    else if (strcmp(how, "report-kind") == 0)
        say(99, 0, 0, 0);
    else if (strcmp(how, "report-success") == 0)
        say(HL__REPORT_REFUSED, 0, 0, 0);
    else if (strcmp(how, "report-colour") == 0)
        say(HL__REPORT_REFUSED, -1, 9, 9);
    else if (strcmp(how, "report-end") == 0)
        close(HL__REPORT_FD);
    else if (strcmp(how, "report-descriptor") == 0)
        send_descriptor();
    else
        say(HL__REPORT_READY, 0, 0, 0);
}

int main(int argc, char **argv)
{
    const lie *told = NULL;

    if (argc != 4)
        return 2;
    hl__child_begin((pid_t)atol(argv[1]), 0);
    receive_channel();
    report(argv[3]);
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
        if (strcmp(lies[i].name, argv[3]) == 0)
            told = &lies[i];
    for (;;) {
        uint64_t turn;
        int slot = await_request(&turn);

        if (told)
            told->tell(slot, turn);
        else
            reply(slot, turn, honest(slot), 0);
    }
}

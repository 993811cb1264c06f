/* The worker's side of a channel. Called by start_worker.c and by services; links libc only. It may trust the
 * server. */
#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/channel_layout.h"
#include "worker/look.h"

static struct {
    hl__shared *shared;
    uint32_t slots;
    int bell;
    int wakers[HL__SLOTS_MAX];
    uint64_t turn[HL__SLOTS_MAX]; /* of the request that is being answered */
    uint32_t orders;              /* that were seen */
    int32_t serving;              /* slot; -1: none */
} me = {.serving = -1};

/* ---- attaching --------------------------------------------------------------------------------------------------- */

static bool map(int fd, size_t *bytes)
{
    struct stat info;
    void *mapped;

    if (fstat(fd, &info) != 0 || (size_t)info.st_size < sizeof(hl__shared))
        return false;
    mapped = mmap(NULL, (size_t)info.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED)
        return false;
    me.shared = (hl__shared *)mapped;
    *bytes = (size_t)info.st_size;
    return true;
}

bool hl__serve_attach(const int *fds, size_t fds_len, size_t *bytes)
{
    if (fds_len < 3 || fds_len > HL__CHANNEL_FDS_MAX || !map(fds[0], bytes))
        return false;
    close(fds[0]);
    if (me.shared->magic != HL__CHANNEL_MAGIC || me.shared->slots != fds_len - 2)
        return false;
    me.slots = me.shared->slots;
    me.bell = fds[1];
    for (uint32_t i = 0; i < me.slots; i++)
        me.wakers[i] = fds[2 + i];
    return true;
}

/* ---- taking a request -------------------------------------------------------------------------------------------- */

/* The slot whose request was posted first, or -1. */
static int first_posted(uint64_t *posted)
{
    int first = -1;

    for (uint32_t i = 0; i < me.slots; i++) {
        uint64_t word = __atomic_load_n(&me.shared->posted[i], __ATOMIC_ACQUIRE);

        if (word == 0 || (word & HL__BEGUN) || (first >= 0 && word > *posted))
            continue;
        first = (int)i;
        *posted = word;
    }
    return first;
}

/* The request that was posted first, as the worker's from now on. A request that the server takes back at this moment
 * is not taken, but the next one is. */
static int begin_first(uint64_t *turn)
{
    for (;;) {
        uint64_t posted = 0;
        int slot = first_posted(&posted);

        *turn = posted >> 1;
        if (slot < 0 || __atomic_compare_exchange_n(&me.shared->posted[slot], &posted, posted | HL__BEGUN, false,
                                                    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return slot;
    }
}

static bool take(hl__served *out)
{
    uint64_t turn;
    int slot = begin_first(&turn);

    if (slot < 0)
        return false;
    me.turn[slot] = turn;
    me.serving = slot;
    __atomic_store_n(&me.shared->processor, sched_getcpu(), __ATOMIC_RELAXED);
    out->slot = slot;
    out->head = me.shared->requests[slot].head;
    out->area_bytes = me.shared->area_bytes;
    out->area = (unsigned char *)me.shared + me.shared->areas_at + (size_t)slot * me.shared->area_bytes;
    return true;
}

static bool has_orders(void)
{
    uint32_t orders = __atomic_load_n(&me.shared->orders, __ATOMIC_ACQUIRE);
    bool fresh = orders != me.orders;

    me.orders = orders;
    return fresh;
}

/* Whether there is something to do. */
static bool next(bool *ordered, hl__served *out)
{
    *ordered = has_orders();
    return *ordered || take(out);
}

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

static bool look(bool *ordered, hl__served *out)
{
    uint32_t look_ns = __atomic_load_n(&me.shared->look_ns, __ATOMIC_RELAXED);
    uint64_t end_ns;

    if (next(ordered, out))
        return true;
    if (!look_ns)
        return false;
    end_ns = hl__look_now_ns() + look_ns;
    do
        for (int i = 0; i < HL__LOOKS; i++) {
            if (next(ordered, out))
                return true;
            hl__look_pause();
        }
    while (hl__look_now_ns() < end_ns);
    return false;
}

/* False when the server has gone. */
static bool sleep_until_woken(void)
{
    char bytes[64];
    ssize_t got = read(me.bell, bytes, sizeof(bytes));

    return got > 0 || (got < 0 && errno == EINTR);
}

bool hl__serve_next(bool *ordered, hl__served *out)
{
    while (!look(ordered, out)) {
        bool found, goes_on = true;

        __atomic_store_n(&me.shared->asleep, 1, __ATOMIC_RELAXED);
        /* Either the server sees this, or its request is seen here. */
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        found = next(ordered, out);
        if (!found)
            goes_on = sleep_until_woken();
        __atomic_store_n(&me.shared->asleep, 0, __ATOMIC_RELAXED);
        if (found || !goes_on)
            return goes_on;
    }
    return true;
}

/* ---- replying ---------------------------------------------------------------------------------------------------- */

void hl__serve_reply(const hl__served *served, const hl__reply_head *reply)
{
    hl__shared_reply *shared = &me.shared->replies[served->slot];

    me.serving = -1;
    __atomic_store_n(&shared->verdict, reply->verdict, __ATOMIC_RELAXED);
    __atomic_store_n(&shared->len, reply->len, __ATOMIC_RELAXED);
    __atomic_store_n(&shared->flags, reply->flags, __ATOMIC_RELAXED);
    __atomic_store_n(&shared->turn, me.turn[served->slot], __ATOMIC_RELEASE);
    /* Either this sees that the caller sleeps, or the caller, before it sleeps, sees the reply. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(&me.shared->requests[served->slot].waiting, __ATOMIC_RELAXED))
        while (write(me.wakers[served->slot], "", 1) < 0 && errno == EINTR)
            ;
}

void hl__serve_fault(int signal, uint64_t address)
{
    if (!me.shared)
        return;
    __atomic_store_n(&me.shared->fault.slot, me.serving, __ATOMIC_RELAXED);
    __atomic_store_n(&me.shared->fault.address, address, __ATOMIC_RELAXED);
    __atomic_store_n(&me.shared->fault.signal, signal, __ATOMIC_RELEASE);
}

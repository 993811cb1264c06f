/* Making channels, and handing requests over. Called by pools and by hl__worker_start. */
#include "worker/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "core/error.h"
#include "worker/channel_server.h"

#define ACTION "start worker"
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
#define AREA_ALIGN ((size_t)4096)
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

/* ---- making ------------------------------------------------------------------------------------------------------ */

static size_t round_up(size_t bytes, size_t to)
{
    return (bytes + to - 1) / to * to;
}

static hl_status fail_system(const char *what)
{
    if (errno == ENOMEM)
        return hl__fail_memory(ACTION);
    return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "channel", "%s cannot be made for a worker", what);
}

/* Older kernels do not know that memory may be marked as never executable; newer ones may insist on it. */
static int make_memory(void)
{
    int fd = memfd_create("hookline-channel", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

    if (fd < 0 && errno == EINVAL)
        fd = memfd_create("hookline-channel", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd;
}

static hl_status map_memory(hl__channel *channel)
{
    void *mapped;

    channel->memory = make_memory();
    if (channel->memory < 0 || ftruncate(channel->memory, (off_t)channel->shared_bytes) != 0 ||
        fcntl(channel->memory, F_ADD_SEALS, SEALS) != 0)
        return fail_system("Shared memory");
    mapped = mmap(NULL, channel->shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, channel->memory, 0);
    if (mapped == MAP_FAILED)
        return fail_system("Shared memory");
    channel->shared = (hl__shared *)mapped;
    channel->shared->magic = HL__CHANNEL_MAGIC;
    channel->shared->slots = channel->slots;
    channel->shared->area_bytes = channel->area_bytes;
    channel->shared->areas_at = channel->areas_at;
    return HL_OK;
}

static hl_status make_pipe(int *reader, int *writer)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
        return fail_system("A pipe");
    *reader = fds[0];
    *writer = fds[1];
    return HL_OK;
}

/* The worker sleeps in reading it. */
static hl_status make_bell(hl__channel *channel)
{
    hl_status status = make_pipe(&channel->bell_reader, &channel->bell);

    if (status == HL_OK && fcntl(channel->bell_reader, F_SETFL, 0) != 0)
        status = fail_system("A pipe");
    return status;
}

static bool add(int set, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};

    return epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* Edge-triggered, so that a wake needs no reading: each one is told, as long as the pipe has room for it. */
static hl_status make_set(hl__channel *channel, uint32_t slot)
{
    int set = epoll_create1(EPOLL_CLOEXEC);

    channel->sets[slot] = set;
    if (set < 0 || !add(set, channel->woken[slot], EPOLLIN | EPOLLET) || !add(set, channel->timer, EPOLLIN) ||
        !add(set, channel->disturbance, EPOLLIN))
        return fail_system("An epoll set");
    return HL_OK;
}

static hl_status make_fds(hl__channel *channel)
{
    hl_status status = make_bell(channel);

    channel->disturbance = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    channel->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (status == HL_OK && (channel->disturbance < 0 || channel->timer < 0))
        status = fail_system("An eventfd");
    for (uint32_t i = 0; status == HL_OK && i < channel->slots; i++) {
        status = make_pipe(&channel->woken[i], &channel->wakers[i]);
        if (status == HL_OK)
            status = make_set(channel, i);
    }
    return status;
}

static bool several_processors(void)
{
    cpu_set_t processors;

    return sched_getaffinity(0, sizeof(processors), &processors) != 0 || CPU_COUNT(&processors) > 1;
}

static hl__channel *new_channel(uint32_t slots, size_t bytes)
{
    hl__channel *channel = (hl__channel *)calloc(1, sizeof(*channel));

    if (!channel)
        return NULL;
    channel->slots = slots;
    channel->free = (uint32_t)((UINT64_C(1) << slots) - 1);
    channel->area_bytes = bytes;
    channel->areas_at = round_up(sizeof(hl__shared), AREA_ALIGN);
    channel->shared_bytes = channel->areas_at + slots * bytes;
    channel->may_look = several_processors();
    channel->memory = channel->bell_reader = channel->bell = channel->disturbance = channel->timer = -1;
    pthread_mutex_init(&channel->timer_lock, NULL);
    for (uint32_t i = 0; i < HL__SLOTS_MAX; i++)
        channel->woken[i] = channel->wakers[i] = channel->sets[i] = channel->pidfds[i] = -1;
    return channel;
}

static hl_status check_measures(uint32_t slots, size_t bytes)
{
    if (slots < 1 || slots > HL__SLOTS_MAX)
        return hl__fail(HL_ERR_INVALID, ACTION, "slots", "%u slots are asked for; give 1 to %d.", slots, HL__SLOTS_MAX);
    if (bytes < 1 || bytes > HL__CHANNEL_BYTES_MAX)
        return hl__fail(HL_ERR_LIMIT, ACTION, "bytes", "A call has %zu bytes; a worker takes 1 to %zu.", bytes,
                        HL__CHANNEL_BYTES_MAX);
    return HL_OK;
}

hl_status hl__channel_new(uint32_t slots, size_t bytes, hl__channel **out)
{
    hl__channel *channel;
    hl_status status = check_measures(slots, bytes);

    if (status != HL_OK)
        return status;
    channel = new_channel(slots, round_up(bytes, AREA_ALIGN));
    if (!channel)
        return hl__fail_memory(ACTION);
    status = map_memory(channel);
    if (status == HL_OK)
        status = make_fds(channel);
    if (status != HL_OK) {
        hl__channel_free(channel);
        return status;
    }
    *out = channel;
    return HL_OK;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void hl__channel_free(hl__channel *channel)
{
    if (!channel)
        return;
    hl__channel_given(channel);
    for (uint32_t i = 0; i < channel->slots; i++) {
        close_fd(&channel->sets[i]);
        close_fd(&channel->woken[i]);
    }
    close_fd(&channel->bell_reader);
    close_fd(&channel->bell);
    close_fd(&channel->disturbance);
    close_fd(&channel->timer);
    pthread_mutex_destroy(&channel->timer_lock);
    if (channel->shared)
        munmap(channel->shared, channel->shared_bytes);
    free(channel);
}

size_t hl__channel_fds(const hl__channel *channel, int fds[HL__CHANNEL_FDS_MAX])
{
    fds[0] = channel->memory;
    fds[1] = channel->bell_reader;
    memcpy(fds + 2, channel->wakers, channel->slots * sizeof(fds[0]));
    return 2 + channel->slots;
}

void hl__channel_given(hl__channel *channel)
{
    close_fd(&channel->memory);
    for (uint32_t i = 0; i < channel->slots; i++)
        close_fd(&channel->wakers[i]);
}

/* ---- slots ------------------------------------------------------------------------------------------------------- */

int hl__channel_claim(hl__channel *channel)
{
    uint32_t free = __atomic_load_n(&channel->free, __ATOMIC_RELAXED);

    while (free) {
        uint32_t rest = free & (free - 1);

        if (__atomic_compare_exchange_n(&channel->free, &free, rest, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return __builtin_ctz(free);
    }
    return -1;
}

void hl__channel_release(hl__channel *channel, int slot)
{
    __atomic_store_n(&channel->turn[slot], 0, __ATOMIC_RELAXED);
    __atomic_fetch_or(&channel->free, UINT32_C(1) << slot, __ATOMIC_RELEASE);
}

void *hl__channel_area(hl__channel *channel, int slot)
{
    return (unsigned char *)channel->shared + channel->areas_at + (size_t)slot * channel->area_bytes;
}

size_t hl__channel_area_bytes(const hl__channel *channel)
{
    return channel->area_bytes;
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

/* A full pipe wakes as well as one more byte would. */
static void wake(int fd)
{
    while (write(fd, "", 1) < 0 && errno == EINTR)
        ;
}

void hl__channel_post(hl__channel *channel, int slot, const hl__request_head *head)
{
    hl__shared *shared = channel->shared;
    uint64_t turn = __atomic_add_fetch(&channel->turns, 1, __ATOMIC_RELAXED);

    __atomic_store_n(&channel->turn[slot], turn, __ATOMIC_RELAXED);
    shared->requests[slot].head = *head;
    __atomic_store_n(&shared->posted[slot], HL__POSTED(turn), __ATOMIC_RELEASE);
    /* Either this sees that the worker is asleep, or the worker, before it sleeps, sees the request. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(&shared->asleep, __ATOMIC_RELAXED) && __atomic_exchange_n(&shared->asleep, 0, __ATOMIC_RELAXED))
        wake(channel->bell);
}

bool hl__channel_begun(const hl__channel *channel, int slot)
{
    uint64_t posted = __atomic_load_n(&channel->shared->posted[slot], __ATOMIC_ACQUIRE);

    return posted != HL__POSTED(__atomic_load_n(&channel->turn[slot], __ATOMIC_RELAXED));
}

bool hl__channel_withdraw(hl__channel *channel, int slot)
{
    uint64_t posted = HL__POSTED(channel->turn[slot]);

    return __atomic_compare_exchange_n(&channel->shared->posted[slot], &posted, 0, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

int32_t hl__channel_processor(const hl__channel *channel)
{
    return __atomic_load_n(&channel->shared->processor, __ATOMIC_RELAXED);
}

void hl__channel_disturb(hl__channel *channel)
{
    uint64_t one = 1;

    __atomic_store_n(&channel->disturbed, true, __ATOMIC_RELEASE);
    while (write(channel->disturbance, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}

void hl__channel_attend(hl__channel *channel)
{
    __atomic_fetch_add(&channel->shared->orders, 1, __ATOMIC_RELEASE);
    wake(channel->bell);
}

hl__fault hl__channel_fault(const hl__channel *channel)
{
    const hl__fault *shared = &channel->shared->fault;
    hl__fault fault = {__atomic_load_n(&shared->signal, __ATOMIC_ACQUIRE), -1, 0};

    if (fault.signal <= 0 || fault.signal >= NSIG)
        return (hl__fault){0, 0, 0};
    fault.slot = __atomic_load_n(&shared->slot, __ATOMIC_RELAXED);
    if (fault.slot < -1 || fault.slot >= (int32_t)channel->slots)
        fault.slot = -1;
    fault.address = __atomic_load_n(&shared->address, __ATOMIC_RELAXED);
    return fault;
}

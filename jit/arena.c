/* Executable memory for chains: see arena.h for the contract.
 *
 * Forked children go on running the chains they were born with, in pages that they share with the parent. So after a
 * fork the parent moves to a copy of the file, mapped over the old one at the same address, before it writes again. One
 * lock serves all arenas and is held across fork: a fork falls between two writes, never into one. */
#include "jit/arena.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/error.h"
#include "jit/extents.h"
#include "jit/memfile.h"
#include "jit/place.h"
#include "jit/unwind.h"

#define COLLIDING 8 /* lines */
#define LINE 32     /* unit of blocks: half a cache line, so that less is lost behind each chain */
#define REACH_MARGIN (UINT64_C(1) << 16)
#define DATA_REACH (UINT64_C(1) << 31)
#define BYTES_LEAST ((size_t)16 << 20)
#define PLACES_TRIED 4

#if defined(__x86_64__)
#define CALL_REACH (UINT64_C(1) << 31)
#define BYTES_WANTED ((size_t)256 << 20)
static const uint8_t trap[] = {0xcc};
#else
#define CALL_REACH (UINT64_C(1) << 27)
#define BYTES_WANTED ((size_t)32 << 20) /* three arenas, such as those of three runtimes, reach the same code */
static const uint8_t trap[] = {0x00, 0x00, 0x20, 0xd4};
#endif

struct hl__arena {
    uint8_t *base;
    size_t bytes;
    int fd;
    uint64_t forks; /* `forks` below when the file was made */
    size_t used;    /* nothing behind this has been written */
    hl__extents lines;
    hl__unwind *unwind;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint64_t forks;

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork_in_parent(void)
{
    forks++;
    pthread_mutex_unlock(&lock);
}

static void after_fork_in_child(void)
{
    pthread_mutex_unlock(&lock);
}

static void set_up(void)
{
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
    syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0);
}

static hl_status refused(int error, const char *what)
{
    return hl__fail_errno(HL_ERR_COMPILE, error, "compile", "memory",
                          "there is no executable memory: %s failed; allow memory files to be mapped executable", what);
}

static void *map_at(int fd, size_t bytes, uint64_t at, int flags)
{
    return mmap((void *)(uintptr_t)at, bytes, PROT_READ | PROT_EXEC, MAP_SHARED | flags, fd, 0);
}

/* Near the anchor when there is a place, anywhere else otherwise. */
static void *map_near(int fd, size_t bytes, uint64_t anchor)
{
    for (int i = 0; i < PLACES_TRIED; i++) {
        uint64_t at = hl__place_near(anchor, bytes);
        void *base = at ? map_at(fd, bytes, at, MAP_FIXED_NOREPLACE) : MAP_FAILED;

        if (base != MAP_FAILED)
            return base;
        if (!at || errno != EEXIST)
            break;
    }
    return map_at(fd, bytes, 0, 0);
}

static hl_status map_arena(hl__arena *arena, uint64_t anchor)
{
    const char *failed = "making a memory file";
    int error;

    for (size_t bytes = BYTES_WANTED; bytes >= BYTES_LEAST; bytes /= 2) {
        void *base;

        arena->fd = hl__memfile_new("hookline-code", bytes, true);
        if (arena->fd < 0)
            continue;
        base = map_near(arena->fd, bytes, anchor);
        if (base != MAP_FAILED) {
            arena->base = base;
            arena->bytes = bytes;
            return HL_OK;
        }
        failed = "mapping it";
        error = errno;
        close(arena->fd);
        errno = error;
    }
    return refused(errno, failed);
}

hl_status hl__arena_new(uint64_t anchor, hl__arena **out)
{
    hl__arena *arena = calloc(1, sizeof(*arena));
    hl_status status;

    if (!arena)
        return hl__fail_memory("compile");
    pthread_once(&once, set_up);
    pthread_mutex_lock(&lock);
    arena->forks = forks;
    pthread_mutex_unlock(&lock);
    status = map_arena(arena, anchor);
    if (status != HL_OK)
        goto out;
    if (!hl__extents_init(&arena->lines, arena->bytes / LINE)) {
        munmap(arena->base, arena->bytes);
        close(arena->fd);
        status = hl__fail_memory("compile");
        goto out;
    }
    arena->unwind = hl__unwind_register((uint64_t)(uintptr_t)arena->base, arena->bytes);
    *out = arena;
    arena = NULL;
out:
    free(arena);
    return status;
}

void hl__arena_destroy(hl__arena *arena)
{
    if (!arena)
        return;
    hl__unwind_forget(arena->unwind);
    munmap(arena->base, arena->bytes);
    close(arena->fd);
    hl__extents_cleanup(&arena->lines);
    free(arena);
}

static hl__range range_of(const hl__arena *arena, uint64_t far)
{
    uint64_t base = (uint64_t)(uintptr_t)arena->base;
    uint64_t end = base + arena->bytes;
    uint64_t below = far - REACH_MARGIN;

    return (hl__range){end > below ? end - below : 1, base + below};
}

hl__reach hl__arena_reach(const hl__arena *arena)
{
    return (hl__reach){range_of(arena, CALL_REACH), range_of(arena, DATA_REACH)};
}

/* Chains that follow each other at multiples of 256 bytes have their calls in the same places of the processor's branch
 * targets, which costs a thousand of them a twentieth: their blocks have a line more. */
static size_t lines_of(size_t bytes)
{
    size_t lines = (bytes + LINE - 1) / LINE;

    return lines % COLLIDING ? lines : lines + 1;
}

hl_status hl__arena_alloc(hl__arena *arena, size_t bytes, hl__block *out)
{
    size_t at;
    bool taken;

    if (!bytes || bytes > arena->bytes)
        return hl__fail(HL_ERR_COMPILE, "compile", "memory", "a chain's code of %zu bytes fits no arena", bytes);
    pthread_mutex_lock(&lock);
    taken = hl__extents_take(&arena->lines, lines_of(bytes), &at);
    pthread_mutex_unlock(&lock);
    if (!taken)
        return hl__fail(HL_ERR_COMPILE, "compile", "memory", "the code arena of %zu bytes is full", arena->bytes);
    *out = (hl__block){arena, at * LINE, bytes};
    return HL_OK;
}

uint64_t hl__arena_address(const hl__block *block)
{
    return (uint64_t)(uintptr_t)block->arena->base + block->at;
}

/* Leaves the file to the children that were forked since it was made. Running code is not disturbed: the copy has the
 * same bytes at the same addresses. */
static int make_private(hl__arena *arena)
{
    int fd;
    int error;

    if (arena->forks == forks)
        return 0;
    fd = hl__memfile_new("hookline-code", arena->bytes, true);
    if (fd < 0)
        return errno;
    error = hl__memfile_write(fd, arena->base, arena->used, 0);
    if (!error && map_at(fd, arena->bytes, (uint64_t)(uintptr_t)arena->base, MAP_FIXED) == MAP_FAILED)
        error = errno;
    if (error) {
        close(fd);
        return error;
    }
    close(arena->fd);
    arena->fd = fd;
    arena->forks = forks;
    return 0;
}

/* The block's bytes with traps up to the end of its last line; all traps without code. */
static uint8_t *padded(const hl__block *block, const uint8_t *code, size_t *len)
{
    uint8_t *bytes;

    *len = lines_of(block->bytes) * LINE;
    bytes = malloc(*len);
    if (!bytes)
        return NULL;
    for (size_t i = 0; i < *len; i++)
        bytes[i] = trap[i % sizeof(trap)];
    if (code)
        memcpy(bytes, code, block->bytes);
    return bytes;
}

static int write_block(const hl__block *block, const uint8_t *code)
{
    hl__arena *arena = block->arena;
    size_t len;
    uint8_t *bytes = padded(block, code, &len);
    int error;

    if (!bytes)
        return ENOMEM;
    error = make_private(arena);
    if (!error)
        error = hl__memfile_write(arena->fd, bytes, len, block->at);
    if (!error && block->at + len > arena->used)
        arena->used = block->at + len;
    free(bytes);
    return error;
}

hl_status hl__arena_write(const hl__block *block, const uint8_t *code)
{
    char *start = (char *)(uintptr_t)hl__arena_address(block);
    int error;

    pthread_mutex_lock(&lock);
    error = write_block(block, code);
    pthread_mutex_unlock(&lock);
    if (error)
        return hl__fail_errno(HL_ERR_COMPILE, error, "compile", "memory",
                              "code could not be written to its memory file");
    __builtin___clear_cache(start, start + block->bytes);
    return HL_OK;
}

/* Other processors may have fetched what the block held before. Where the kernel cannot help, x86-64 does without. */
void hl__arena_sync(void)
{
    syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0);
}

/* That the traps could not be written is no reason to keep the block: whoever gets it next writes it in full. */
void hl__arena_free(const hl__block *block)
{
    pthread_mutex_lock(&lock);
    write_block(block, NULL);
    hl__extents_give(&block->arena->lines, block->at / LINE, lines_of(block->bytes));
    pthread_mutex_unlock(&lock);
}

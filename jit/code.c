/* The compiled chains of one compiler: choosing an arena, reading objects, placing functions. */
#include "jit/code.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "jit/wire.h"

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#else
#define MACHINE EM_AARCH64
#endif

struct hl__code {
    hl__block block;
};

/* Fresh, or appended to when the file is ours already: other runtimes of the process write rows too. */
static int open_perf_map(void)
{
    char path[64];
    struct stat info;
    int fd;

    snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
    fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0 && (fstat(fd, &info) < 0 || info.st_uid != geteuid() || !S_ISREG(info.st_mode))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

void hl__code_room_init(hl__code_room *room, bool perf_map)
{
    *room = (hl__code_room){.perf_map = perf_map ? open_perf_map() : -1};
}

void hl__code_room_cleanup(hl__code_room *room)
{
    for (size_t i = 0; i < room->arenas_len; i++)
        hl__arena_destroy(room->arenas[i]);
    if (room->perf_map >= 0)
        close(room->perf_map);
    *room = (hl__code_room){.perf_map = -1};
}

static uint64_t call_of(const hl__unit *unit, size_t i)
{
    return (uint64_t)(uintptr_t)unit->steps[i].call;
}

static size_t count_near(const hl__unit *unit, const hl__arena *arena)
{
    hl__reach reach = hl__arena_reach(arena);
    size_t near = 0;

    for (size_t i = 0; i < unit->steps_len; i++)
        near += call_of(unit, i) >= reach.calls.low && call_of(unit, i) <= reach.calls.high;
    return near;
}

/* The arena that reaches most of the unit's plugins; NULL while there is none. */
static hl__arena *best_arena(const hl__code_room *room, const hl__unit *unit, size_t *near)
{
    hl__arena *best = NULL;

    *near = 0;
    for (size_t i = 0; i < room->arenas_len; i++) {
        size_t count = count_near(unit, room->arenas[i]);

        if (!best || count > *near) {
            best = room->arenas[i];
            *near = count;
        }
    }
    return best;
}

/* A chain that has less than half of its plugins near gets an arena in its neighbourhood, while there may be more. */
hl_status hl__code_arena(hl__code_room *room, const hl__unit *unit, hl__arena **out)
{
    size_t near;
    hl_status status;

    *out = best_arena(room, unit, &near);
    if (*out && (2 * near >= unit->steps_len || room->arenas_len == HL__ARENAS_MAX))
        return HL_OK;
    status = hl__arena_new(call_of(unit, unit->steps_len / 2), &room->arenas[room->arenas_len]);
    if (status != HL_OK)
        return *out ? HL_OK : status;
    room->arenas_len++;
    *out = best_arena(room, unit, &near);
    return HL_OK;
}

static bool read_all(int fd, uint8_t *bytes, size_t len)
{
    size_t at = 0;

    while (at < len) {
        ssize_t got = pread(fd, bytes + at, len - at, (off_t)at);

        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        at += got > 0 ? (size_t)got : 0;
    }
    return true;
}

hl_status hl__code_read(int fd, uint8_t **bytes, hl__object *out)
{
    struct stat info;

    *bytes = NULL;
    if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode) || info.st_size <= 0 ||
        (uint64_t)info.st_size > HL__WIRE_OBJECT_MAX)
        return hl__fail(HL_ERR_COMPILE, "compile", "object", "hookline-jit sent something that is no object file");
    *bytes = malloc((size_t)info.st_size);
    if (!*bytes)
        return hl__fail_memory("compile");
    if (!read_all(fd, *bytes, (size_t)info.st_size))
        return hl__fail(HL_ERR_COMPILE, "compile", "object", "the compiled object cannot be read");
    return hl__object_open(*bytes, (size_t)info.st_size, MACHINE, out);
}

static hl_status write_function(const hl__object *object, const hl__function *function, const hl__block *block)
{
    uint8_t *bytes = malloc(function->bytes);
    hl_status status;

    if (!bytes)
        return hl__fail_memory("compile");
    status = hl__object_place(object, function, hl__arena_address(block), bytes);
    if (status == HL_OK)
        status = hl__arena_write(block, bytes);
    free(bytes);
    return status;
}

hl_status hl__code_place(const hl__object *object, const char *symbol, hl__arena *arena, hl__compiled *out)
{
    hl__function function;
    hl__code *code = NULL;
    hl_status status = hl__object_find(object, symbol, &function);

    if (status != HL_OK)
        return status;
    code = malloc(sizeof(*code));
    if (!code)
        return hl__fail_memory("compile");
    status = hl__arena_alloc(arena, function.bytes, &code->block);
    if (status != HL_OK)
        goto out;
    status = write_function(object, &function, &code->block);
    if (status != HL_OK) {
        hl__arena_free(&code->block);
        goto out;
    }
    *out = (hl__compiled){(hl__chain_fn *)(uintptr_t)hl__arena_address(&code->block), function.bytes, code};
    code = NULL;
out:
    free(code);
    return status;
}

/* One write for a row, so that rows of several threads stay whole. A row that cannot be written is only not seen. */
void hl__code_announce(const hl__code_room *room, const hl__compiled *compiled, const char *label)
{
    char row[1024];
    int len;

    if (room->perf_map < 0)
        return;
    len = snprintf(row, sizeof(row), "%" PRIxPTR " %zx hookline:%.900s\n", (uintptr_t)compiled->entry,
                   compiled->code_bytes, label);
    if (write(room->perf_map, row, (size_t)len) != len)
        return;
}

void hl__code_release(hl__code *code)
{
    if (!code)
        return;
    hl__arena_free(&code->block);
    free(code);
}

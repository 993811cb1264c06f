/* Watched calls, and what a plugin may ask about its own; see watch.h. */
#include "core/watch.h"

#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>

#include "core/isolate.h"
#include "core/runtime.h"

uint64_t hl__watch_tick __attribute__((aligned(64)));
uint64_t hl__watch_tick_ns;

/* The time first, then the plugin: whoever reads them the other way round takes no call for older than it is. */
static inline void enter(hl__thread_row *row, uint32_t len, hl__watch *watch)
{
    uint64_t tick = __atomic_load_n(&hl__watch_tick, __ATOMIC_RELAXED);
    uint64_t level = row->public.place & 0xff;

    if (len < HL__DEPTH_MAX) {
        __atomic_store_n(&row->watched[len].since, tick << HL__LEVEL_BITS | level, __ATOMIC_RELAXED);
        __atomic_store_n(&row->watched[len].watch, watch, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&row->watched_len, len + 1, __ATOMIC_RELEASE);
}

hl_reply hl__watched_call(void *opaque, void *state, const void *meta)
{
    hl__watch *watch = opaque;
    hl__thread_row *row = hl__thread_row_self;
    uint32_t len;
    hl_reply reply;

    if (HL_UNLIKELY(!row))
        return watch->call(watch->self, state, meta);
    len = row->watched_len;
    enter(row, len, watch);
    reply = watch->call(watch->self, state, meta);
    __atomic_store_n(&row->watched_len, len, __ATOMIC_RELEASE);
    return reply;
}

/* ---- setting up ---- */

void hl__watch_isolate(hl__watch *watch, const char *isolation)
{
    hl_isolation *read = NULL;

    watch->deadline_ms = 0;
    if (isolation[0] && !hl__isolation_in_worker(isolation) && hl__isolation_read(isolation, &read) == HL_OK)
        watch->deadline_ms = read->deadline_ms;
    free(read);
}

/* Where the library is mapped that has the plugin's function. Older C libraries tell it only with a lock that nobody
 * frees in a child which is forked meanwhile. */
#if __GLIBC_PREREQ(2, 35)

static void set_range(hl__watch *watch)
{
    struct dl_find_object found;

    if (_dl_find_object((void *)(uintptr_t)watch->call, &found) != 0)
        return;
    watch->code_begin = (uint64_t)(uintptr_t)found.dlfo_map_start;
    watch->code_end = (uint64_t)(uintptr_t)found.dlfo_map_end;
}

#else

typedef struct code_range {
    uint64_t address, begin, end;
} code_range;

static int find_range(struct dl_phdr_info *object, size_t size, void *user)
{
    code_range *range = user;
    uint64_t begin = UINT64_MAX, end = 0;

    (void)size;
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        uint64_t at = object->dlpi_addr + object->dlpi_phdr[i].p_vaddr;

        if (object->dlpi_phdr[i].p_type != PT_LOAD)
            continue;
        begin = at < begin ? at : begin;
        end = at + object->dlpi_phdr[i].p_memsz > end ? at + object->dlpi_phdr[i].p_memsz : end;
    }
    if (range->address < begin || range->address >= end)
        return 0;
    range->begin = begin;
    range->end = end;
    return 1;
}

static void set_range(hl__watch *watch)
{
    code_range range = {.address = (uint64_t)(uintptr_t)watch->call};

    dl_iterate_phdr(find_range, &range);
    watch->code_begin = range.begin;
    watch->code_end = range.end;
}

#endif

void hl__watch_init(hl__watch *watch, const hl__binding *binding)
{
    static uint64_t serials;

    watch->call = binding->call;
    watch->self = binding->self;
    watch->binding = binding;
    watch->serial = __atomic_add_fetch(&serials, 1, __ATOMIC_RELAXED);
    if (binding->library)
        set_range(watch);
}

void hl__watch_forgive(hl_runtime *runtime, const char *name)
{
    hl__binding *binding = hl__bound_find(runtime, name);

    if (binding)
        binding->watch.out = false;
}

/* ---- what a plugin may ask ---- */

/* When the innermost call that has a deadline should end, and those around it; 0: none has one. */
static uint64_t deadline_ns(const hl__thread_row *row)
{
    uint64_t now_ns = __atomic_load_n(&hl__watch_tick_ns, __ATOMIC_RELAXED);
    uint64_t first = 0;

    for (uint32_t i = 0; i < row->watched_len && i < HL__DEPTH_MAX; i++) {
        const hl__watched *inside = &row->watched[i];
        uint64_t allowed = hl__watch_allowed(inside->watch) + 1, passed = hl__watch_passed(inside);
        uint64_t at = now_ns + allowed * HL__TICK_NS - passed * HL__TICK_NS;

        if (inside->watch->deadline_ms && (!first || at < first))
            first = at;
    }
    return first;
}

HL_API uint64_t hl_call_deadline_ns(void)
{
    const hl__thread_row *row = hl__thread_row_self;

    return row ? deadline_ns(row) : 0;
}

HL_API bool hl_call_is_late(void)
{
    uint64_t at = hl_call_deadline_ns();

    return at && at <= __atomic_load_n(&hl__watch_tick_ns, __ATOMIC_RELAXED);
}

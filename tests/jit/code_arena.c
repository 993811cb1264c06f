/* The code arena: memory stays flat, blocks stay apart, and a system without executable memory is only a reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jit/code.h"
#include "jit/extents.h"
#include "tests/jit/support/chains.h"
#include "tests/jit/support/drive.h"
#include "tests/jit/support/object.h"
#include "tests/support/support.h"

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* ---- the free list, against a model that marks every unit ------------------------------------------------------- */

#define UNITS 2000
#define HANDED_MAX 400

typedef struct handed {
    size_t at;
    size_t len;
} handed;

static void mark(uint8_t *model, const handed *h, uint8_t expected, uint8_t value)
{
    for (size_t i = h->at; i < h->at + h->len; i++) {
        assert_int_equal(model[i], expected);
        model[i] = value;
    }
}

/* The extents are sorted, do not touch, and are exactly what the model has free. */
static void check_extents(const hl__extents *extents, const uint8_t *model)
{
    size_t free_units = 0;
    size_t modelled = 0;

    for (size_t i = 0; i < extents->free_len; i++) {
        const hl__extent *e = &extents->free[i];

        assert_true(e->len > 0 && e->at + e->len <= UNITS);
        assert_true(i == 0 || e[-1].at + e[-1].len < e->at);
        for (size_t u = e->at; u < e->at + e->len; u++)
            assert_int_equal(model[u], 0);
        free_units += e->len;
    }
    for (size_t u = 0; u < UNITS; u++)
        modelled += model[u] == 0;
    assert_int_equal(free_units, modelled);
}

static void random_takes_and_gives_agree_with_a_model(void **state)
{
    static uint8_t model[UNITS];
    static handed out[HANDED_MAX];
    size_t out_len = 0;
    uint64_t seed = 88172645463325252;
    hl__extents extents;

    (void)state;
    assert_true(hl__extents_init(&extents, UNITS));
    for (int i = 0; i < 20000; i++) {
        handed h = {0, 1 + next_random(&seed) % 12};

        if (out_len < HANDED_MAX && next_random(&seed) % 2 && hl__extents_take(&extents, h.len, &h.at)) {
            mark(model, &h, 0, 1);
            out[out_len++] = h;
        } else if (out_len) {
            size_t which = next_random(&seed) % out_len;

            mark(model, &out[which], 1, 0);
            hl__extents_give(&extents, out[which].at, out[which].len);
            out[which] = out[--out_len];
        }
        check_extents(&extents, model);
    }
    while (out_len)
        out_len--, hl__extents_give(&extents, out[out_len].at, out[out_len].len);
    assert_int_equal(extents.free_len, 1);
    assert_int_equal(extents.free[0].len, UNITS);
    hl__extents_cleanup(&extents);
}

static void the_smallest_hole_that_fits_is_filled_first(void **state)
{
    hl__extents extents;
    size_t at[6];
    size_t hole;

    (void)state;
    assert_true(hl__extents_init(&extents, 100));
    for (size_t i = 0; i < 6; i++)
        assert_true(hl__extents_take(&extents, i + 3, &at[i]));
    hl__extents_give(&extents, at[3], 6);
    hl__extents_give(&extents, at[1], 4);
    assert_true(hl__extents_take(&extents, 4, &hole));
    assert_int_equal(hole, at[1]);
    assert_true(hl__extents_take(&extents, 5, &hole));
    assert_int_equal(hole, at[3]);
    assert_false(hl__extents_take(&extents, 100, &hole));
    hl__extents_cleanup(&extents);
}

/* ---- real code --------------------------------------------------------------------------------------------------- */

#define LIVE 64

/* A sanitizer keeps freed memory for a while. */
static long growth_most_kb(void)
{
    return test_sanitized() ? 512 * 1024 : 1024;
}

static void place(const hl__object *object, hl__arena *arena, size_t number, hl__compiled *out)
{
    assert_int_equal(hl__code_place(object, object_symbol(number, "flat"), arena, out), HL_OK);
    hl__arena_sync();
}

static void ten_thousand_loads_and_releases_keep_memory_and_mappings_flat(void **state)
{
    chain *chains[LIVE];
    hl__unit units[LIVE];
    hl__compiled live[LIVE] = {{0}};
    hl__code_room room;
    hl__object object;
    hl__arena *arena;
    hl__reach reach;
    uint64_t seed = 7;
    size_t len;
    uint8_t *bytes;
    size_t maps = 0;
    long rss = 0;

    (void)state;
    if (!HL_TEST_HAVE_JIT)
        skip();
    for (size_t i = 0; i < LIVE; i++) {
        chains[i] = chain_new("flat", 1 + i);
        units[i] = chains[i]->unit;
    }
    hl__code_room_init(&room, false);
    assert_int_equal(hl__code_arena(&room, &units[0], &arena), HL_OK);
    reach = hl__arena_reach(arena);
    bytes = object_make(units, LIVE, &reach, &len);
    assert_int_equal(hl__object_open(bytes, len, OBJECT_MACHINE, &object), HL_OK);
    for (int i = 0; i < 11000; i++) {
        size_t slot = next_random(&seed) % LIVE;
        size_t number = next_random(&seed) % LIVE;

        hl__code_release(live[slot].code);
        place(&object, arena, number, &live[slot]);
        chain_run(&live[slot], NULL, NULL);
        assert_int_equal(trace.calls_len, number + 1);
        if (i == 1000) {
            rss = drive_rss_kb();
            maps = drive_count_maps();
        }
    }
    assert_int_equal(drive_count_maps(), maps);
    assert_true(drive_rss_kb() - rss < growth_most_kb());
    for (size_t i = 0; i < LIVE; i++) {
        hl__code_release(live[i].code);
        free(chains[i]);
    }
    hl__code_room_cleanup(&room);
    free(bytes);
}

static void an_arena_is_within_reach_of_the_code_it_is_made_for(void **state)
{
    const uint64_t anchors[] = {(uint64_t)(uintptr_t)chain_plugin, (uint64_t)(uintptr_t)getpid,
                                (uint64_t)(uintptr_t)hl__arena_new};

    (void)state;
    for (size_t i = 0; i < sizeof(anchors) / sizeof(anchors[0]); i++) {
        hl__arena *arena;
        hl__reach reach;

        assert_int_equal(hl__arena_new(anchors[i], &arena), HL_OK);
        reach = hl__arena_reach(arena);
        assert_in_range(anchors[i], reach.calls.low, reach.calls.high);
        assert_in_range(anchors[i], reach.data.low, reach.data.high);
        hl__arena_destroy(arena);
    }
}

static void arenas_of_three_runtimes_reach_the_same_code(void **state)
{
    const uint64_t anchor = (uint64_t)(uintptr_t)chain_plugin;
    hl__arena *arenas[3];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        hl__reach reach;

        assert_int_equal(hl__arena_new(anchor, &arenas[i]), HL_OK);
        reach = hl__arena_reach(arenas[i]);
        assert_in_range(anchor, reach.calls.low, reach.calls.high);
    }
    for (size_t i = 0; i < 3; i++)
        hl__arena_destroy(arenas[i]);
}

static void blocks_begin_on_multiples_of_32_and_never_overlap(void **state)
{
    hl__arena *arena;
    hl__block blocks[100];

    (void)state;
    assert_int_equal(hl__arena_new(0, &arena), HL_OK);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(hl__arena_alloc(arena, 1 + i * 13, &blocks[i]), HL_OK);
        assert_int_equal(hl__arena_address(&blocks[i]) % 32, 0);
        assert_true(i == 0 || blocks[i].at >= blocks[i - 1].at + blocks[i - 1].bytes);
    }
    for (size_t i = 0; i < 100; i++)
        hl__arena_free(&blocks[i]);
    hl__arena_destroy(arena);
}

static void a_full_arena_says_so_and_takes_again_after_a_release(void **state)
{
    hl__arena *arena;
    hl__block whole;
    hl__block more;
    size_t bytes = (size_t)1 << 32;

    (void)state;
    assert_int_equal(hl__arena_new(0, &arena), HL_OK);
    while (hl__arena_alloc(arena, bytes, &whole) != HL_OK)
        bytes /= 2;
    while (hl__arena_alloc(arena, bytes, &more) == HL_OK)
        ;
    assert_non_null(strstr(hl_last_error()->message, "is full"));
    hl__arena_free(&whole);
    assert_int_equal(hl__arena_alloc(arena, bytes, &more), HL_OK);
    hl__arena_destroy(arena);
}

/* In a child, because the limit cannot be lifted again. */
static int run_without_memory(int resource)
{
    struct rlimit none = {0, 0};
    hl__arena *arena;
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        if (setrlimit(resource, &none) < 0 || hl__arena_new(0, &arena) != HL_ERR_COMPILE)
            _exit(1);
        _exit(strstr(hl_last_error()->message, "there is no executable memory") ? 0 : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void a_process_that_may_have_no_memory_files_gets_a_reason(void **state)
{
    (void)state;
    assert_int_equal(run_without_memory(RLIMIT_FSIZE), 0);
    assert_int_equal(run_without_memory(RLIMIT_NOFILE), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_takes_and_gives_agree_with_a_model),
        cmocka_unit_test(the_smallest_hole_that_fits_is_filled_first),
        cmocka_unit_test(ten_thousand_loads_and_releases_keep_memory_and_mappings_flat),
        cmocka_unit_test(an_arena_is_within_reach_of_the_code_it_is_made_for),
        cmocka_unit_test(arenas_of_three_runtimes_reach_the_same_code),
        cmocka_unit_test(blocks_begin_on_multiples_of_32_and_never_overlap),
        cmocka_unit_test(a_full_arena_says_so_and_takes_again_after_a_release),
        cmocka_unit_test(a_process_that_may_have_no_memory_files_gets_a_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

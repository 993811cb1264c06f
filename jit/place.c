/* Finds room in the address space near given code, by reading the process's own map. Called by arena.c. */
#include "jit/place.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The heap grows upwards into the gap behind it; with less than this it would soon be in the way. */
#define HEAP_ROOM (UINT64_C(1) << 30)
#define GUARD (UINT64_C(1) << 16)
#define LOWEST (UINT64_C(1) << 20)
#define PAGE_MASK (~UINT64_C(0xffff))

typedef struct search {
    uint64_t anchor;
    uint64_t bytes;
    uint64_t best; /* 0: none yet */
    uint64_t best_distance;
} search;

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a < b ? b - a : a - b;
}

/* Considers the gap from `low` to `high`. */
static void consider(search *s, uint64_t low, uint64_t high)
{
    uint64_t at;
    uint64_t far;

    low = (low + GUARD + ~PAGE_MASK) & PAGE_MASK;
    high = (high - GUARD) & PAGE_MASK;
    if (high <= low || high - low < s->bytes)
        return;
    if (s->anchor < low)
        at = low;
    else if (s->anchor > high - s->bytes)
        at = high - s->bytes;
    else
        at = s->anchor & PAGE_MASK;
    far = distance(at, s->anchor);
    if (distance(at + s->bytes, s->anchor) > far)
        far = distance(at + s->bytes, s->anchor);
    if (!s->best || far < s->best_distance) {
        s->best = at;
        s->best_distance = far;
    }
}

uint64_t hl__place_near(uint64_t anchor, size_t bytes)
{
    search s = {.anchor = anchor, .bytes = bytes};
    uint64_t gap = LOWEST;
    uint64_t low;
    uint64_t high;
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "re");

    if (!maps)
        return 0;
    while (fgets(line, sizeof(line), maps)) {
        if (sscanf(line, "%" SCNx64 "-%" SCNx64, &low, &high) != 2)
            continue;
        if (low > gap && !(low >> 63) && !strstr(line, "[stack]"))
            consider(&s, gap, low);
        gap = high + (strstr(line, "[heap]") ? HEAP_ROOM : 0);
    }
    fclose(maps);
    return s.best;
}

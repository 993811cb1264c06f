/* Clocks, medians, and measuring several variants in interleaved rounds. Used by the cases of hookline bench. */
#include <stdlib.h>
#include <time.h>

#include "bench.h"

uint64_t bench_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void bench_sleep_ms(unsigned ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    nanosleep(&time, NULL);
}

uint64_t bench_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

double bench_quantile(double *values, size_t len, double part)
{
    size_t at = (size_t)(part * (double)len);

    qsort(values, len, sizeof(*values), compare);
    return values[at < len ? at : len - 1];
}

double bench_median(double *values, size_t len)
{
    return bench_quantile(values, len, 0.5);
}

/* The first quarter only warms caches and branch predictors: another variant has run since. */
static double measure(const bench_variant *variant, void *user, size_t times)
{
    uint64_t begin;

    variant->run(user, times / 4);
    begin = bench_now_ns();
    variant->run(user, times);
    return (double)(bench_now_ns() - begin) / (double)times;
}

int bench_side_by_side(bench *b, bench_variant *variants, size_t variants_len, void *user, size_t times, size_t rounds,
                       int (*check)(void *user, size_t times))
{
    size_t count = b->rounds ? b->rounds : rounds;
    double *ns = malloc(variants_len * count * sizeof(*ns));
    int code = TOOL_DONE;

    if (!ns)
        return tool_error(b->context, TOOL_REFUSED, HL_ERR_NO_MEMORY, "", "There is no memory for the rounds.");
    for (size_t round = 0; code == TOOL_DONE && round < count; round++) {
        for (size_t i = 0; code == TOOL_DONE && i < variants_len; i++) {
            size_t at = (round + i) % variants_len;

            ns[at * count + round] = measure(&variants[at], user, times);
            code = check(user, times / 4 + times);
        }
    }
    for (size_t i = 0; i < variants_len; i++)
        variants[i].ns = bench_median(&ns[i * count], count);
    free(ns);
    return code;
}

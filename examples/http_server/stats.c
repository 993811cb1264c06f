/* Histograms and the list of chain changes. See stats.h. */
#include "stats.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Log-linear: 32 steps in each power of two, so that a bucket is at most 3 % wide. Up to 2^40 ns, 18 minutes. */
#define STEPS 32
#define STEPS_LOG2 5
#define POWERS 36
#define BUCKETS (STEPS * POWERS)

#define NOTICES_MAX 8192

/* Every thread counts in a block of its own: counting in shared ones would itself take the time it measures. */
struct block {
    struct block *next;
    uint64_t counts[STATS__EVENTS][BUCKETS];
};

struct row {
    hl_notice_kind kind;
    uint64_t at_ns;
    uint64_t generation;
    char event[32];
    char reason[160];
};

static struct block *blocks;
static __thread struct block *own_block;

static pthread_mutex_t rows_lock = PTHREAD_MUTEX_INITIALIZER;
static struct row *rows;
static size_t rows_len;
static uint64_t rows_lost;

uint64_t stats_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* ---- histograms ------------------------------------------------------------------------------------------------ */

static size_t bucket_of(uint64_t ns)
{
    unsigned power;
    size_t bucket;

    if (ns < STEPS)
        return (size_t)ns;
    power = 63U - (unsigned)__builtin_clzll(ns);
    bucket = (power - STEPS_LOG2 + 1) * STEPS + ((ns >> (power - STEPS_LOG2)) & (STEPS - 1));
    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

/* The largest time that falls into a bucket. */
static uint64_t bucket_most_ns(size_t bucket)
{
    size_t power = bucket / STEPS;

    if (power == 0)
        return bucket;
    return ((uint64_t)(STEPS + bucket % STEPS + 1) << (power - 1)) - 1;
}

static struct block *block_new(void)
{
    struct block *block = calloc(1, sizeof(*block));

    if (!block)
        return NULL;
    block->next = __atomic_load_n(&blocks, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&blocks, &block->next, block, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        ;
    return block;
}

void stats_count(enum stats_event event, uint64_t elapsed_ns)
{
    uint64_t *count;

    if (!own_block)
        own_block = block_new();
    if (!own_block)
        return;
    count = &own_block->counts[event][bucket_of(elapsed_ns)];
    __atomic_store_n(count, *count + 1, __ATOMIC_RELAXED);
}

static uint64_t count_of(enum stats_event event, size_t bucket)
{
    uint64_t count = 0;

    for (struct block *block = __atomic_load_n(&blocks, __ATOMIC_ACQUIRE); block; block = block->next)
        count += __atomic_load_n(&block->counts[event][bucket], __ATOMIC_RELAXED);
    return count;
}

/* ---- changes of chains ----------------------------------------------------------------------------------------- */

void stats_notice(const hl_notice *notice)
{
    struct row row = {.kind = notice->kind, .at_ns = stats_now_ns(), .generation = notice->generation};

    if (notice->kind != HL_NOTICE_SWAPPED && notice->kind != HL_NOTICE_COMPILED &&
        notice->kind != HL_NOTICE_COMPILE_FAILED)
        return;
    snprintf(row.event, sizeof(row.event), "%s", notice->event);
    snprintf(row.reason, sizeof(row.reason), "%s", notice->reason);
    pthread_mutex_lock(&rows_lock);
    if (!rows)
        rows = malloc(NOTICES_MAX * sizeof(*rows));
    if (rows && rows_len < NOTICES_MAX)
        rows[rows_len++] = row;
    else
        rows_lost++;
    pthread_mutex_unlock(&rows_lock);
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

static void write_text(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', file);
        fputc((unsigned char)*text < ' ' ? ' ' : *text, file);
    }
    fputc('"', file);
}

/* [most_ns, count] for each bucket that is not empty. */
static void write_histogram(FILE *file, enum stats_event event)
{
    const char *separator = "";

    for (size_t bucket = 0; bucket < BUCKETS; bucket++) {
        uint64_t count = count_of(event, bucket);

        if (!count)
            continue;
        fprintf(file, "%s[%llu,%llu]", separator, (unsigned long long)bucket_most_ns(bucket),
                (unsigned long long)count);
        separator = ",";
    }
}

static const char *kind_word(hl_notice_kind kind)
{
    if (kind == HL_NOTICE_SWAPPED)
        return "swapped";
    return kind == HL_NOTICE_COMPILED ? "compiled" : "compile-failed";
}

static void write_rows(FILE *file)
{
    pthread_mutex_lock(&rows_lock);
    for (size_t i = 0; i < rows_len; i++) {
        fprintf(file, "%s{\"kind\":\"%s\",\"at_ns\":%llu,\"generation\":%llu,\"event\":", i ? "," : "",
                kind_word(rows[i].kind), (unsigned long long)rows[i].at_ns, (unsigned long long)rows[i].generation);
        write_text(file, rows[i].event);
        fputs(",\"reason\":", file);
        write_text(file, rows[i].reason);
        fputc('}', file);
    }
    fprintf(file, "],\"notices_lost\":%llu", (unsigned long long)rows_lost);
    pthread_mutex_unlock(&rows_lock);
}

void stats_write(FILE *file)
{
    static const char *const names[STATS__EVENTS] = {"request", "response", "log"};

    fputs("{\"dispatch\":{", file);
    for (int event = 0; event < STATS__EVENTS; event++) {
        fprintf(file, "%s\"%s\":[", event ? "," : "", names[event]);
        write_histogram(file, (enum stats_event)event);
        fputc(']', file);
    }
    fputs("},\"notices\":[", file);
    write_rows(file);
    fputc('}', file);
}

void stats_free(void)
{
    struct block *block = blocks;

    while (block) {
        struct block *next = block->next;

        free(block);
        block = next;
    }
    blocks = NULL;
    free(rows);
    rows = NULL;
    rows_len = 0;
}

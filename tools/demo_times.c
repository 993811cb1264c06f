/* Times of `hookline demo`: what the server's histograms and notices say about the changes. All times are readings of
 * CLOCK_MONOTONIC, which the server, the commands and the demo share. */
#include <stdlib.h>
#include <string.h>

#include "demo.h"
#include "servers.h"

/* ---- when a change was there ----------------------------------------------------------------------------------- */

static bool is_notice(const json_t *notice, const char *kind, const char *event)
{
    return strcmp(value_text(notice, "kind"), kind) == 0 && strcmp(value_text(notice, "event"), event) == 0;
}

/* The first notice of a kind over an event, of `generation` or later, not before a time. */
static const json_t *find_notice(const json_t *notices, const char *kind, const char *event, uint64_t from_ns,
                                 uint64_t generation)
{
    size_t i;
    json_t *notice;

    json_array_foreach (notices, i, notice) {
        if (is_notice(notice, kind, event) && value_count(notice, "at_ns") >= from_ns &&
            value_count(notice, "generation") >= generation)
            return notice;
    }
    return NULL;
}

static void set_time(json_t *change, const char *key, const json_t *notice, uint64_t from_ns)
{
    if (notice)
        json_object_set_new(change, key, json_integer((json_int_t)(value_count(notice, "at_ns") - from_ns)));
}

static void match(json_t *change, const json_t *notices)
{
    const char *event = value_text(change, "event");
    uint64_t asked_ns = value_count(change, "asked_ns");
    const json_t *swapped = find_notice(notices, "swapped", event, asked_ns, 0);

    if (!swapped)
        return;
    set_time(change, "visible_ns", swapped, asked_ns);
    set_time(change, "compiled_ns",
             find_notice(notices, "compiled", event, asked_ns, value_count(swapped, "generation")), asked_ns);
}

void demo_times_match(json_t *changes, const json_t *notices)
{
    size_t i;
    json_t *change;

    json_array_foreach (changes, i, change)
        match(change, notices);
}

static int by_size(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

    return (a > b) - (a < b);
}

uint64_t demo_times_median(const json_t *changes, const char *key)
{
    uint64_t *values = calloc(json_array_size(changes) + 1, sizeof(*values));
    uint64_t median = 0;
    size_t len = 0;
    size_t i;
    json_t *change;

    if (!values)
        return 0;
    json_array_foreach (changes, i, change) {
        if (json_object_get(change, key))
            values[len++] = value_count(change, key);
    }
    qsort(values, len, sizeof(*values), by_size);
    if (len > 0)
        median = values[len / 2];
    free(values);
    return median;
}

/* ---- percentiles ----------------------------------------------------------------------------------------------- */

static uint64_t bucket_most(const json_t *bucket)
{
    return (uint64_t)json_integer_value(json_array_get(bucket, 0));
}

static uint64_t bucket_count(const json_t *bucket)
{
    return (uint64_t)json_integer_value(json_array_get(bucket, 1));
}

/* What came into a bucket since the earlier reading, which has its buckets in the same order; *at goes along. */
static uint64_t bucket_gain(const json_t *bucket, const json_t *before, size_t *at)
{
    while (*at < json_array_size(before) && bucket_most(json_array_get(before, *at)) < bucket_most(bucket))
        (*at)++;
    if (*at < json_array_size(before) && bucket_most(json_array_get(before, *at)) == bucket_most(bucket))
        return bucket_count(bucket) - bucket_count(json_array_get(before, *at));
    return bucket_count(bucket);
}

/* The time that `share` of the dispatches did not exceed; share 1: of all, with *total as their number. */
static uint64_t quantile(const json_t *before, const json_t *after, double share, uint64_t *total)
{
    uint64_t sum = 0, wanted = (uint64_t)((double)*total * share);
    uint64_t most = 0;
    size_t at = 0, i;
    json_t *bucket;

    json_array_foreach (after, i, bucket) {
        uint64_t gain = bucket_gain(bucket, before, &at);

        sum += gain;
        most = gain ? bucket_most(bucket) : most;
        if (share < 1 && sum > wanted)
            return most;
    }
    *total = sum;
    return most;
}

static json_t *dispatch_row(const char *event, const char *phase, const json_t *before, const json_t *after)
{
    uint64_t total = 0;
    uint64_t most = quantile(before, after, 1, &total);

    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "event", event, "phase", phase, "dispatches",
                     (json_int_t)total, "p50_ns", (json_int_t)quantile(before, after, 0.5, &total), "p99_ns",
                     (json_int_t)quantile(before, after, 0.99, &total), "p999_ns",
                     (json_int_t)quantile(before, after, 0.999, &total), "most_ns", (json_int_t)most);
}

json_t *demo_times_dispatch(const json_t *before, const json_t *after, const char *phase)
{
    json_t *rows = json_array();
    const char *event;
    json_t *buckets;

    json_object_foreach (json_object_get(after, "dispatch"), event, buckets)
        json_array_append_new(rows, dispatch_row(event, phase,
                                                 json_object_get(json_object_get(before, "dispatch"), event), buckets));
    return rows;
}

bool demo_times_read(struct demo *demo, json_t **out)
{
    char *text = demo_load_get(demo->port, "/stats");

    *out = text ? json_loads(text, 0, NULL) : NULL;
    free(text);
    if (*out)
        return true;
    /* The likeliest reason is that the server is gone, which says more. */
    demo_sleep(demo, demo_now_ns() + 100 * DEMO_NS_PER_MS);
    return demo_fail(demo, "The server did not give out its times at /stats.");
}

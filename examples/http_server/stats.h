/* What the server measures of itself when it is started with --stats: the time of each dispatch, as histograms, and
 * when its chains changed. Served as JSON at /stats; `hookline demo` makes its report of it. */
#ifndef STATS_H
#define STATS_H

#include <stdio.h>

#include <hookline/hookline.h>

enum stats_event { STATS_REQUEST, STATS_RESPONSE, STATS_LOG, STATS__EVENTS };

/* CLOCK_MONOTONIC, which all processes of a machine share. */
uint64_t stats_now_ns(void);

/* Counts one dispatch. From any thread; threads do not wait for each other. */
void stats_count(enum stats_event event, uint64_t elapsed_ns);

/* Remembers a swapped, compiled or failed chain with the time of now; other notices are ignored. */
void stats_notice(const hl_notice *notice);

/* Writes everything as one JSON object. */
void stats_write(FILE *file);

/* Gives the memory back, when no thread counts any more. */
void stats_free(void);

#endif

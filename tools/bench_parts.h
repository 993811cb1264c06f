/* What the libraries that hookline bench compares with export. They are built in bench/, lie in libexec/hookline/bench,
 * and are opened at run time, so that plugins and hand-written chains are as far away as in a real server. Included by
 * tools/bench*.c and by bench/. */
#ifndef HL_TOOLS_BENCH_PARTS_H
#define HL_TOOLS_BENCH_PARTS_H

#include <hookline/plugin.h>

#define BENCH_FUNCTIONS 256
#define BENCH_STATE_FUNCTIONS 16
#define BENCH_SIZES 3     /* 4, 16 and 64 plugins on one event */
#define BENCH_EVENTS 1000 /* of BENCH_EVENT_PLUGINS each */
#define BENCH_EVENT_PLUGINS 8
#define BENCH_LIBRARIES 40 /* of BENCH_LIBRARY_PLUGINS each, over BENCH_EVENTS events */
#define BENCH_LIBRARY_PLUGINS 250

/* A hand-written chain: what a person writes who knows the plugins at build time. */
typedef struct bench_chain {
    hl_reply (*call)(void *state, const void *meta); /* NULL: there is none */
    uint32_t plugins_len;
    const uint8_t *plugins; /* numbers of the plugin functions, in order */
} bench_chain;

/* plugins.so: function number i adds i + 1 to the counter that `self` points to. bench_counters has one for each. */
typedef uint64_t bench_counters_table[BENCH_FUNCTIONS];
typedef hl_call_fn *bench_functions_table[BENCH_FUNCTIONS];
#define BENCH_COUNTERS "bench_counters"
#define BENCH_FUNCTION_TABLE "bench_functions"

/* plugins.so: function number i adds i + 1 to the counter that `state` points to, so that threads share nothing. */
typedef hl_call_fn *bench_state_functions_table[BENCH_STATE_FUNCTIONS];
#define BENCH_STATE_FUNCTION_TABLE "bench_state_functions"

/* handwritten.so */
#define BENCH_CHAIN_SIZES "bench_chain_sizes"   /* bench_chain[BENCH_SIZES] */
#define BENCH_CHAIN_EVENTS "bench_chain_events" /* bench_chain[BENCH_EVENTS] */
#define BENCH_CHAIN_STATE "bench_chain_state"   /* bench_chain[1], of the state functions */

/* library-NN.so: plugin number N = NN * BENCH_LIBRARY_PLUGINS + i is on event "open-EEE", where EEE is
 * N % BENCH_EVENTS, and adds N to the counter that `state` points to. */

/* installed-1.so and installed-10.so: templates of apps with 1 and 10 plugins. The marks in them are replaced, in a
 * copy, by numbers of as many digits: the app's number, and its group's. Plugin k, "bench-APP-k", is on event
 * "installed-GROUP-k" and adds APP * 10 + k to the counter that `state` points to. The library is "bench-APP". */
#define BENCH_APP_MARK "@APP@"
#define BENCH_GROUP_MARK "@GRP@"
#define BENCH_MARK_LEN 5

/* lmdb.so: bare LMDB. Functions return 0, or LMDB's error. */
typedef struct bench_lmdb {
    int (*open)(const char *directory, void **out);
    int (*put)(void *env, unsigned key, const void *value, size_t value_bytes); /* one transaction, synchronous */
    void (*close)(void *env);
    /* The largest value of a store's table of plugins; the store must not be open in this process. */
    int (*record_bytes)(const char *directory, size_t *out);
    const char *(*error_text)(int error);
} bench_lmdb;
#define BENCH_LMDB "bench_lmdb_functions"

#endif

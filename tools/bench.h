/* What the cases of hookline bench share: one run of it, rows of the table, clocks, and the libraries that it compares
 * with. Included by tools/bench*.c only. */
#ifndef HL_TOOLS_BENCH_H
#define HL_TOOLS_BENCH_H

#include <math.h>
#include <sched.h>

#include "bench_parts.h"
#include "tool.h"

/* ---- one run --------------------------------------------------------------------------------------------------- */

typedef struct bench_parts {
    uint64_t *counters;                 /* bench_counters_table */
    hl_call_fn *const *functions;       /* bench_functions_table */
    hl_call_fn *const *state_functions; /* bench_state_functions_table */
    const bench_chain *sizes;           /* [BENCH_SIZES] */
    const bench_chain *events;          /* [BENCH_EVENTS] */
    const bench_chain *state;           /* one */
    const bench_lmdb *lmdb;
} bench_parts;

typedef struct bench {
    struct context *context;
    bool quick;
    size_t rounds;     /* of interleaved measuring; 0: each case's own number */
    const char *where; /* folder for stores */
    char work[4096];   /* this run's own folder in it */
    bench_parts parts;
    bool compiler; /* chains can be compiled here */
    bool titles_printed;
    size_t goals;
    size_t missed;
} bench;

typedef struct bench_case {
    const char *name;
    const char *help;
    int (*run)(bench *b); /* returns an enum tool_exit */
    bool slow;            /* left out of a quick run that names no case */
} bench_case;

int bench_dispatch_one(bench *b);
int bench_dispatch_thousand(bench *b);
int bench_dispatch_ten_thousand(bench *b);
int bench_threads(bench *b);
int bench_register(bench *b);
int bench_churn(bench *b);
int bench_flat(bench *b);
int bench_open(bench *b);
int bench_notice(bench *b);
int bench_worker(bench *b);
int bench_install(bench *b); /* bench_no_installer.c, where there is none */

/* What other processes of a case run: hookline bench --child NAME ARGUMENT... */
int bench_open_child(bench *b, int argc, char **argv);
int bench_notice_child(bench *b, int argc, char **argv);
int bench_flat_child(bench *b, int argc, char **argv);
int bench_worker_bare_child(bench *b, int argc, char **argv);
int bench_install_large_child(bench *b, int argc, char **argv);
int bench_install_replay_child(bench *b, int argc, char **argv);

/* ---- bench_parts.c --------------------------------------------------------------------------------------------- */

int bench_parts_open(bench *b);
/* Path of a file of libexec/hookline/bench. Returns `buffer`. */
const char *bench_part_path(const char *file, char *buffer, size_t buffer_len);
/* Starts this program as a child: hookline bench --child NAME ARGUMENT. Its standard output is readable at *out_fd. */
int bench_child_start(bench *b, const char *name, const char *argument, pid_t *pid, int *out_fd);
/* Waits for a child's end; it must have exited with 0. */
int bench_child_end(bench *b, pid_t pid);

/* ---- bench_work.c: the run's folder ------------------------------------------------------------------------------ */

int bench_work_make(bench *b);
void bench_work_remove(bench *b);
void bench_folder_remove(const char *path); /* with all that is in it */
/* "lmdb:FOLDER/name" in the run's folder. Returns `buffer`. */
const char *bench_store_url(const bench *b, const char *name, char *buffer, size_t buffer_len);

/* ---- bench_bare.c ---------------------------------------------------------------------------------------------- */

/* Bare LMDB in a new folder of the run's; closed by the functions of lmdb.so. */
int bench_bare_open(bench *b, const char *name, void **out);
/* Tells of an error of these functions. */
int bench_bare_fail(bench *b, int error);

/* ---- bench_table.c --------------------------------------------------------------------------------------------- */

typedef enum bench_goal {
    BENCH_NO_GOAL,
    BENCH_RATIO_MOST,
    BENCH_RATIO_LEAST,
    BENCH_NS_MOST,
    BENCH_VALUE_MOST
} bench_goal;

/* One line of the result. What is not given stays 0; times and ratios of 0 are not printed. */
typedef struct bench_row {
    const char *name; /* of the case */
    const char *what; /* one variant of it, for people */
    const char *engine;
    size_t plugins; /* of a chain */
    size_t events;
    double ns; /* median */
    double p99_ns, p999_ns;
    double ratio;         /* to the baseline */
    const char *baseline; /* what it is compared with */
    double value;         /* of rows that are no time */
    const char *unit;     /* of value; NULL: the row has none */
    bench_goal goal_kind;
    double goal;
} bench_row;

void bench_print(bench *b, const bench_row *row);
/* A line for people about what comes next; nothing with --json. */
void bench_say(bench *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Tells that an answer was wrong. Returns TOOL_REFUSED. */
int bench_wrong(bench *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- bench_measure.c ------------------------------------------------------------------------------------------- */

uint64_t bench_now_ns(void);
void bench_sleep_ms(unsigned ms);
uint64_t bench_random(uint64_t *seed);
/* The value below which `part` (0..1) of the values lie. Sorts them. */
double bench_quantile(double *values, size_t len, double part);
double bench_median(double *values, size_t len);

/* Something that is measured beside others: does `times` dispatches. */
typedef struct bench_variant {
    const char *what;
    const char *engine;
    void (*run)(void *user, size_t times);
    double ns; /* result: median of the rounds, for one dispatch */
} bench_variant;

/* Measures variants in interleaved rounds, the first one another each round. After each window `check` is asked whether
 * the answers are right. Rounds: the run's own number, or `rounds`. */
int bench_side_by_side(bench *b, bench_variant *variants, size_t variants_len, void *user, size_t times, size_t rounds,
                       int (*check)(void *user, size_t times));

/* ---- bench_processors.c: who runs where -------------------------------------------------------------------------- */

/* Those that the calling thread may run on. */
typedef struct bench_processors {
    cpu_set_t all;
    size_t len;
} bench_processors;

bench_processors bench_processors_now(void);
/* Keeps a thread or a process (0: the calling thread) on one of them, by number; does nothing when there are fewer. */
void bench_processors_keep(const bench_processors *processors, pid_t pid, size_t number);
void bench_processors_free(const bench_processors *processors, pid_t pid);

/* ---- bench_footprint.c: what a process holds --------------------------------------------------------------------- */

long bench_rss_kib(pid_t pid);
long bench_mappings(pid_t pid);
long bench_file_mappings(pid_t pid); /* of libraries, data and compiled code; without stacks and memory of threads */

/* ---- bench_chains.c: runtimes with chains of the bench's plugin functions ---------------------------------------- */

/* Opens a runtime on `store` with this engine at most. */
int bench_runtime(bench *b, const char *store, hl_engine engine, hl_runtime **out);
/* Event names: "PREFIX-00017". */
void bench_event_name(char *out, size_t out_len, size_t event);
/* The spec of a chain's plugin, whose names live in `names`. */
typedef struct bench_names {
    char plugin[48];
    char event[32];
} bench_names;
hl_plugin_spec bench_spec(const bench *b, const bench_chain *chain, size_t event, size_t place, bench_names *names);
/* Opens `len` events and registers the chains on them, in as few transactions as is sensible. */
int bench_chains_register(bench *b, hl_runtime *runtime, const bench_chain *chains, size_t len, hl_event **events);
/* Waits until all is compiled; refuses when an event is not though it could be. */
int bench_chains_compiled(bench *b, hl_runtime *runtime, hl_event *const *events, size_t len);
/* Checks that each of the events calls each of its plugins once. */
int bench_chains_check(bench *b, const bench_chain *chains, hl_event *const *events, size_t len);

#endif

/* What the parts of `hookline demo` share: the one demo of a run, waiting, child processes, changes, times, the report.
 * Included by tools/demo*.c only. */
#ifndef HL_TOOLS_DEMO_H
#define HL_TOOLS_DEMO_H

#include <limits.h>
#include <sys/types.h>

#include "tool.h"

#define DEMO_NS_PER_MS UINT64_C(1000000)
#define DEMO_NS_PER_S UINT64_C(1000000000)

struct load;

/* A process that we started. */
struct demo_child {
    pid_t pid;  /* 0: none */
    int pidfd;  /* readable when it has ended */
    int input;  /* our end of its standard input, which keeps it alive; -1: none */
    int output; /* our end of its standard output */
};

#define DEMO_CHILD_NONE                                                                                                \
    {                                                                                                                  \
        0, -1, -1, -1                                                                                                  \
    }

struct demo {
    struct context *context;
    const char *input; /* file whose lines are run; NULL: HTTP */
    unsigned long seconds, threads, requests;

    char command[PATH_MAX];  /* this program */
    char examples[PATH_MAX]; /* folder of the example server and its plugins */
    char folder[PATH_MAX];   /* temporary; "" when there is none */
    char store[PATH_MAX];
    char log[PATH_MAX]; /* what the children write to standard error */

    int signals; /* readable when the user wants it to end */
    struct demo_child server;
    char line[256]; /* of the server's output that is not complete */
    size_t line_len;
    bool ready;      /* the server has said that it serves */
    unsigned port;   /* of HTTP */
    bool first_pass; /* with --input: the file was run over once */
    struct load *load;
    uint64_t load_begun_ns;

    uint64_t begun_ns;
    char failure[768]; /* why the demo fails; "" while it does not */
    json_t *report;    /* all that is known, and what is printed in the end */
};

/* ---- demo.c ---- */
uint64_t demo_now_ns(void); /* CLOCK_MONOTONIC */
/* Remembers the first failure; returns false. */
bool demo_fail(struct demo *demo, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line of progress with the time since the beginning; nothing with --json. */
void demo_say(const struct demo *demo, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- demo_process.c: folder, server, commands ---- */
enum demo_wait { DEMO_READY, DEMO_TIME, DEMO_FAILED };
/* Waits until `fd` (-1: none) can be read, or until_ns. A signal, or the end of the server, is a failure. */
enum demo_wait demo_wait(struct demo *demo, int fd, uint64_t until_ns);
bool demo_sleep(struct demo *demo, uint64_t until_ns);
bool demo_prepare(struct demo *demo);      /* programs, folder, signals */
bool demo_server_start(struct demo *demo); /* returns when it serves */
/* Takes what the server has said; waits for it until until_ns when there is nothing. */
bool demo_server_listen(struct demo *demo, uint64_t until_ns);
/* Ends it, and gives its last output to the caller (out NULL: drops it). False when it did not end cleanly. */
bool demo_server_end(struct demo *demo, char **out);
/* Runs this program with --json, --store and the arguments, and gives back what it printed. */
bool demo_command(struct demo *demo, const char *const *arguments, json_t **out);
/* Ends what still runs and removes the folder. */
void demo_cleanup(struct demo *demo);

/* ---- demo_changes.c: the changes that the demo makes ---- */
bool demo_changes_run(struct demo *demo); /* one after the other, with the chains before and after */
bool demo_changes_churn(struct demo *demo, uint64_t until_ns); /* the same two without pause */
bool demo_chains(struct demo *demo, json_t **out);             /* event -> {chain, engine}, as the server has it */
bool demo_engine(struct demo *demo);                           /* reports the engine, and why it is not a faster one */

/* ---- demo_times.c: what the server measured ---- */
/* Adds visible_ns and compiled_ns to every change, from the server's notices. */
void demo_times_match(json_t *changes, const json_t *notices);
/* Rows of percentiles for each event between two readings of its histograms. */
json_t *demo_times_dispatch(const json_t *before, const json_t *after, const char *phase);
bool demo_times_read(struct demo *demo, json_t **out); /* what the server has counted until now */
/* The median of a member over the changes that have it; 0 when none has. */
uint64_t demo_times_median(const json_t *changes, const char *key);

/* ---- demo_load.c: requests over loopback ---- */
struct demo_load_counts {
    uint64_t served, failed;
    char failure[160]; /* of the first that failed */
};
struct load *demo_load_start(unsigned port, unsigned threads, uint64_t requests, uint64_t until_ns);
void demo_load_counts(struct load *load, struct demo_load_counts *out);
void demo_load_stop(struct load *load, struct demo_load_counts *out); /* NULL is a no-op */
/* The body of one answer as a new text; NULL when it could not be had. */
char *demo_load_get(unsigned port, const char *path);
/* The value of a header of one answer as a new text; NULL when there is none. */
char *demo_load_header(unsigned port, const char *path, const char *name);

/* ---- demo_packages.c: an app that is upgraded and rolled back; without an installer only the first is there ---- */
bool demo_packages_run(struct demo *demo); /* all of it, with the chains before and after */
/* Packs the app "release" in two versions: release-1.0.0.tar.gz and release-1.1.0.tar.gz in the demo's folder. */
bool demo_packages_pack(struct demo *demo);
/* "install" with one of the packages, or "rollback" with the app, and what is known of it. */
bool demo_packages_change(struct demo *demo, const char *verb, const char *subject, json_t **out);

/* ---- the two journeys, and the report ---- */
bool demo_http(struct demo *demo);               /* demo_http.c */
bool demo_input(struct demo *demo);              /* demo_input.c */
void demo_report_print(const struct demo *demo); /* demo_report.c */

#endif

/* What the parts of the install case of hookline bench share: making packages and installing them. Included by
 * tools/bench_install*.c only. */
#ifndef HL_TOOLS_BENCH_INSTALL_H
#define HL_TOOLS_BENCH_INSTALL_H

#include <hookline/install.h>

#include "bench.h"

#define BENCH_APP_PLUGINS 10 /* of an app made of the larger template */

/* ---- bench_install_make.c -------------------------------------------------------------------------------------- */

typedef struct bench_app {
    unsigned number;
    size_t plugins;      /* 1 or BENCH_APP_PLUGINS */
    uint64_t data_bytes; /* of a file that cannot be compressed, beside the library */
} bench_app;

/* Packs an app into the run's folder; `package` gets the file's path. */
int bench_app_pack(bench *b, const bench_app *app, char *package, size_t package_len);
/* "bench-00042" */
void bench_app_name(unsigned number, char *out, size_t out_len);
/* The event of an app's plugin k: ten apps, with numbers from 10 * g on, share a group g and its events. */
void bench_app_event(unsigned number, unsigned k, char *out, size_t out_len);
/* What the plugin adds to the state. */
uint64_t bench_app_adds(unsigned number, unsigned k);

int bench_app_install(bench *b, hl_runtime *runtime, const char *package, hl_progress_fn *progress, void *user);
/* A runtime that changes the store and loads nothing, as the command's. */
int bench_records_runtime(bench *b, const char *store, hl_runtime **out);

void bench_install_print(bench *b, bench_row row);
/* Starts a child with an argument and reads the two numbers that it prints. */
int bench_install_ask_child(bench *b, const char *child, const char *argument, double *first, double *second);

/* ---- the parts, by file ------------------------------------------------------------------------------------------ */

int bench_install_beside_tar(bench *b);
int bench_install_large(bench *b);
int bench_install_upgrades(bench *b);
int bench_install_replay(bench *b);

#endif

/* Apps made by the tests: a folder with hookline.json and a compiled library, or the package of it; and short questions
 * about what is installed. Public headers only. */
#ifndef HL_TEST_INSTALLER_APP_H
#define HL_TEST_INSTALLER_APP_H

#include <hookline/install.h>

#include "tests/support/support.h"

typedef struct test_app {
    const char *app, *version;
    const char *plugins;   /* "a b": with priorities 10, 20, ... on the event; NULL: one, named like the app */
    const char *listed;    /* what the manifest lists; NULL: the same */
    const char *event;     /* NULL: "e" */
    const char *defines;   /* "-DSTATE=1 -DSLOW_MS=5": see apps/app.c */
    const char *manifest;  /* further fields: "\"requires\":{\"x\":\"*\"}" */
    const char *isolation; /* of the library, as JSON */
    const char *file;      /* a further file of the package with its path as content: "priv/a/b" */
} test_app;

/* All below are made in the case's folder; the strings are the last 8's. */
const char *test_app_folder(const test_app *app);
const char *test_app_package(const test_app *app); /* APP-VERSION.tar.gz by hl_pack */

#define app_folder(...) test_app_folder(&(test_app){__VA_ARGS__})
#define app_package(...) test_app_package(&(test_app){__VA_ARGS__})

/* ---- one store a case ---- */

extern const char *test_store; /* "lmdb:FOLDER/store" */
extern const char *test_place; /* the case's folder, absolute */
int test_begin(void **state);
int test_end(void **state);
hl_runtime *test_open_store(unsigned flags);
/* The case's folder with a path behind it; the last 8 are good. */
const char *test_path(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool test_exists(const char *path);
void test_write(const char *path, const char *text);
/* Everything below a folder but locks, a line each: path and size. Static, the last 2 are good. */
const char *test_tree(const char *path);

/* ---- installing ---- */

hl_status test_install(hl_runtime *runtime, const char *location, hl_install_report *report);
hl_status test_install_flags(hl_runtime *runtime, const char *location, unsigned flags);

/* "shop 1.1.0<1.0.0 crm 2.0.0 ": apps, their versions and the ones before. Static, the last 8 are good. */
const char *test_apps(hl_runtime *runtime);
/* The last entry of the install log: "upgrade shop 1.0.0 -> 1.1.0 HL_OK". */
const char *test_last_entry(hl_runtime *runtime);
uint64_t test_log_len(hl_runtime *runtime); /* the log is verified too */

/* ---- another server on the store ---- */

typedef struct app_server {
    int pid;
    FILE *to, *from;
} app_server;

app_server app_server_start(void);
/* "trail EVENT": what a dispatch leaves. "mapped TEXT": how many mappings have TEXT in their path. "busy EVENT MS": a
 * dispatch that is begun now. "install PATH", "refuse": see programs/server_program.c. */
const char *app_server_ask(app_server *server, const char *format, ...) __attribute__((format(printf, 2, 3)));
void app_server_end(app_server *server);

/* Mappings of this process with this text in their path. */
size_t test_mapped(const char *text);

#endif

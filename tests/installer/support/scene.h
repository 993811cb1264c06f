/* What an app looks like from everywhere, before and after a change that was broken off: for tests of what must be
 * fully old or fully new. */
#ifndef HL_TEST_INSTALLER_SCENE_H
#define HL_TEST_INSTALLER_SCENE_H

#include "tests/installer/support/app.h"

/* Its record, its chain, the install log, its files. */
typedef struct test_scene {
    char apps[256];
    char trail[256];
    uint64_t entries;
    char folder[64]; /* a copy of the store's apps; "": none was made */
} test_scene;

/* Looks after hl_gc, in a runtime of its own. */
void test_look(test_scene *out);
/* The same, and copies the store's apps to FOLDER in the case's folder. */
void test_keep(test_scene *out, const char *folder);
bool test_same_scene(const test_scene *a, const test_scene *b);
/* Whether the store's apps are those that were kept. */
bool test_same_files(const test_scene *kept);
/* Fails the case unless the store is now as it was kept. The log may have refusals more. */
void test_unchanged(const test_scene *kept, const char *what, unsigned long at);

/* Copies the store to the case's folder as "base", and brings it back. */
void test_store_save(void);
void test_store_restore(void);

void test_shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- a change in a process of its own ---- */

/* What becomes of the process's calls that change something on a disk, counted from the change's begin. */
typedef struct test_fault {
    unsigned long at; /* the first that meets it; 0: none does */
    int error; /* it and all that follow fail with it, ENOSPC only where room is needed; 0: the process is killed */
} test_fault;

typedef struct test_result {
    int end; /* as test_wait tells: minus the change's status */
    unsigned long calls;
} test_result;

/* action: "install" of a package, "uninstall" or "rollback" of an app, "locked" with a lockfile. */
test_result test_change(const char *action, const char *what, const test_fault *fault);

/* ---- permissions ---- */

/* Root may write everywhere; from now on this thread, and those it starts, are kept out by permissions like
 * everybody. */
void test_obey_permissions(void);
void test_obey_nothing(void);

#endif

/* What the tests of engines share: a runtime whose compiler may be broken, what it says about that, and what this
 * process and its helpers hold of the system. Public headers only. */
#ifndef HL_TEST_ENGINES_SCENE_H
#define HL_TEST_ENGINES_SCENE_H

#include <sys/types.h>

#include "tests/support/support.h"

/* A memory runtime with plugins "a" and "b" on event "e", and the compiler's notices counted. */
typedef struct scene {
    hl_runtime *runtime;
    hl_event *event;
    hl_subscription *notices;
    int failed, compiled; /* notices of "e" since the opening */
    uint64_t failed_generation;
    char reason[2048]; /* of the last failure */
} scene;

/* program NULL: the real one. The plugins are started without waiting. */
void scene_open(scene *s, const char *program, uint32_t compile_timeout_ms);
void scene_close(scene *s);
void scene_take_notices(scene *s);

/* Changes the event's chain, waits for compiled code; returns how long that took. */
uint64_t scene_change_ns(scene *s);

/* The chain runs right and under the reference engine; hl_explain and the last failure notice say `reason`. */
void scene_expect_reference(scene *s, const char *reason);
void scene_expect_compiled(scene *s);
/* Waits until it is compiled. */
void scene_await_compiled(scene *s);

/* ---- the system ---- */

size_t scene_children(void); /* zombies too */
pid_t scene_helper(void);    /* the child that is hookline-jit; 0: none */
pid_t scene_helper_of(pid_t parent);
bool scene_alive(pid_t pid); /* and not a zombie */
size_t scene_fds(void);
size_t scene_maps(void);
long scene_rss_kb(void);
size_t scene_scratch(const char *folder); /* what helpers have left there */
bool scene_is_mapped(const void *code);   /* by a shared object that the dynamic linker knows */

/* ---- every case has a temporary folder of its own, and leaves nothing ---- */

extern char scene_folder[];          /* absolute; TMPDIR at the beginning of each case */
int scene_make_folder(void **state); /* for the group */
int scene_remove_folder(void **state);
int scene_begin(void **state); /* for each case */
int scene_end(void **state);

#endif

/* A crowd: threads that each do one thing again and again until they are told to end. Only the test's own thread may
 * fail, so what goes wrong in a crowd is written down, and the test fails of it at the end. */
#ifndef HL_TEST_STRESS_CROWD_H
#define HL_TEST_STRESS_CROWD_H

#include <pthread.h>

#include "tests/support/support.h"

#define CROWD_MOST 8
#define CROWD_MARGIN_NS UINT64_C(5000000000) /* on a machine that does other things too */

typedef struct crowd_member {
    void (*step)(struct crowd_member *self);
    unsigned number; /* of this kind; the test's */
    unsigned seed;   /* not 0 */
    unsigned steps;  /* that were done */
    pthread_t thread;
} crowd_member;

void crowd_begin(crowd_member *members, size_t len);
/* Ends the crowd; fails the test when something went wrong in it, or when somebody did nothing. */
void crowd_end(crowd_member *members, size_t len);
/* Whether it was told to end, for steps that wait. */
bool crowd_is_over(void);

unsigned crowd_pick(crowd_member *self, unsigned below);
/* The first of these sentences is what the test fails of. [any-thread] */
void crowd_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Before the first and after the last thing of a test: no child process, and as many descriptors as before. */
void crowd_nothing_yet(void);
void crowd_nothing_left(void);

/* SIGKILL for a process, if it is still a child of this one. True: it was. */
bool crowd_kill(int32_t pid);

/* The workers of this runtime that have a pid now; at most `room` of them. */
size_t crowd_workers(hl_runtime *runtime, int32_t *pids, size_t room);
/* Kills one of them, any one. */
bool crowd_kill_any(crowd_member *self, hl_runtime *runtime);

/* Notices: that they come one after the other without a gap, and that each worker's crash is told once. */
void crowd_listen(hl_runtime *runtime);
void crowd_stop_listening(void);
unsigned crowd_crashes(void); /* that were told since */

#endif

/* Another process on the same store, that obeys lines: see programs/peer_program.c for what it understands. */
#ifndef HL_TEST_PROCESSES_PEER_H
#define HL_TEST_PROCESSES_PEER_H

#include <stdio.h>
#include <sys/types.h>

#include "tests/support/support.h"

typedef struct peer {
    pid_t pid;
    FILE *to, *from;
} peer;

peer peer_start(const char *store);
void peer_end(peer *p); /* it must exit with 0 */

/* Sends a line; does not wait. */
void peer_tell(peer *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The next line without its end mark; static memory: the last 8 are good. */
const char *peer_hears(peer *p);
/* Both. */
#define peer_ask(p, ...) (peer_tell((p), __VA_ARGS__), peer_hears(p))

/* Every record as text, sorted, with everything that is stored. Freed by the caller. */
char *peer_view(hl_runtime *runtime);
/* The peer's own. */
char *peer_ask_view(peer *p);

/* A store in a new folder in the working folder; each case has one. */
extern const char *peer_store; /* "lmdb:..." */
int peer_begin(void **state);
int peer_end_case(void **state);
hl_runtime *peer_open(unsigned flags); /* with the best engine of this build */

/* Runs the hookline command with these arguments (NULL-terminated) on the store; returns its exit code. */
int peer_command(const char *const *arguments);

uint64_t peer_cpu_ns(void); /* of this process */

#endif

/* When to end: on SIGINT, on SIGTERM, and for a server that another program started also when its standard input ends,
 * so that it never outlives that program. */
#ifndef ENDING_H
#define ENDING_H

#include <stdbool.h>

struct ending {
    int signals;
    int input; /* -1: standard input does not matter */
};

/* Before any thread is started: they inherit which signals are blocked. False with errno set. */
bool ending_open(struct ending *ending, bool with_input);
void ending_close(struct ending *ending);

/* Whether it is time to end, waiting for at most wait_ms (-1: until it is). */
bool ending_wait(const struct ending *ending, int wait_ms);

#endif

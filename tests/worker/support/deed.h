/* The state of the obedient plugin (plugins/obedient.c): what it is to do, and what came of it. Shared by the plugin
 * and by the tests that call it. */
#ifndef TESTS_WORKER_DEED_H
#define TESTS_WORKER_DEED_H

#include <stdint.h>

typedef struct deed {
    char what[32];
    char path[192];
    int64_t number;
    int64_t result; /* of the call that it made */
    int32_t error;  /* errno, where the result is -1 */
    int32_t worker; /* the pid that did it */
} deed;

#endif

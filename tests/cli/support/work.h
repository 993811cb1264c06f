/* The typed event of the command's tests: shared by the test server and the test plugins. */
#ifndef HL_TESTS_CLI_WORK_H
#define HL_TESTS_CLI_WORK_H

#include <hookline/typed.h>

struct work {
    uint32_t count;
    char note[32];
    double weight;
    uint64_t sum;
};

HL_TYPED_EVENT(work, "work", struct work, HL_FIELD(struct work, uint32_t, count), HL_FIELD(struct work, char[32], note),
               HL_FIELD(struct work, uint64_t, sum))

#endif

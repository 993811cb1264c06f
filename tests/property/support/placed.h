/* The state of the plugin library "placed": each plugin writes down its number and the process that it runs in. */
#ifndef HL_TEST_PROPERTY_PLACED_H
#define HL_TEST_PROPERTY_PLACED_H

#include <stdint.h>

#define PLACED_PLUGINS 3 /* "p0" and "p1" on "e0", "p2" on "e1"; each depends on the one before */

typedef struct placed {
    int32_t len;
    struct {
        int32_t plugin;
        int32_t pid;
    } at[PLACED_PLUGINS];
} placed;

#endif

/* Rows that a verb lists: a table for people, or an array for programs. */
#ifndef HOOKLINE_TOOLS_ROWS_H
#define HOOKLINE_TOOLS_ROWS_H

#include "tool.h"

struct rows {
    json_t *array;       /* with --json */
    struct table *table; /* without */
};

struct rows rows_new(const struct context *context, size_t columns, const char *const *titles);

/* Prints what was gathered and frees it; on a failed status gives what `fail` answers. `empty` is said for no rows. */
int rows_end(struct context *context, struct rows *rows, int (*fail)(struct context *context), hl_status status,
             const char *key, const char *empty);

#endif

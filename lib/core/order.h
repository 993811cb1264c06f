/* Order of a chain (G1): a pure function of names, priorities and dependencies. */
#ifndef HL_CORE_ORDER_H
#define HL_CORE_ORDER_H

#include <hookline/registry.h>

/* Writes to order[] the indexes of rows in the order in which they run: dependencies first, else by (priority, name)
 * (OD-03). Members of a cycle come last, by (priority, name) (OD-05): *cyclic tells that there was one. Dependencies
 * that are not among the rows do not count. False without memory. */
bool hl__order(const hl_order_row *rows, size_t rows_len, uint32_t *order, bool *cyclic);

/* Compares by (priority, name). */
int hl__order_compare(const hl_order_row *a, const hl_order_row *b);

/* Looks for a cycle that `name` with `depends` would close. depends_of gives the dependencies of any other name, NULL
 * when it has none or is unknown. On a cycle writes "a -> b -> a" to path and returns true. *exhausted tells that
 * memory ran out. */
bool hl__cycle_through(const char *name, const char *const *depends,
                       const char *const *(*depends_of)(void *user, const char *name), void *user, char *path,
                       size_t path_len, bool *exhausted);

#endif

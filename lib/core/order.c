/* Kahn's algorithm with a heap on (priority, name), and the search for a cycle's path. Pure; used by lifecycle and
 * plan. */
#include "core/order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "core/depends.h"
#include "core/error.h"

int hl__order_compare(const hl_order_row *a, const hl_order_row *b)
{
    if (a->priority != b->priority)
        return a->priority < b->priority ? -1 : 1;
    return strcmp(a->name, b->name);
}

/* ---- sorting ---- */

typedef struct sorter {
    const hl_order_row *rows;
    uint32_t *by_name;    /* row indexes sorted by name, to find dependencies */
    uint32_t *waits;      /* for each row: dependencies among the rows that have not run */
    uint32_t *first;      /* for each row: where its dependents begin in `dependents`; one more at the end */
    uint32_t *dependents; /* rows that wait for it */
    uint32_t *heap;       /* ready rows, smallest first */
    size_t heap_len;
    size_t len;
} sorter;

static int compare_names(const void *a, const void *b, void *rows)
{
    return strcmp(((const hl_order_row *)rows)[*(const uint32_t *)a].name,
                  ((const hl_order_row *)rows)[*(const uint32_t *)b].name);
}

static bool find_row(const sorter *s, const char *name, uint32_t *out)
{
    size_t low = 0, high = s->len;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(s->rows[s->by_name[middle]].name, name);

        if (order == 0) {
            *out = s->by_name[middle];
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static void heap_push(sorter *s, uint32_t row)
{
    size_t at = s->heap_len++;

    while (at > 0) {
        size_t parent = (at - 1) / 2;

        if (hl__order_compare(&s->rows[row], &s->rows[s->heap[parent]]) >= 0)
            break;
        s->heap[at] = s->heap[parent];
        at = parent;
    }
    s->heap[at] = row;
}

static uint32_t heap_pop(sorter *s)
{
    uint32_t smallest = s->heap[0];
    uint32_t moved = s->heap[--s->heap_len];
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1;

        if (child >= s->heap_len)
            break;
        if (child + 1 < s->heap_len && hl__order_compare(&s->rows[s->heap[child + 1]], &s->rows[s->heap[child]]) < 0)
            child++;
        if (hl__order_compare(&s->rows[moved], &s->rows[s->heap[child]]) <= 0)
            break;
        s->heap[at] = s->heap[child];
        at = child;
    }
    s->heap[at] = moved;
    return smallest;
}

static size_t count_depends(const hl_order_row *rows, size_t len)
{
    size_t total = 0;

    for (size_t i = 0; i < len; i++) {
        for (const char *const *name = rows[i].depends; name && *name; name++)
            total++;
    }
    return total;
}

/* Counts and then files each edge: a dependency among the rows makes its dependent wait. */
static void link_rows(sorter *s)
{
    uint32_t dependency, sum = 0;

    for (uint32_t i = 0; i < s->len; i++) {
        for (const char *const *name = s->rows[i].depends; name && *name; name++) {
            if (find_row(s, hl__depends_name(*name), &dependency)) {
                s->first[dependency]++;
                s->waits[i]++;
            }
        }
    }
    for (size_t i = 0; i <= s->len; i++) {
        sum += s->first[i];
        s->first[i] = sum;
    }
    for (uint32_t i = 0; i < s->len; i++) {
        for (const char *const *name = s->rows[i].depends; name && *name; name++) {
            if (find_row(s, hl__depends_name(*name), &dependency))
                s->dependents[--s->first[dependency]] = i;
        }
    }
}

static size_t drain(sorter *s, uint32_t *order)
{
    size_t done = 0;

    for (uint32_t i = 0; i < s->len; i++) {
        if (s->waits[i] == 0)
            heap_push(s, i);
    }
    while (s->heap_len) {
        uint32_t row = heap_pop(s);

        order[done++] = row;
        s->waits[row] = UINT32_MAX;
        for (uint32_t at = s->first[row]; at < s->first[row + 1]; at++) {
            if (--s->waits[s->dependents[at]] == 0)
                heap_push(s, s->dependents[at]);
        }
    }
    return done;
}

/* What is left waits for itself: append it by (priority, name), so that the walk always ends (OD-05). */
static void append_cyclic(sorter *s, uint32_t *order, size_t done)
{
    for (uint32_t i = 0; i < s->len; i++) {
        if (s->waits[i] != UINT32_MAX)
            heap_push(s, i);
    }
    while (s->heap_len)
        order[done++] = heap_pop(s);
}

/* Rows without dependencies need no graph: the common case. */
static int compare_rows(const void *a, const void *b, void *rows)
{
    return hl__order_compare(&((const hl_order_row *)rows)[*(const uint32_t *)a],
                             &((const hl_order_row *)rows)[*(const uint32_t *)b]);
}

static void sort_plain(const hl_order_row *rows, size_t rows_len, uint32_t *order)
{
    for (uint32_t i = 0; i < rows_len; i++)
        order[i] = i;
    qsort_r(order, rows_len, sizeof(*order), compare_rows, (void *)(uintptr_t)rows);
}

bool hl__order(const hl_order_row *rows, size_t rows_len, uint32_t *order, bool *cyclic)
{
    size_t edges = count_depends(rows, rows_len);
    sorter s = {.rows = rows, .len = rows_len};
    uint32_t *block;
    size_t done;

    *cyclic = false;
    if (edges == 0) {
        sort_plain(rows, rows_len, order);
        return true;
    }
    block = calloc(4 * rows_len + 1 + edges, sizeof(*block));
    if (!block)
        return false;
    s.by_name = block;
    s.waits = s.by_name + rows_len;
    s.heap = s.waits + rows_len;
    s.first = s.heap + rows_len;
    s.dependents = s.first + rows_len + 1;
    for (uint32_t i = 0; i < rows_len; i++)
        s.by_name[i] = i;
    qsort_r(s.by_name, rows_len, sizeof(*s.by_name), compare_names, (void *)(uintptr_t)rows);
    link_rows(&s);
    done = drain(&s, order);
    *cyclic = done < rows_len;
    if (*cyclic)
        append_cyclic(&s, order, done);
    free(block);
    return true;
}

/* ---- looking for a cycle ---- */

typedef struct visit {
    const char *name;
    const char *const *next; /* dependencies still to be followed */
    struct visit *below;     /* where it was reached from */
    struct visit *older;     /* chain of all, for freeing */
    UT_hash_handle hh;
} visit;

typedef struct search {
    const char *goal;
    const char *const *(*depends_of)(void *user, const char *name);
    void *user;
    visit *seen;
    visit *all;
} search;

static visit *enter(search *s, const char *name, const char *const *depends, visit *below)
{
    visit *step = calloc(1, sizeof(*step));

    if (!step)
        return NULL;
    *step = (visit){.name = name, .next = depends, .below = below, .older = s->all};
    s->all = step;
    HASH_ADD_KEYPTR(hh, s->seen, step->name, strlen(step->name), step);
    return step;
}

#define CUT "..." /* the end of a path for which there is no room */

/* Writes "goal -> ... -> top -> goal": turns the way down into the way up first, since it may be as long as the
 * registry. */
static void write_path(visit *top, const char *goal, char *path, size_t path_len)
{
    visit *bottom = NULL;
    size_t used = 0;

    while (top) {
        visit *below = top->below;

        top->below = bottom;
        bottom = top;
        top = below;
    }
    for (; bottom && used < path_len; bottom = bottom->below)
        used += (size_t)snprintf(path + used, path_len - used, "%s -> ", bottom->name);
    if (used < path_len)
        used += (size_t)snprintf(path + used, path_len - used, "%s", goal);
    if (used >= path_len)
        memcpy(path + path_len - sizeof(CUT), CUT, sizeof(CUT));
}

/* Depth-first, without recursion: the depth is as large as the registry. Returns the visit that depends on the goal. */
static visit *walk(search *s, visit *top, bool *exhausted)
{
    while (top) {
        const char *name = top->next && *top->next ? hl__depends_name(*top->next) : NULL;
        visit *known;

        if (!name) {
            top = top->below;
            continue;
        }
        top->next++;
        if (strcmp(name, s->goal) == 0)
            return top;
        HASH_FIND(hh, s->seen, name, strlen(name), known);
        if (known)
            continue;
        top = enter(s, name, s->depends_of(s->user, name), top);
        if (!top) {
            *exhausted = true;
            return NULL;
        }
    }
    return NULL;
}

bool hl__cycle_through(const char *name, const char *const *depends,
                       const char *const *(*depends_of)(void *user, const char *name), void *user, char *path,
                       size_t path_len, bool *exhausted)
{
    search s = {.goal = name, .depends_of = depends_of, .user = user};
    visit *bottom, *found = NULL;

    *exhausted = false;
    if (!depends || !depends[0])
        return false;
    bottom = enter(&s, name, depends, NULL);
    if (bottom)
        found = walk(&s, bottom, exhausted);
    else
        *exhausted = true;
    if (found)
        write_path(found, name, path, path_len);
    HASH_CLEAR(hh, s.seen);
    while (s.all) {
        visit *older = s.all->older;

        free(s.all);
        s.all = older;
    }
    return found != NULL;
}

/* ---- the public face ---- */

typedef struct row_set {
    const hl_order_row *rows;
    size_t len;
} row_set;

static const char *const *row_depends(void *user, const char *name)
{
    const row_set *set = user;

    for (size_t i = 0; i < set->len; i++) {
        if (strcmp(set->rows[i].name, name) == 0)
            return set->rows[i].depends;
    }
    return NULL;
}

static hl_status fail_with_cycle(hl_order_row *rows, size_t rows_len)
{
    row_set set = {rows, rows_len};
    char path[768];
    bool exhausted;

    for (size_t i = 0; i < rows_len; i++) {
        if (hl__cycle_through(rows[i].name, rows[i].depends, row_depends, &set, path, sizeof(path), &exhausted))
            return hl__fail(HL_ERR_CYCLE, "dependency-order", "depends",
                            "The dependencies close a cycle: %s. Remove one of them.", path);
        if (exhausted)
            break;
    }
    return hl__fail_memory("dependency-order");
}

static hl_status check_rows(const hl_order_row *rows, size_t rows_len)
{
    if (!rows && rows_len)
        return hl__fail(HL_ERR_INVALID, "dependency-order", "rows", "The rows are NULL.");
    for (size_t i = 0; i < rows_len; i++) {
        if (!rows[i].name)
            return hl__fail(HL_ERR_INVALID, "dependency-order", "name", "Row %zu has no name.", i);
    }
    return HL_OK;
}

hl_status hl_dependency_order(hl_order_row *rows, size_t rows_len)
{
    hl_status status = check_rows(rows, rows_len);
    hl_order_row *sorted;
    uint32_t *order;
    bool cyclic = false;

    if (status != HL_OK || rows_len == 0)
        return status;
    sorted = calloc(rows_len, sizeof(*sorted));
    order = calloc(rows_len, sizeof(*order));
    if (!sorted || !order || !hl__order(rows, rows_len, order, &cyclic)) {
        status = hl__fail_memory("dependency-order");
    } else if (cyclic) {
        status = fail_with_cycle(rows, rows_len);
    } else {
        for (size_t i = 0; i < rows_len; i++)
            sorted[i] = rows[order[i]];
        memcpy(rows, sorted, rows_len * sizeof(*rows));
    }
    free(sorted);
    free(order);
    return status;
}

/* hl__order and hl__cycle_through where the public API cannot lead: cycles that are stored already, and depth. */
#include "core/order.h"

#include "tests/support/support.h"

/* ---- cycles among rows: OD-05, OD-16 ---- */

static void expect_order(const hl_order_row *rows, size_t len, const char *wanted, bool wanted_cyclic)
{
    uint32_t order[16];
    char names[128] = "";
    bool cyclic;

    assert_true(hl__order(rows, len, order, &cyclic));
    for (size_t i = 0; i < len; i++)
        strcat(strcat(names, rows[order[i]].name), " ");
    assert_string_equal(names, wanted);
    assert_int_equal(cyclic, wanted_cyclic);
}

static void members_of_a_stored_cycle_come_last_by_priority_and_name(void **unused)
{
    const char *const on_a[] = {"a", NULL}, *const on_b[] = {"b", NULL}, *const on_c[] = {"c", NULL};
    const hl_order_row rows[] = {{"a", 2, on_b}, {"b", 1, on_a}, {"c", 9, NULL}, {"after", 0, on_a}, {"d", 0, on_c}};

    (void)unused;
    expect_order(rows, 5, "c d after b a ", true);
}

static void a_row_that_depends_on_itself_ends_the_sort_too(void **unused)
{
    const char *const on_a[] = {"a", NULL};
    const hl_order_row rows[] = {{"a", 0, on_a}, {"b", 100, NULL}};

    (void)unused;
    expect_order(rows, 2, "b a ", true);
}

static void dependencies_on_strangers_do_not_count(void **unused)
{
    const char *const on_stranger[] = {"stranger", NULL}, *const on_b[] = {"b", "stranger", NULL};
    const hl_order_row rows[] = {{"a", 0, on_b}, {"b", 9, on_stranger}};

    (void)unused;
    expect_order(rows, 2, "b a ", false);
    expect_order(NULL, 0, "", false);
}

/* ---- depth ---- */

#define DEPTH 300000

static char names[DEPTH][8];
static const char *depends[DEPTH][2];

/* Plugin n depends on n + 1, and the last one on nothing. */
static const char *const *depends_of(void *unused, const char *name)
{
    (void)unused;
    return depends[atoi(name)];
}

static void make_long_chain(void)
{
    for (size_t i = 0; i < DEPTH; i++)
        snprintf(names[i], sizeof(names[i]), "%06zu", i);
    for (size_t i = 0; i + 1 < DEPTH; i++)
        depends[i][0] = names[i + 1];
}

static void a_cycle_is_found_however_long_its_path_is(void **unused)
{
    const char *const first[] = {names[0], NULL};
    char path[64];
    bool exhausted;

    (void)unused;
    make_long_chain();
    assert_true(hl__cycle_through(names[DEPTH - 1], first, depends_of, NULL, path, sizeof(path), &exhausted));
    assert_false(exhausted);
    assert_int_equal(strncmp(path, "299999 -> 000000 -> 000001 -> ", 30), 0);
    assert_string_equal(path + strlen(path) - 3, "...");
    assert_false(hl__cycle_through("new", first, depends_of, NULL, path, sizeof(path), &exhausted));
    assert_false(exhausted);
}

static void a_long_chain_is_sorted(void **unused)
{
    hl_order_row *rows = calloc(DEPTH, sizeof(*rows));
    uint32_t *order = calloc(DEPTH, sizeof(*order));
    bool cyclic;

    (void)unused;
    assert_true(rows && order);
    make_long_chain();
    for (size_t i = 0; i < DEPTH; i++)
        rows[i] = (hl_order_row){names[i], 0, depends[i]};
    assert_true(hl__order(rows, DEPTH, order, &cyclic));
    assert_false(cyclic);
    for (size_t i = 0; i < DEPTH; i++)
        assert_int_equal(order[i], DEPTH - 1 - i);
    free(order);
    free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_of_a_stored_cycle_come_last_by_priority_and_name),
        cmocka_unit_test(a_row_that_depends_on_itself_ends_the_sort_too),
        cmocka_unit_test(dependencies_on_strangers_do_not_count),
        cmocka_unit_test(a_cycle_is_found_however_long_its_path_is),
        cmocka_unit_test(a_long_chain_is_sorted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

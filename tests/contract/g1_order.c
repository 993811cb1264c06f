/* G1 Order. Within an event a plugin runs after those it depends on; among the ready ones smaller (priority, name)
 * first; and that order is a pure function of the records. Rows OD-01 to OD-05, OD-10. */
#include "tests/support/support.h"

#define PLUGINS_MAX 12

typedef struct row {
    const char *name;
    int priority;
    const char *depends;
} row;

/* ---- an order worked out by the definition: pick the smallest ready one, again and again ---- */

static bool smaller(const row *a, const row *b)
{
    return a->priority != b->priority ? a->priority < b->priority : strcmp(a->name, b->name) < 0;
}

static bool lists(const char *depends, const char *name)
{
    size_t len = strlen(name);

    for (const char *at = depends; at && (at = strstr(at, name)) != NULL; at += len) {
        bool begins = at == depends || at[-1] == ',';

        if (begins && (at[len] == ',' || at[len] == '\0'))
            return true;
    }
    return false;
}

static bool ready(const row *rows, size_t len, const bool *done, const row *of)
{
    for (size_t i = 0; i < len; i++) {
        if (!done[i] && lists(of->depends, rows[i].name))
            return false;
    }
    return true;
}

static void order_by_definition(const row *rows, size_t len, char *out)
{
    bool done[PLUGINS_MAX] = {false};

    out[0] = '\0';
    for (size_t n = 0; n < len; n++) {
        size_t best = SIZE_MAX;

        for (size_t i = 0; i < len; i++) {
            if (!done[i] && ready(rows, len, done, &rows[i]) && (best == SIZE_MAX || smaller(&rows[i], &rows[best])))
                best = i;
        }
        assert_int_not_equal(best, SIZE_MAX);
        done[best] = true;
        strcat(strcat(out, rows[best].name), ",");
    }
}

/* ---- registries ---- */

static void register_rows(hl_runtime *runtime, const row *rows, const size_t *order, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const row *at = &rows[order[i]];

        run(runtime, .name = at->name, .event = "e", .priority = PRIORITY(at->priority), .depends = at->depends);
    }
}

static void shuffle(size_t *order, size_t len, unsigned *seed)
{
    for (size_t i = 0; i < len; i++)
        order[i] = i;
    for (size_t i = len; i > 1; i--) {
        size_t other = (size_t)rand_r(seed) % i, kept = order[i - 1];

        order[i - 1] = order[other];
        order[other] = kept;
    }
}

static void expect_order(const row *rows, const size_t *order, size_t len, const char *wanted)
{
    hl_runtime *runtime = test_open("memory:", 0);
    hl_event *event = test_event(runtime, "e");

    register_rows(runtime, rows, order, len);
    test_settle(runtime, event);
    assert_string_equal(test_run_trail(event), wanted);
    hl_close(runtime);
}

/* ---- promises ---- */

static void smaller_priority_runs_first_and_names_break_ties(void **unused)
{
    const row rows[] = {{"b", 50, NULL}, {"a", 50, NULL}, {"z", 0, NULL}, {"m", 100, NULL}, {"B", 50, NULL}};
    const size_t order[] = {0, 1, 2, 3, 4};

    (void)unused;
    expect_order(rows, order, 5, "z,B,a,b,m,");
}

static void names_are_compared_as_bytes(void **unused)
{
    const row rows[] = {{"é", 1, NULL},   {"z", 1, NULL},  {"aa", 1, NULL}, {"a", 1, NULL},
                        {"a b", 1, NULL}, {"10", 1, NULL}, {"9", 1, NULL}};
    const size_t order[] = {0, 1, 2, 3, 4, 5, 6};

    (void)unused;
    expect_order(rows, order, 7, "10,9,a,a b,aa,z,é,");
}

static void a_dependency_runs_first_whatever_its_priority(void **unused)
{
    const row rows[] = {{"first", 0, "last"}, {"last", 100, NULL}, {"middle", 50, NULL}};
    const size_t order[] = {1, 0, 2};

    (void)unused;
    expect_order(rows, order, 3, "middle,last,first,");
}

static void a_plugin_without_a_priority_has_one_hundred(void **unused)
{
    hl_runtime *runtime = test_open("memory:", 0);
    hl_event *event = test_event(runtime, "e");

    (void)unused;
    run(runtime, .name = "a", .event = "e");
    run(runtime, .name = "b", .event = "e", .priority = PRIORITY(99));
    assert_string_equal(test_run_trail(event), "b,a,");
    hl_close(runtime);
}

static void dependencies_on_another_event_do_not_order(void **unused)
{
    hl_runtime *runtime = test_open("memory:", 0);
    hl_event *event = test_event(runtime, "e");

    (void)unused;
    run(runtime, .name = "elsewhere", .event = "f", .priority = PRIORITY(100));
    run(runtime, .name = "a", .event = "e", .priority = PRIORITY(1), .depends = "elsewhere");
    run(runtime, .name = "b", .event = "e", .priority = PRIORITY(2));
    assert_string_equal(test_run_trail(event), "a,b,");
    hl_close(runtime);
}

static void every_order_of_registration_gives_the_same_chain(void **unused)
{
    const row rows[] = {{"a", 3, "d"}, {"b", 1, NULL}, {"c", 2, "a,b"}, {"d", 3, NULL}};
    char wanted[64];

    (void)unused;
    order_by_definition(rows, 4, wanted);
    for (size_t code = 0; code < 24; code++) {
        size_t left[] = {0, 1, 2, 3}, order[4], at = code;

        for (size_t i = 0; i < 4; i++) {
            size_t taken = at % (4 - i);

            at /= 4 - i;
            order[i] = left[taken];
            memmove(&left[taken], &left[taken + 1], (3 - taken) * sizeof(left[0]));
        }
        expect_order(rows, order, 4, wanted);
    }
}

/* A plugin may only depend on those before it in the array, so that there is no cycle. */
static size_t random_rows(row *rows, char depends[][64], unsigned *seed)
{
    static const char *const names[PLUGINS_MAX] = {"k", "c", "x", "a", "q", "b", "zz", "m", "aa", "p", "d", "o"};
    size_t len = 2 + (size_t)rand_r(seed) % (PLUGINS_MAX - 1);

    for (size_t i = 0; i < len; i++) {
        depends[i][0] = '\0';
        for (size_t j = 0; j < i; j++) {
            if (rand_r(seed) % 4 == 0)
                strcat(strcat(depends[i], depends[i][0] ? "," : ""), names[j]);
        }
        rows[i] = (row){names[i], rand_r(seed) % 4, depends[i][0] ? depends[i] : NULL};
    }
    return len;
}

static void random_records_run_in_the_order_of_the_definition(void **unused)
{
    unsigned seed = 11, rounds = test_engine() == HL_ENGINE_COMPILED ? 25 : 300;

    (void)unused;
    for (unsigned round = 0; round < rounds; round++) {
        char depends[PLUGINS_MAX][64], wanted[128];
        row rows[PLUGINS_MAX];
        size_t order[PLUGINS_MAX], len = random_rows(rows, depends, &seed);

        order_by_definition(rows, len, wanted);
        shuffle(order, len, &seed);
        expect_order(rows, order, len, wanted);
    }
}

static void changes_and_their_undoing_leave_the_order_as_it_was(void **unused)
{
    const row rows[] = {{"a", 5, NULL}, {"b", 5, "c"}, {"c", 5, NULL}, {"d", 1, "b"}};
    const size_t order[] = {0, 1, 2, 3};
    hl_runtime *runtime = test_open("memory:", 0);
    hl_event *event = test_event(runtime, "e");

    (void)unused;
    register_rows(runtime, rows, order, 4);
    assert_string_equal(test_run_trail(event), "a,c,b,d,");
    ok(hl_stop(runtime, "c", 0));
    assert_string_equal(test_run_trail(event), "a,");
    ok(hl_enable(runtime, "c", 0));
    ok(hl_restart(runtime, "a", 0));
    assert_string_equal(test_run_trail(event), "a,c,b,d,");
    ok(hl_unregister(runtime, "a", 0));
    run(runtime, .name = "a", .event = "e", .priority = PRIORITY(5));
    test_settle(runtime, event);
    assert_string_equal(test_run_trail(event), "a,c,b,d,");
    hl_close(runtime);
}

static void a_restart_of_the_runtime_gives_the_same_order(void **unused)
{
    const row rows[] = {{"a", 9, NULL}, {"b", 1, "a"}, {"c", 4, NULL}, {"d", 4, "c"}};
    const size_t there[] = {0, 1, 2, 3}, back[] = {3, 2, 1, 0};
    const char *folder = test_folder();

    (void)unused;
    for (int round = 0; round < 3; round++) {
        hl_runtime *runtime = test_open(test_lmdb(folder), 0);
        hl_event *event = test_event(runtime, "e");

        register_rows(runtime, rows, round % 2 ? back : there, 4);
        test_settle(runtime, event);
        assert_string_equal(test_run_trail(event), "c,d,a,b,");
        hl_close(runtime);
    }
    test_folder_remove(folder);
}

/* ---- hl_dependency_order: the same rule as a function ---- */

static void dependency_order_sorts_rows_as_a_chain_runs_them(void **unused)
{
    const char *const on_c[] = {"c", NULL}, *const on_missing[] = {"missing", NULL};
    hl_order_row rows[] = {{"a", 1, on_c}, {"b", 2, on_missing}, {"c", 3, NULL}};

    (void)unused;
    ok(hl_dependency_order(rows, 3));
    assert_string_equal(rows[0].name, "b");
    assert_string_equal(rows[1].name, "c");
    assert_string_equal(rows[2].name, "a");
    ok(hl_dependency_order(NULL, 0));
}

static void dependency_order_refuses_a_cycle_naming_its_whole_path(void **unused)
{
    const char *const on_b[] = {"b", NULL}, *const on_c[] = {"c", NULL}, *const on_a[] = {"a", NULL};
    hl_order_row rows[] = {{"z", 1, on_a}, {"a", 2, on_b}, {"b", 3, on_c}, {"c", 4, on_a}};

    (void)unused;
    refused(hl_dependency_order(rows, 4), HL_ERR_CYCLE, "depends");
    assert_non_null(strstr(hl_last_error()->message, "a -> b -> c -> a"));
    assert_string_equal(rows[0].name, "z");
    assert_string_equal(rows[3].name, "c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smaller_priority_runs_first_and_names_break_ties),
        cmocka_unit_test(names_are_compared_as_bytes),
        cmocka_unit_test(a_dependency_runs_first_whatever_its_priority),
        cmocka_unit_test(a_plugin_without_a_priority_has_one_hundred),
        cmocka_unit_test(dependencies_on_another_event_do_not_order),
        cmocka_unit_test(every_order_of_registration_gives_the_same_chain),
        cmocka_unit_test(random_records_run_in_the_order_of_the_definition),
        cmocka_unit_test(changes_and_their_undoing_leave_the_order_as_it_was),
        cmocka_unit_test(a_restart_of_the_runtime_gives_the_same_order),
        cmocka_unit_test(dependency_order_sorts_rows_as_a_chain_runs_them),
        cmocka_unit_test(dependency_order_refuses_a_cycle_naming_its_whole_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

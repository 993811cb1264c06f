/* The plan and the lowered steps of canonical registries, against the files in tests/golden/plans: a change there has
 * to be looked at. HOOKLINE_GOLDEN_WRITE=1 writes the files anew. Addresses are replaced by what they point to. */
#include "tests/support/support.h"

/* ---- registries ---- */

static hl_runtime *runtime;

static void none(void)
{
    test_event(runtime, "e");
}

static void single(void)
{
    run(runtime, .name = "only", .event = "e");
}

static void by_priority(void)
{
    run(runtime, .name = "c", .event = "e", .priority = PRIORITY(1));
    run(runtime, .name = "b", .event = "e", .priority = PRIORITY(50));
    run(runtime, .name = "a", .event = "e");
}

static void by_name(void)
{
    run(runtime, .name = "b", .event = "e");
    run(runtime, .name = "a", .event = "e");
    run(runtime, .name = "B", .event = "e");
}

static void by_dependency(void)
{
    run(runtime, .name = "last", .event = "e", .priority = PRIORITY(0), .depends = "middle");
    run(runtime, .name = "middle", .event = "e", .priority = PRIORITY(0), .depends = "first");
    run(runtime, .name = "first", .event = "e", .priority = PRIORITY(100));
}

static void diamond(void)
{
    run(runtime, .name = "top", .event = "e", .priority = PRIORITY(1), .depends = "left,right");
    run(runtime, .name = "left", .event = "e", .priority = PRIORITY(9), .depends = "root");
    run(runtime, .name = "right", .event = "e", .priority = PRIORITY(5), .depends = "root");
    run(runtime, .name = "root", .event = "e");
    run(runtime, .name = "free", .event = "e", .priority = PRIORITY(2));
}

static void inactive(void)
{
    run(runtime, .name = "runs", .event = "e");
    add(runtime, .name = "registered", .event = "e");
    run(runtime, .name = "stopped", .event = "e");
    ok(hl_stop(runtime, "stopped", 0));
    run(runtime, .name = "held", .event = "e", .depends = "stopped");
}

static void across_events(void)
{
    run(runtime, .name = "elsewhere", .event = "f", .priority = PRIORITY(100));
    run(runtime, .name = "b", .event = "e", .priority = PRIORITY(1), .depends = "elsewhere");
    run(runtime, .name = "a", .event = "e", .priority = PRIORITY(2));
}

static void shared_self(void)
{
    static char shared[] = "shared";

    run(runtime, .name = "one", .event = "e", .self = shared);
    run(runtime, .name = "two", .event = "e", .self = shared, .call = test_do_nothing);
    run(runtime, .name = "without", .event = "e", .call = test_do_nothing);
}

static void changed_twice(void)
{
    test_event(runtime, "e");
    run(runtime, .name = "a", .event = "e");
    run(runtime, .name = "b", .event = "e");
    ok(hl_unregister(runtime, "a", 0));
}

static void odd_names(void)
{
    run(runtime, .name = "with space", .event = "e");
    run(runtime, .name = "\"quoted\"", .event = "e");
    run(runtime, .name = "ümlaut", .event = "e");
}

static void many(void)
{
    static char names[40][8];

    for (size_t i = 0; i < 40; i++) {
        snprintf(names[i], sizeof(names[i]), "p%02zu", i);
        run(runtime, .name = names[i], .event = "e", .priority = PRIORITY((int)(i * 37 % 11)));
    }
}

/* ---- text without addresses ---- */

/* Two addresses that are equal stay equal: each is replaced by a number in the order of appearance, after what it
 * is. */
static void number_addresses(test_text *text)
{
    static char out[sizeof(text->text)];
    unsigned long long seen[256];
    size_t count = 0, used = 0;

    for (const char *at = text->text; *at;) {
        unsigned long long address;
        char *end;
        size_t i = 0;

        if (strncmp(at, "0x", 2) != 0) {
            out[used++] = *at++;
            continue;
        }
        address = strtoull(at, &end, 16);
        while (i < count && seen[i] != address)
            i++;
        if (i == count)
            seen[count++] = address;
        used += (size_t)sprintf(out + used, "@%zu", i + 1);
        at = end;
    }
    out[used] = '\0';
    snprintf(text->text, sizeof(text->text), "%s", out);
}

static void describe(test_text *text)
{
    test_event(runtime, "e");
    text->len = 0;
    ok(hl_dump(runtime, "e", HL_DUMP_PLAN, test_take_line, text));
    ok(hl_dump(runtime, "e", HL_DUMP_STEPS, test_take_line, text));
    number_addresses(text);
}

/* ---- files ---- */

static void path_of(const char *name, char *path, size_t len)
{
    snprintf(path, len, "%s/golden/plans/%s.txt", HL_TEST_SOURCE, name);
}

static void write_golden(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void compare_golden(const char *path, const char *text)
{
    static char wanted[sizeof(((test_text *)0)->text)];
    FILE *file = fopen(path, "re");
    size_t len;

    if (!file)
        print_error("%s cannot be read\n", path);
    assert_non_null(file);
    len = fread(wanted, 1, sizeof(wanted) - 1, file);
    wanted[len] = '\0';
    fclose(file);
    assert_string_equal(text, wanted);
}

static void check(const char *name, void (*build)(void))
{
    static test_text text;
    char path[512];

    runtime = test_open("memory:", 0);
    build();
    describe(&text);
    hl_close(runtime);
    path_of(name, path, sizeof(path));
    if (getenv("HOOKLINE_GOLDEN_WRITE"))
        write_golden(path, text.text);
    else
        compare_golden(path, text.text);
}

#define GOLDEN(name)                                                                                                   \
    static void plan_of_##name##_is_as_recorded(void **unused)                                                         \
    {                                                                                                                  \
        (void)unused;                                                                                                  \
        check(#name, name);                                                                                            \
    }

GOLDEN(none)
GOLDEN(single)
GOLDEN(by_priority)
GOLDEN(by_name)
GOLDEN(by_dependency)
GOLDEN(diamond)
GOLDEN(inactive)
GOLDEN(across_events)
GOLDEN(shared_self)
GOLDEN(changed_twice)
GOLDEN(odd_names)
GOLDEN(many)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plan_of_none_is_as_recorded),          cmocka_unit_test(plan_of_single_is_as_recorded),
        cmocka_unit_test(plan_of_by_priority_is_as_recorded),   cmocka_unit_test(plan_of_by_name_is_as_recorded),
        cmocka_unit_test(plan_of_by_dependency_is_as_recorded), cmocka_unit_test(plan_of_diamond_is_as_recorded),
        cmocka_unit_test(plan_of_inactive_is_as_recorded),      cmocka_unit_test(plan_of_across_events_is_as_recorded),
        cmocka_unit_test(plan_of_shared_self_is_as_recorded),   cmocka_unit_test(plan_of_changed_twice_is_as_recorded),
        cmocka_unit_test(plan_of_odd_names_is_as_recorded),     cmocka_unit_test(plan_of_many_is_as_recorded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* G7 Durability. When a lifecycle call returns HL_OK the record survives kill -9: a child works through a stream of
 * operations, says after each that it returned, and is killed at a random moment. What a new process finds is what the
 * stream had made after the last one acknowledged, or after the one that was under way. Rows LC-19, ST-12, ST-13,
 * */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "tests/support/support.h"

#define NAMES 8

/* ---- the stream: operation number n of a seed is always the same ---- */

static const char *const names[NAMES] = {"a", "b", "c", "d", "e", "f", "g", "h"};

static hl_status register_random(hl_runtime *runtime, hl_txn *txn, unsigned *seed)
{
    int at = rand_r(seed) % NAMES, on = rand_r(seed) % NAMES;
    test_plugin plugin = {.name = names[at],
                          .event = rand_r(seed) % 2 ? "one" : "two",
                          .priority = PRIORITY(rand_r(seed) % 101),
                          .depends = on > at ? names[on] : NULL,
                          .extra = rand_r(seed) % 3 ? NULL : "some text that goes with the record"};
    unsigned flags = rand_r(seed) % 2 ? HL_START : 0;

    return txn ? test_txn_register(txn, &plugin, flags) : test_register(runtime, &plugin, flags);
}

static hl_status transact_random(hl_runtime *runtime, unsigned *seed)
{
    hl_status status;
    hl_txn *txn;

    ok(hl_txn_begin(runtime, &txn));
    for (int i = 0; i < 3; i++)
        status = register_random(NULL, txn, seed);
    status = hl_txn_unregister(txn, names[rand_r(seed) % NAMES], 0);
    (void)status;
    return hl_txn_commit(txn, 0);
}

static hl_status operate(hl_runtime *runtime, unsigned stream, unsigned n)
{
    unsigned seed = stream * 7919 + n;
    const char *name = names[rand_r(&seed) % NAMES];

    switch (rand_r(&seed) % 10) {
    case 0:
        return hl_stop(runtime, name, 0);
    case 1:
        return hl_enable(runtime, name, 0);
    case 2:
        return hl_start(runtime, name, 0);
    case 3:
        return hl_restart(runtime, name, 0);
    case 4:
        return hl_unregister(runtime, name, 0);
    case 5:
        return hl_start_event(runtime, "one", 0);
    case 6:
        return transact_random(runtime, &seed);
    default:
        return register_random(runtime, NULL, &seed);
    }
}

/* ---- the child ---- */

static int work(const char *url, const char *acknowledged, unsigned stream)
{
    int fd = open(acknowledged, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    hl_runtime *runtime = test_open(url, 0);

    for (unsigned n = 1;; n++) {
        hl_status refused_or_not = operate(runtime, stream, n);

        (void)refused_or_not;
        if (pwrite(fd, &n, sizeof(n), 0) != sizeof(n))
            return 1;
    }
}

/* ---- what is there ---- */

static bool take_record(const hl_plugin_info *info, void *user)
{
    test_text *to = user;

    to->len +=
        (size_t)snprintf(to->text + to->len, sizeof(to->text) - to->len, "%s %s %d %d %s %s\n", info->name, info->event,
                         info->priority, (int)info->status, info->extra, info->depends_len ? info->depends[0] : "");
    return true;
}

static void take_records(hl_runtime *runtime, test_text *out)
{
    out->len = 0;
    out->text[0] = '\0';
    ok(hl_plugins(runtime, NULL, take_record, out));
}

static void records_after(unsigned stream, unsigned count, test_text *out)
{
    hl_runtime *runtime = test_open("memory:", 0);

    for (unsigned n = 1; n <= count; n++) {
        hl_status refused_or_not = operate(runtime, stream, n);

        (void)refused_or_not;
    }
    take_records(runtime, out);
    hl_close(runtime);
}

static unsigned read_acknowledged(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    unsigned n = 0;

    if (fd < 0)
        return 0;
    assert_true(read(fd, &n, sizeof(n)) >= 0);
    close(fd);
    return n;
}

static void expect_nothing_lost(unsigned stream, unsigned acknowledged, const char *url)
{
    static test_text found, wanted;
    hl_runtime *runtime = test_open(url, 0);

    take_records(runtime, &found);
    hl_close(runtime);
    records_after(stream, acknowledged, &wanted);
    if (strcmp(found.text, wanted.text) != 0)
        records_after(stream, acknowledged + 1, &wanted);
    assert_string_equal(found.text, wanted.text);
}

static void what_was_acknowledged_survives_a_kill(void **unused)
{
    unsigned seed = 3, most = 0;

    (void)unused;
    for (unsigned stream = 0; stream < 20; stream++) {
        const char *folder = test_folder(), *url = test_lmdb(folder);
        char acknowledged[128], number[16];
        unsigned enough = (unsigned)rand_r(&seed) % 40, count;
        int child;

        snprintf(acknowledged, sizeof(acknowledged), "%s/acknowledged", folder);
        snprintf(number, sizeof(number), "%u", stream);
        child = test_spawn((const char *[]){"work", url, acknowledged, number, NULL});
        eventually(read_acknowledged(acknowledged) > enough);
        test_sleep_ms((unsigned)rand_r(&seed) % 5);
        kill(child, SIGKILL);
        assert_int_equal(test_wait(child), -SIGKILL);
        count = read_acknowledged(acknowledged);
        most = count > most ? count : most;
        expect_nothing_lost(stream, count, url);
        test_folder_remove(folder);
    }
    assert_true(most > 20);
}

static void a_store_that_was_killed_has_no_problems(void **unused)
{
    const char *folder = test_folder(), *url = test_lmdb(folder);
    hl_store_info info = {.size = sizeof(info)};
    char acknowledged[128];
    int child;

    (void)unused;
    snprintf(acknowledged, sizeof(acknowledged), "%s/acknowledged", folder);
    child = test_spawn((const char *[]){"work", url, acknowledged, "77", NULL});
    eventually(read_acknowledged(acknowledged) > 30);
    kill(child, SIGKILL);
    test_wait(child);
    ok(hl_store_check(url, &info, NULL, NULL));
    assert_int_equal(info.problems_len, 0);
    test_folder_remove(folder);
}

static void another_process_sees_what_a_verb_returned_at_once(void **unused)
{
    const char *folder = test_folder(), *url = test_lmdb(folder);
    hl_runtime *runtime = test_open(url, 0);

    (void)unused;
    for (int round = 0; round < 3; round++) {
        run(runtime, .name = "a", .event = "e");
        assert_int_equal(test_wait(test_spawn((const char *[]){"expect", url, "a=started ", NULL})), 0);
        ok(hl_stop(runtime, "a", 0));
        assert_int_equal(test_wait(test_spawn((const char *[]){"expect", url, "a=stopped ", NULL})), 0);
        ok(hl_unregister(runtime, "a", 0));
        assert_int_equal(test_wait(test_spawn((const char *[]){"expect", url, "", NULL})), 0);
    }
    hl_close(runtime);
    test_folder_remove(folder);
}

static int expect_statuses(const char *url, const char *wanted)
{
    hl_runtime *runtime = test_open(url, HL_OPEN_RECORDS_ONLY);
    int different = strcmp(test_statuses(runtime), wanted) != 0;

    hl_close(runtime);
    return different;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_acknowledged_survives_a_kill),
        cmocka_unit_test(a_store_that_was_killed_has_no_problems),
        cmocka_unit_test(another_process_sees_what_a_verb_returned_at_once),
    };

    if (argc > 4 && strcmp(argv[1], "work") == 0)
        return work(argv[2], argv[3], (unsigned)atoi(argv[4]));
    if (argc > 3 && strcmp(argv[1], "expect") == 0)
        return expect_statuses(argv[2], argv[3]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* G6 Wait-free readers. Dispatch takes no lock, allocates nothing, makes no system call, and is never delayed by a
 * change. The kernel is the judge of the system calls: a child dispatches under seccomp's strict mode, where any
 * call but write and exit is death. Row CA-01. */
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/support/support.h"

/* ---- the child: dispatches in every way while another thread changes what is dispatched ---- */

#define ROUNDS 20000

static const hl_field state_fields[] = {HL_FIELD(test_trail, char[512], text)};
static const hl_contract state_contract =
    {sizeof(hl_contract), "test_trail", sizeof(test_trail), state_fields, 1, NULL, 0};

static hl_reply fail_it(void *self, void *state, const void *meta)
{
    (void)self;
    (void)state;
    (void)meta;
    return hl_fail(HL_ERR_PLUGIN);
}

static hl_reply halt_it(void *self, void *state, const void *meta)
{
    (void)self;
    (void)meta;
    return hl_halt(state);
}

static void *keep_result(void *result, const void *private_data)
{
    (void)private_data;
    return result;
}

typedef struct server {
    hl_runtime *runtime;
    hl_event *next, *halts, *fails, *changes;
    hl_entry_fn entry;
    bool finished; /* atomic */
} server;

static hl_event *define_copied(hl_runtime *runtime, const char *name)
{
    hl_event_spec spec = HL_EVENT_INIT(name);
    hl_event *event;

    spec.contract = &state_contract;
    spec.merge = keep_result;
    spec.flags = HL_EVENT_ROLLBACK;
    ok(hl_event_define(runtime, &spec, &event));
    return event;
}

static void open_server(server *at)
{
    at->runtime = test_open("memory:", 0);
    at->next = define_copied(at->runtime, "next");
    at->fails = define_copied(at->runtime, "fails");
    at->halts = test_event(at->runtime, "halts");
    at->changes = test_event(at->runtime, "changes");
    run(at->runtime, .name = "n1", .event = "next", .call = test_do_nothing);
    run(at->runtime, .name = "n2", .event = "next", .call = test_do_nothing);
    run(at->runtime, .name = "h", .event = "halts", .call = halt_it);
    run(at->runtime, .name = "f", .event = "fails", .call = fail_it);
    at->entry = hl_event_entry(at->next);
    test_settle(at->runtime, at->next);
}

/* Any answer that is wrong is counted. */
static unsigned dispatch_all(server *at)
{
    static test_trail state;
    hl_call_options options = HL_CALL_OPTIONS_INIT;
    unsigned wrong = 0;

    wrong += hl_call(at->next, &state, NULL).verdict != HL_NEXT;
    wrong += hl_call(at->halts, &state, NULL).verdict != HL_HALT;
    wrong += hl_call(at->fails, &state, NULL).verdict != HL_ERR_PLUGIN;
    wrong += hl_call(at->changes, &state, NULL).verdict != HL_NEXT;
    wrong += at->entry(&state, NULL).verdict != HL_NEXT;
    wrong += hl_call_named(at->runtime, "next", &state, NULL).verdict != HL_NEXT;
    wrong += hl_call_named(at->runtime, "unknown", &state, NULL).verdict != HL_NEXT;
    options.private_data = "private";
    wrong += hl_call_with(at->next, &state, &options).verdict != HL_NEXT;
    options.flags = HL_CALL_RETURN_INPUT;
    wrong += hl_call_with(at->next, &state, &options).verdict != HL_NEXT;
    options.flags = HL_CALL_STRICT;
    wrong += hl_call_named(at->runtime, "unknown", &state, &options).verdict != HL_ERR_NOT_FOUND;
    wrong += hl_event_engine(at->next) == 0;
    return wrong;
}

static void *change_it(void *argument)
{
    server *at = argument;

    while (!__atomic_load_n(&at->finished, __ATOMIC_ACQUIRE)) {
        run(at->runtime, .name = "c", .event = "changes", .call = test_do_nothing);
        ok(hl_restart(at->runtime, "n1", 0));
        ok(hl_stop(at->runtime, "n2", 0));
        ok(hl_enable(at->runtime, "n2", 0));
        ok(hl_unregister(at->runtime, "c", 0));
    }
    return NULL;
}

static unsigned long no_allocations(void)
{
    return 0;
}

/* Writes one line: how many answers were wrong, how many allocations there were. */
static int dispatch_strictly(const char *result)
{
    unsigned long (*allocations)(void) = (unsigned long (*)(void))dlsym(RTLD_DEFAULT, "contract_allocations");
    int fd = open(result, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    static server at;
    unsigned long before;
    pthread_t changer;
    unsigned wrong = 0;
    char line[64];
    int len;

    if (!allocations && getenv("LD_PRELOAD"))
        return 1;
    if (!allocations)
        allocations = no_allocations;
    open_server(&at);
    wrong += dispatch_all(&at);
    pthread_create(&changer, NULL, change_it, &at);
    before = allocations();
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
        return 1;
    for (int i = 0; i < ROUNDS; i++)
        wrong += dispatch_all(&at);
    len = snprintf(line, sizeof(line), "wrong %u allocations %lu\n", wrong, allocations() - before);
    syscall(SYS_write, fd, line, len);
    syscall(SYS_exit, 0);
    return 1;
}

static void read_result(const char *path, char *line, size_t len)
{
    FILE *file = fopen(path, "re");

    line[0] = '\0';
    if (!file)
        return;
    if (!fgets(line, (int)len, file))
        line[0] = '\0';
    fclose(file);
}

static bool sanitized(void)
{
    const char *sanitize = getenv("HOOKLINE_TEST_SANITIZE");

    return sanitize && sanitize[0];
}

/* Sanitizers bring an allocator of their own, which cannot be counted like this. */
static int spawn_counted(const char *const *arguments)
{
    int pid;

    if (!sanitized())
        setenv("LD_PRELOAD", HL_TEST_PLUGINS "/contract-allocations.so", 1);
    pid = test_spawn(arguments);
    unsetenv("LD_PRELOAD");
    return pid;
}

static void dispatch_makes_no_system_call_and_no_allocation_while_chains_change(void **unused)
{
    const char *folder = test_folder();
    char result[256], line[64];
    int pid;

    (void)unused;
    snprintf(result, sizeof(result), "%s/result", folder);
    pid = spawn_counted((const char *[]){"dispatch", result, NULL});
    for (int i = 0; i < 20000; i++) {
        read_result(result, line, sizeof(line));
        if (line[0])
            break;
        test_sleep_ms(1);
    }
    kill(pid, SIGKILL);
    test_wait(pid);
    assert_string_equal(line, "wrong 0 allocations 0\n");
    test_folder_remove(folder);
}

/* ---- a change that takes its time ---- */

static hl_runtime *runtime;
static hl_event *event;
static bool registered; /* atomic */
static hl_status registration;

static void *register_one(void *unused)
{
    (void)unused;
    registration =
        test_register(runtime, &(test_plugin){.name = "late", .event = "e", .call = test_do_nothing}, HL_START);
    __atomic_store_n(&registered, true, __ATOMIC_RELEASE);
    return NULL;
}

static void *dispatch_many(void *unused)
{
    (void)unused;
    for (int i = 0; i < 100000; i++)
        assert_int_equal(hl_call(event, NULL, NULL).verdict, HL_NEXT);
    return NULL;
}

/* On this thread, and on one that has never dispatched before. */
static void expect_dispatches(void)
{
    pthread_t thread;

    dispatch_many(NULL);
    assert_int_equal(pthread_create(&thread, NULL, dispatch_many, NULL), 0);
    pthread_join(thread, NULL);
}

static int write_without_end(const char *url)
{
    hl_runtime *writer = test_open(url, HL_OPEN_RECORDS_ONLY);

    add(writer, .name = "mine", .event = "other", .call = test_do_nothing);
    ok(hl_start(writer, "mine", 0));
    while (hl_restart(writer, "mine", 0) == HL_OK)
        ok(hl_start(writer, "mine", 0));
    return 1;
}

/* Stops the writer again and again until it sits on the store's writer lock, so that a registration here has to
 * wait. */
static pthread_t begin_blocked_registration(int writer)
{
    for (int tries = 0; tries < 200; tries++) {
        pthread_t thread;

        registered = false;
        kill(writer, SIGSTOP);
        assert_int_equal(pthread_create(&thread, NULL, register_one, NULL), 0);
        test_sleep_ms(200);
        if (!__atomic_load_n(&registered, __ATOMIC_ACQUIRE))
            return thread;
        kill(writer, SIGCONT);
        pthread_join(thread, NULL);
        ok(registration);
        ok(hl_unregister(runtime, "late", 0));
        test_sleep_ms(1);
    }
    fail_msg("the other process was never stopped while it held the lock");
    return pthread_self();
}

static void dispatch_goes_on_while_a_registration_waits_for_the_disk(void **unused)
{
    const char *folder = test_folder(), *url = test_lmdb(folder);
    pthread_t thread;
    int writer;

    (void)unused;
    runtime = test_open(url, 0);
    event = test_event(runtime, "e");
    run(runtime, .name = "a", .event = "e", .call = test_do_nothing);
    test_settle(runtime, event);
    writer = test_spawn((const char *[]){"write", url, NULL});
    eventually(strcmp(test_status(runtime, "mine"), "absent") != 0);
    thread = begin_blocked_registration(writer);
    expect_dispatches();
    assert_false(__atomic_load_n(&registered, __ATOMIC_ACQUIRE));
    kill(writer, SIGCONT);
    pthread_join(thread, NULL);
    ok(registration);
    assert_string_equal(test_status(runtime, "late"), "started");
    kill(writer, SIGKILL);
    test_wait(writer);
    hl_close(runtime);
    test_folder_remove(folder);
}

/* ---- a plugin's release that hangs ---- */

static int hanging, let_go; /* atomic */

static void hang(void *self)
{
    (void)self;
    __atomic_store_n(&hanging, 1, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&let_go, __ATOMIC_SEQ_CST))
        test_sleep_ms(1);
}

static void dispatch_and_changes_go_on_while_a_release_hangs(void **unused)
{
    (void)unused;
    runtime = test_open("memory:", 0);
    event = test_event(runtime, "e");
    run(runtime, .name = "a", .event = "e", .call = test_do_nothing);
    run(runtime, .name = "hangs", .event = "e", .call = test_do_nothing, .release = hang);
    test_settle(runtime, event);
    ok(hl_unregister(runtime, "hangs", 0));
    eventually(__atomic_load_n(&hanging, __ATOMIC_SEQ_CST));
    expect_dispatches();
    run(runtime, .name = "b", .event = "e", .call = test_do_nothing);
    ok(hl_stop(runtime, "a", HL_WAIT_COMPILED));
    assert_int_equal(hl_event_engine(event), test_engine());
    expect_dispatches();
    __atomic_store_n(&let_go, 1, __ATOMIC_SEQ_CST);
    hl_close(runtime);
}

/* ---- a subscriber that hangs ---- */

static void hang_in_notice(const hl_notice *notice, void *unused)
{
    (void)notice;
    hang(unused);
}

static void dispatch_and_changes_go_on_while_a_subscriber_hangs(void **unused)
{
    hl_subscription *subscription;

    hanging = let_go = 0;
    runtime = test_open("memory:", 0);
    event = test_event(runtime, "e");
    ok(hl_subscribe(runtime, hang_in_notice, unused, &subscription));
    run(runtime, .name = "a", .event = "e", .call = test_do_nothing);
    eventually(__atomic_load_n(&hanging, __ATOMIC_SEQ_CST));
    expect_dispatches();
    run(runtime, .name = "b", .event = "e", .call = test_do_nothing);
    ok(hl_stop(runtime, "a", 0));
    expect_dispatches();
    __atomic_store_n(&let_go, 1, __ATOMIC_SEQ_CST);
    hl_unsubscribe(subscription);
    hl_close(runtime);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dispatch_makes_no_system_call_and_no_allocation_while_chains_change),
        cmocka_unit_test(dispatch_goes_on_while_a_registration_waits_for_the_disk),
        cmocka_unit_test(dispatch_and_changes_go_on_while_a_release_hangs),
        cmocka_unit_test(dispatch_and_changes_go_on_while_a_subscriber_hangs),
    };

    if (argc > 2 && strcmp(argv[1], "dispatch") == 0)
        return dispatch_strictly(argv[2]);
    if (argc > 2 && strcmp(argv[1], "write") == 0)
        return write_without_end(argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

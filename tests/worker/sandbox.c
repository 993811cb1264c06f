/* Each limit of a sandbox bites, and what it allows works: the obedient plugin tries. */
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <hookline/status.h>

#include "tests/worker/support/worker.h"

#define MIB (INT64_C(1) << 20)

static hl_sandbox plain(void)
{
    return (hl_sandbox){.size = sizeof(hl_sandbox)};
}

/* The deed fails with one of these. */
static void denied(worker *worker, const char *what, const char *path, int64_t number, int error)
{
    deed done = worker_do(worker, what, path, number);

    if (done.result != -1 || done.error != error)
        fail_msg("%s %s: %lld, error %d instead of %d", what, path ? path : "", (long long)done.result, done.error,
                 error);
}

static void allowed(worker *worker, const char *what, const char *path, int64_t number)
{
    deed done = worker_do(worker, what, path, number);

    if (done.result < 0)
        fail_msg("%s %s: %s", what, path ? path : "", strerror(done.error));
}

static void expect_plan(const hl_sandbox *sandbox, hl_status status, const char *field)
{
    void *plan = NULL;
    size_t len;

    assert_int_equal(hl__sandbox_plan(sandbox, &plan, &len), status);
    assert_string_equal(hl_last_error()->field, field);
    assert_null(plan);
}

/* ---- what is never allowed ---- */

static void nothing_but_system_libraries_can_be_read(void **state)
{
    worker worker;

    (void)state;
    if (!hl__landlock_abi())
        skip();
    write_text(in_folder("secret"), "secret");
    worker_ready(&worker, &(worker_options){0});
    denied(&worker, "read", in_folder("secret"), 0, EACCES);
    denied(&worker, "read", "/etc/passwd", 0, EACCES);
    denied(&worker, "read", "/proc/self/environ", 0, EACCES);
    denied(&worker, "list", "/", 0, EACCES);
    denied(&worker, "list", "/tmp", 0, EACCES);
    allowed(&worker, "list", "/usr/lib", 0);
    worker_finish(&worker);
}

static void no_file_can_be_written_made_or_removed(void **state)
{
    struct stat info;
    worker worker;

    (void)state;
    write_text(in_folder("kept"), "kept");
    worker_ready(&worker, &(worker_options){0});
    denied(&worker, "write", in_folder("new"), 1, EPERM);
    denied(&worker, "write", in_folder("kept"), 1, EPERM);
    denied(&worker, "truncate", in_folder("kept"), 0, EPERM);
    denied(&worker, "remove", in_folder("kept"), 0, EPERM);
    worker_finish(&worker);
    assert_int_equal(stat(in_folder("kept"), &info), 0);
    assert_int_equal(info.st_size, 4);
    assert_int_equal(access(in_folder("new"), F_OK), -1);
}

static void no_process_or_thread_is_started_and_no_program_run(void **state)
{
    worker worker;

    (void)state;
    worker_ready(&worker, &(worker_options){0});
    denied(&worker, "fork", NULL, 1000, EPERM);
    assert_int_equal(worker_do(&worker, "thread", NULL, 0).result, -1);
    denied(&worker, "exec", "/bin/true", 0, EPERM);
    worker_finish(&worker);
}

static void no_socket_is_opened(void **state)
{
    worker worker;

    (void)state;
    worker_ready(&worker, &(worker_options){0});
    denied(&worker, "socket", NULL, AF_INET, EPERM);
    denied(&worker, "socket", NULL, AF_INET6, EPERM);
    denied(&worker, "socket", NULL, AF_UNIX, EPERM);
    worker_finish(&worker);
}

static void no_other_process_is_signalled_or_traced(void **state)
{
    worker worker;

    (void)state;
    worker_ready(&worker, &(worker_options){0});
    denied(&worker, "signal", NULL, getpid(), EPERM);
    denied(&worker, "signal", NULL, 1, EPERM);
    denied(&worker, "signal", NULL, -1, EPERM);
    denied(&worker, "trace", NULL, getpid(), EPERM);
    allowed(&worker, "signal", NULL, worker.child.pid);
    worker_finish(&worker);
}

static void a_worker_cannot_make_itself_outlive_its_server(void **state)
{
    worker worker;

    (void)state;
    worker_ready(&worker, &(worker_options){0});
    denied(&worker, "immortal", NULL, 0, EPERM);
    denied(&worker, "session", NULL, 0, EPERM);
    worker_finish(&worker);
}

static void calls_that_are_not_on_the_list_are_errors(void **state)
{
    static const long calls[] = {SYS_mount,
                                 SYS_unshare,
                                 SYS_setns,
                                 SYS_bpf,
                                 SYS_process_vm_readv,
                                 SYS_memfd_create,
                                 SYS_perf_event_open,
                                 SYS_keyctl,
                                 SYS_chroot,
                                 SYS_ptrace,
                                 SYS_init_module,
                                 SYS_reboot,
                                 SYS_setuid,
                                 SYS_personality,
                                 SYS_userfaultfd,
                                 425 /* io_uring_setup */,
                                 438 /* pidfd_getfd */};
    worker worker;

    (void)state;
    worker_ready(&worker, &(worker_options){0});
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        denied(&worker, "call", NULL, calls[i], EPERM);
    denied(&worker, "call", NULL, 435 /* clone3 */, ENOSYS);
    denied(&worker, "call", NULL, 100000, ENOSYS);
    worker_finish(&worker);
}

/* On x86-64 the same kernel has a second set of numbers, which a filter that forgets it would let through. */
static void the_other_numbers_of_the_same_calls_are_death(void **state)
{
    hl__child_end end;
    worker worker;

    (void)state;
#ifndef __x86_64__
    skip();
#endif
    worker_ready(&worker, &(worker_options){0});
    assert_int_equal(worker_try(&worker, "call", 0x40000000 + 39, 5000), HL__DIED);
    end = worker_finish(&worker);
    assert_true(end.known && end.signalled);
    assert_int_equal(end.code, SIGSYS);
}

static void roots_powers_are_given_up(void **state)
{
    const char *paths[] = {in_folder("private"), NULL};
    hl_sandbox sandbox = plain();
    worker worker;

    (void)state;
    if (geteuid() != 0)
        skip();
    write_text(paths[0], "private");
    assert_int_equal(chmod(paths[0], 0), 0);
    sandbox.read = paths;
    worker_ready(&worker, &(worker_options){.sandbox = &sandbox});
    denied(&worker, "read", paths[0], 0, EACCES);
    worker_finish(&worker);
}

/* ---- limits ---- */

static void memory_ends_at_its_limit(void **state)
{
    hl_sandbox sandbox = plain();
    deed done;
    worker worker;

    (void)state;
    if (sanitized())
        skip();
    sandbox.memory_bytes = 64 * MIB;
    worker_ready(&worker, &(worker_options){.sandbox = &sandbox, .slots = 4, .bytes = 32 * MIB}); /* not counted */
    done = worker_do(&worker, "memory", NULL, 1024 * MIB);
    assert_in_range(done.result, 40 * MIB, 64 * MIB);
    worker_finish(&worker);
}

static void open_files_end_at_their_limit(void **state)
{
    hl_sandbox sandbox = plain();
    worker worker;

    (void)state;
    sandbox.files = 10;
    worker_ready(&worker, &(worker_options){.sandbox = &sandbox});
    assert_in_range(worker_do(&worker, "files", NULL, 1000).result, 10, 12);
    worker_finish(&worker);
}

static void processor_time_ends_at_its_limit(void **state)
{
    hl_sandbox sandbox = plain();
    hl__child_end end;
    worker worker;

    (void)state;
    sandbox.cpu_seconds = 1;
    worker_ready(&worker, &(worker_options){.sandbox = &sandbox});
    assert_int_equal(worker_try(&worker, "spin", 0, 20000), HL__DIED);
    end = worker_finish(&worker);
    assert_true(end.known && end.signalled);
    assert_true(end.code == SIGXCPU || end.code == SIGKILL);
}

static void no_core_is_dumped(void **state)
{
    worker worker;

    (void)state;
    worker_ready(&worker, &(worker_options){0});
    assert_int_equal(worker_do(&worker, "limit", NULL, RLIMIT_CORE).result, 0);
    worker_finish(&worker);
}

/* ---- what is allowed ---- */

static void listed_paths_can_be_read(void **state)
{
    const char *paths[] = {in_folder("readable"), in_folder("folder"), NULL};
    hl_sandbox sandbox = plain();
    worker worker;

    (void)state;
    write_text(paths[0], "readable");
    assert_int_equal(mkdir(paths[1], 0755), 0);
    write_text(in_folder("folder/inside"), "inside");
    write_text(in_folder("outside"), "outside");
    sandbox.read = paths;
    worker_ready(&worker, &(worker_options){.sandbox = &sandbox});
    assert_int_equal(worker_do(&worker, "read", paths[0], 0).result, 1);
    assert_int_equal(worker_do(&worker, "read", in_folder("folder/inside"), 0).result, 1);
    assert_int_equal(worker_do(&worker, "list", paths[1], 0).result, 3);
    if (hl__landlock_abi())
        denied(&worker, "read", in_folder("outside"), 0, EACCES);
    denied(&worker, "write", paths[0], 1, EPERM);
    worker_finish(&worker);
}

static void listed_paths_can_be_written_up_to_the_limit(void **state)
{
    const char *paths[] = {in_folder("drop"), NULL};
    hl_sandbox sandbox = plain();
    struct stat info;
    worker worker;

    (void)state;
    if (!hl__landlock_abi())
        skip();
    assert_int_equal(mkdir(paths[0], 0755), 0);
    sandbox.write = paths;
    sandbox.file_bytes = 8192;
    worker_ready(&worker, &(worker_options){.sandbox = &sandbox});
    assert_int_equal(worker_do(&worker, "write", in_folder("drop/small"), 4096).result, 4096);
    denied(&worker, "write", in_folder("drop/large"), 100000, EFBIG);
    allowed(&worker, "remove", in_folder("drop/small"), 0);
    denied(&worker, "write", in_folder("beside"), 1, EACCES);
    worker_finish(&worker);
    assert_int_equal(stat(in_folder("drop/large"), &info), 0);
    assert_int_equal(info.st_size, 8192);
}

static void sockets_are_opened_where_the_network_is_allowed(void **state)
{
    hl_sandbox sandbox = plain();
    worker worker;

    (void)state;
    sandbox.network = true;
    worker_ready(&worker, &(worker_options){.sandbox = &sandbox});
    allowed(&worker, "socket", NULL, AF_INET);
    allowed(&worker, "socket", NULL, AF_UNIX);
    denied(&worker, "socket", NULL, AF_PACKET, EPERM);
    worker_finish(&worker);
}

static void threads_are_started_where_processes_are_allowed(void **state)
{
    hl_sandbox sandbox = plain();
    worker worker;

    (void)state;
    sandbox.processes = 4;
    worker_ready(&worker, &(worker_options){.sandbox = &sandbox});
    allowed(&worker, "thread", NULL, 0);
    worker_finish(&worker);
}

/* Gives root's power over user ids up, or takes it back; whether this process had it. */
static bool change_users(bool may)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    bool had;

    assert_int_equal(syscall(SYS_capget, &header, data), 0);
    had = data[0].effective & (1u << CAP_SETUID);
    data[0].effective &= ~(1u << CAP_SETUID);
    data[0].effective |= may ? data[0].permitted & (1u << CAP_SETUID) : 0;
    assert_int_equal(syscall(SYS_capset, &header, data), 0);
    return had;
}

/* Else nothing would count them. */
static void a_worker_of_root_that_may_start_processes_has_a_real_user_of_its_own(void **state)
{
    hl_sandbox sandbox = plain();
    worker worker;

    (void)state;
    if (geteuid() != 0 || !change_users(true))
        skip();
    sandbox.processes = 4;
    sandbox.require = true;
    worker_ready(&worker, &(worker_options){.sandbox = &sandbox});
    assert_true(worker.ready.reached & HL__SANDBOX_COUNTED);
    assert_true(worker_do(&worker, "call", NULL, SYS_getuid).result >= 0x70000000);
    assert_int_equal(worker_do(&worker, "call", NULL, SYS_geteuid).result, 0);
    denied(&worker, "call", NULL, SYS_setuid, EPERM);
    denied(&worker, "call", NULL, SYS_setresuid, EPERM);
    worker_finish(&worker);
}

static void processes_that_nobody_counts_are_refused_where_it_is_required(void **state)
{
    hl_sandbox sandbox = plain();

    (void)state;
    if (geteuid() != 0)
        skip();
    sandbox.processes = 4;
    sandbox.require = true;
    change_users(false);
    expect_plan(&sandbox, HL_ERR_UNSUPPORTED, "isolation.sandbox.require");
    change_users(true);
}

/* The shell reads its commands from /dev/null. For root it finds two user ids, and may change neither. */
static void programs_are_executed_where_processes_are_allowed(void **state)
{
    const char *paths[] = {"/bin", "/usr", "/etc", "/dev/null", NULL};
    deed deed = {.what = "exec", .path = "/bin/sh"};
    hl_sandbox sandbox = plain();
    hl__reply_head reply;
    hl__child_end end;
    worker worker;

    (void)state;
    sandbox.processes = 4;
    sandbox.read = paths;
    worker_ready(&worker, &(worker_options){.sandbox = &sandbox});
    assert_int_equal(worker_call(&worker, &deed, sizeof(deed), 5000, &reply), HL__DIED);
    end = worker_await_end(&worker);
    assert_true(end.known && !end.signalled);
    assert_int_equal(end.code, 0);
}

static void processes_that_are_allowed_cannot_leave_their_group(void **state)
{
    hl_sandbox sandbox = plain();
    worker worker;

    (void)state;
    sandbox.processes = 4;
    worker_ready(&worker, &(worker_options){.sandbox = &sandbox});
    denied(&worker, "session", NULL, 0, EPERM);
    denied(&worker, "immortal", NULL, 0, EPERM);
    denied(&worker, "call", NULL, SYS_setpgid, EPERM);
    denied(&worker, "signal", NULL, -worker.child.pid, EPERM);
    denied(&worker, "signal", NULL, 0, EPERM);
    worker_finish(&worker);
}

/* Those that were allowed go with their worker. */
static void processes_of_a_worker_end_with_it(void **state)
{
    holdings before = holdings_now();
    hl_sandbox sandbox = plain();
    worker worker;
    pid_t group;

    (void)state;
    sandbox.processes = 8;
    worker_ready(&worker, &(worker_options){.sandbox = &sandbox});
    group = worker.child.pid;
    worker_do(&worker, "fork", NULL, 3);
    assert_true(living_in_group(group) >= 4);
    worker_finish(&worker);
    for (int i = 0; i < 1000 && living_in_group(group); i++)
        usleep(1000);
    assert_int_equal(living_in_group(group), 0);
    expect_same_holdings(&before);
}

/* ---- before the plugin is called ---- */

#define HASTY                                                                                                          \
    "#include <errno.h>\n#include <fcntl.h>\n#include <string.h>\n#include <sys/socket.h>\n#include <unistd.h>\n"      \
    "#include <hookline/plugin.h>\n"                                                                                   \
    "static int errors[4];\n"                                                                                          \
    "static hl_reply call(void *self, void *state, const void *meta)\n"                                                \
    "{ (void)self; (void)meta; memcpy(state, errors, sizeof(errors)); return hl_next(state); }\n"                      \
    "static const hl_plugin_spec specs[] = {HL_PLUGIN_INIT(\"hasty\", \"event\", call)};\n"                            \
    "__attribute__((constructor)) static void hurry(void)\n"                                                           \
    "{ errors[0] = fork() < 0 ? errno : 0; errors[1] = open(\"/etc/passwd\", O_RDONLY) < 0 ? errno : 0;\n"             \
    "  errors[2] = open(\"/tmp/hasty\", O_WRONLY | O_CREAT, 0600) < 0 ? errno : 0;\n"                                  \
    "  errors[3] = socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0; }\n"                                               \
    "HL_PLUGIN_LIBRARY(\"hasty\", \"1.0.0\", specs)\n"

static void constructors_run_in_the_sandbox_too(void **state)
{
    int errors[4] = {0};
    hl__reply_head reply;
    worker worker;

    (void)state;
    worker_ready(&worker, &(worker_options){.library = build_library("hasty.so", HASTY, ""), .entry = "hasty"});
    assert_int_equal(worker_call(&worker, errors, sizeof(errors), 5000, &reply), HL__REPLIED);
    assert_int_equal(errors[0], EPERM);
    assert_true(errors[1] == EACCES || !hl__landlock_abi());
    assert_int_equal(errors[2], EPERM);
    assert_int_equal(errors[3], EPERM);
    worker_finish(&worker);
}

/* ---- plans and words ---- */

static void paths_that_cannot_be_meant_are_refused(void **state)
{
    const char *relative[] = {"/usr", "lib", NULL};
    const char *missing[] = {"/nowhere/at/all", NULL};
    hl_sandbox sandbox = plain();

    (void)state;
    sandbox.read = relative;
    expect_plan(&sandbox, HL_ERR_INVALID, "isolation.sandbox.read[1]");
    sandbox.read = NULL;
    sandbox.write = missing;
    expect_plan(&sandbox, HL_ERR_INVALID, "isolation.sandbox.write[0]");
}

static void what_is_lacking_is_said_and_refused_where_it_is_required(void **state)
{
    hl_sandbox sandbox = plain();
    char in_force[128];
    char lacking[256];

    (void)state;
    hl__sandbox_describe(&sandbox, HL__SANDBOX_RLIMITS | HL__SANDBOX_SECCOMP | HL__SANDBOX_LANDLOCK, 7, in_force,
                         sizeof(in_force), lacking, sizeof(lacking));
    assert_string_equal(in_force, "rlimits seccomp landlock-7");
    assert_string_equal(lacking, "");
    sandbox.cgroup = "/some/where";
    hl__sandbox_describe(&sandbox, HL__SANDBOX_RLIMITS, 0, in_force, sizeof(in_force), lacking, sizeof(lacking));
    assert_string_equal(in_force, "rlimits");
    assert_non_null(strstr(lacking, "no seccomp"));
    assert_non_null(strstr(lacking, "no landlock"));
    assert_non_null(strstr(lacking, "no cgroup"));
    hl__sandbox_describe(&sandbox, HL__SANDBOX_RLIMITS | HL__SANDBOX_CGROUP, 0, in_force, sizeof(in_force), lacking,
                         sizeof(lacking));
    assert_string_equal(in_force, "rlimits cgroup");
    assert_non_null(strstr(lacking, "no limit of the cgroup's memory"));
    sandbox.cgroup = NULL;
    sandbox.processes = 3;
    hl__sandbox_describe(&sandbox, HL__SANDBOX_RLIMITS | HL__SANDBOX_SECCOMP, 0, in_force, sizeof(in_force), lacking,
                         sizeof(lacking));
    assert_non_null(strstr(lacking, "no count of root's processes"));
    hl__sandbox_describe(&sandbox, HL__SANDBOX_SECCOMP | HL__SANDBOX_LANDLOCK | HL__SANDBOX_COUNTED, 7, in_force,
                         sizeof(in_force), lacking, sizeof(lacking));
    assert_string_equal(lacking, "");
}

/* A folder that is no cgroup stands for one without controllers. */
static void a_cgroup_without_controllers_is_left_out_or_refused(void **state)
{
    hl_sandbox sandbox = plain();
    char *folder = NULL;

    (void)state;
    assert_int_equal(mkdir(in_folder("cgroup"), 0755), 0);
    sandbox.cgroup = in_folder("cgroup");
    assert_int_equal(hl__sandbox_cgroup_add(&sandbox, getpid(), &folder), HL_OK);
    assert_null(folder);
    sandbox.require = true;
    assert_int_equal(hl__sandbox_cgroup_add(&sandbox, getpid(), &folder), HL_ERR_UNSUPPORTED);
    assert_string_equal(hl_last_error()->field, "isolation.sandbox.cgroup");
    assert_null(folder);
    assert_int_equal(rmdir(in_folder("cgroup")), 0);
}

static void a_worker_says_what_is_in_force(void **state)
{
    uint32_t all = HL__SANDBOX_RLIMITS | HL__SANDBOX_NO_NEW_PRIVS | (hl__landlock_abi() ? HL__SANDBOX_LANDLOCK : 0) |
                   (hl__seccomp_known() ? HL__SANDBOX_SECCOMP : 0);
    worker worker;

    (void)state;
    worker_ready(&worker, &(worker_options){0});
    assert_int_equal(worker.ready.reached, all);
    assert_int_equal(worker.ready.landlock_abi, hl__landlock_abi());
    worker_finish(&worker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_but_system_libraries_can_be_read),
        cmocka_unit_test(no_file_can_be_written_made_or_removed),
        cmocka_unit_test(no_process_or_thread_is_started_and_no_program_run),
        cmocka_unit_test(no_socket_is_opened),
        cmocka_unit_test(no_other_process_is_signalled_or_traced),
        cmocka_unit_test(a_worker_cannot_make_itself_outlive_its_server),
        cmocka_unit_test(calls_that_are_not_on_the_list_are_errors),
        cmocka_unit_test(the_other_numbers_of_the_same_calls_are_death),
        cmocka_unit_test(roots_powers_are_given_up),
        cmocka_unit_test(memory_ends_at_its_limit),
        cmocka_unit_test(open_files_end_at_their_limit),
        cmocka_unit_test(processor_time_ends_at_its_limit),
        cmocka_unit_test(no_core_is_dumped),
        cmocka_unit_test(listed_paths_can_be_read),
        cmocka_unit_test(listed_paths_can_be_written_up_to_the_limit),
        cmocka_unit_test(sockets_are_opened_where_the_network_is_allowed),
        cmocka_unit_test(threads_are_started_where_processes_are_allowed),
        cmocka_unit_test(a_worker_of_root_that_may_start_processes_has_a_real_user_of_its_own),
        cmocka_unit_test(processes_that_nobody_counts_are_refused_where_it_is_required),
        cmocka_unit_test(programs_are_executed_where_processes_are_allowed),
        cmocka_unit_test(processes_that_are_allowed_cannot_leave_their_group),
        cmocka_unit_test(processes_of_a_worker_end_with_it),
        cmocka_unit_test(constructors_run_in_the_sandbox_too),
        cmocka_unit_test(paths_that_cannot_be_meant_are_refused),
        cmocka_unit_test(what_is_lacking_is_said_and_refused_where_it_is_required),
        cmocka_unit_test(a_cgroup_without_controllers_is_left_out_or_refused),
        cmocka_unit_test(a_worker_says_what_is_in_force),
    };

    return cmocka_run_group_tests(tests, folder_begin, folder_end);
}

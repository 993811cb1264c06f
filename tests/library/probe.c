/* Trying a library in a throw-away process: every way in which its code can misbehave while it is loaded is an outcome,
 * and this process keeps nothing of it. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/child.h"
#include "library/library.h"
#include "tests/library/support/fixture.h"

#define CONSTRUCTOR(body) "__attribute__((constructor)) static void begin(void) { " body " }"
#define DESTRUCTOR(body) "__attribute__((destructor)) static void end(void) { " body " }"

static hl_status try(const char *path)
{
    hl__library_file *file = NULL;
    hl_status status = hl__library_read(path, &file);

    assert_int_equal(status, HL_OK);
    status = hl__library_probe(file);
    hl__library_file_free(file);
    return status;
}

static void refuse(const char *path, const char *words)
{
    holdings before = holdings_now();

    expect_status(try(path), HL_ERR_PROBE, "library", words);
    expect_same_holdings(&before);
}

static void accept(const char *path)
{
    holdings before = holdings_now();

    expect_status(try(path), HL_OK, "", "");
    expect_same_holdings(&before);
}

static void a_library_that_loads_is_accepted(void **state)
{
    (void)state;
    accept(fixture_plugin("plain.so", "", ""));
}

static void a_constructor_that_aborts_is_told(void **state)
{
    const char *path = fixture_plugin("abort.so", CONSTRUCTOR("fputs(\"no licence\\n\", stderr); abort();"), "");

    (void)state;
    refuse(path, "died by SIGABRT while it was loaded (its constructors). It printed: no licence");
}

static void a_constructor_that_exits_is_told(void **state)
{
    (void)state;
    refuse(fixture_plugin("exit.so", CONSTRUCTOR("_exit(3);"), ""), "ended with exit status 3 while it was loaded");
    refuse(fixture_plugin("exit0.so", CONSTRUCTOR("exit(0);"), ""), "ended with exit status 0 while it was loaded");
}

static void a_constructor_that_faults_is_told(void **state)
{
    (void)state;
    refuse(fixture_plugin("fault.so", CONSTRUCTOR("signal(SIGSEGV, SIG_DFL); raise(SIGSEGV);"), ""),
           "died by SIGSEGV while it was loaded");
}

static void a_destructor_that_aborts_is_told(void **state)
{
    (void)state;
    refuse(fixture_plugin("end.so", DESTRUCTOR("abort();"), ""), "died by SIGABRT while it was unloaded");
}

static void a_constructor_that_hangs_is_killed_in_time(void **state)
{
    const char *path = fixture_plugin("hang.so", CONSTRUCTOR("for (;;) pause();"), "");
    uint64_t begin = hl__child_now_ns();
    uint64_t took_ms;

    (void)state;
    refuse(path, "hung while it was loaded (its constructors): a throw-away process was killed after 15 s");
    took_ms = (hl__child_now_ns() - begin) / 1000000;
    assert_in_range(took_ms, 14900, 20000);
}

/* It fills the pipe again and again, and ignores what can be ignored. */
static void a_constructor_that_prints_without_end_does_not_block(void **state)
{
    const char *path =
        fixture_plugin("print.so",
                       CONSTRUCTOR("for (int i = 0; i < 200000; i++) puts(\"noise\"); fflush(stdout); abort();"), "");

    (void)state;
    refuse(path, "died by SIGABRT while it was loaded (its constructors). It printed: noise noise");
}

/* What has ended but was not reaped yet, by whoever reaps orphans on this machine, does not count. */
static bool is_running_in(const char *process, pid_t group)
{
    char path[64], line[512] = "", run_state = 'Z';
    int its_group = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%.32s/stat", process);
    file = fopen(path, "re");
    if (!file)
        return false;
    if (fgets(line, sizeof(line), file) && strrchr(line, ')'))
        sscanf(strrchr(line, ')') + 1, " %c %*d %d", &run_state, &its_group);
    fclose(file);
    return its_group == group && run_state != 'Z' && run_state != 'X';
}

static bool group_runs(pid_t group)
{
    DIR *processes = opendir("/proc");
    bool found = false;

    assert_non_null(processes);
    for (struct dirent *entry = readdir(processes); entry && !found; entry = readdir(processes))
        found = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && is_running_in(entry->d_name, group);
    closedir(processes);
    return found;
}

static void a_process_that_a_constructor_starts_does_not_survive(void **state)
{
    char more[1024];
    char text[32] = "";
    const char *note = fixture_path("grandchild");
    size_t len;
    unsigned char *bytes;

    (void)state;
    snprintf(more, sizeof(more),
             CONSTRUCTOR(
                 "if (fork() == 0) for (;;) pause(); FILE *f = fopen(\"%s\", \"w\"); fprintf(f, \"%%d\", getpgrp()); "
                 "fclose(f);"),
             note);
    accept(fixture_plugin("fork.so", more, ""));
    bytes = fixture_read(note, &len);
    memcpy(text, bytes, len < sizeof(text) ? len : sizeof(text) - 1);
    free(bytes);
    assert_true(atoi(text) > 0);
    for (int i = 0; i < 200 && group_runs(atoi(text)); i++)
        usleep(10000);
    assert_false(group_runs(atoi(text)));
}

/* While a constructor runs the dynamic linker has closed the library's own file already. */
static void nothing_is_inherited_but_what_the_program_needs(void **state)
{
    int leaked = open("/dev/null", O_RDONLY);
    const char *path = fixture_plugin(
        "fds.so",
        "#include <fcntl.h>\n" CONSTRUCTOR(
            "for (int fd = 5; fd < 300; fd++) if (fcntl(fd, F_GETFD) >= 0) { printf(\"fd %d\", fd); fflush(stdout); "
            "abort(); }"),
        "");

    (void)state;
    assert_true(leaked >= 0);
    assert_true(dup2(leaked, 200) == 200);
    accept(path);
    close(200);
    close(leaked);
}

static void the_process_dumps_no_core_and_has_default_signals(void **state)
{
    const char *path =
        fixture_plugin("limits.so",
                       "#include <sys/resource.h>\n" CONSTRUCTOR(
                           "struct rlimit r; struct sigaction a; sigset_t s; getrlimit(RLIMIT_CORE, &r);"
                           "sigaction(SIGPIPE, NULL, &a); sigprocmask(0, NULL, &s);"
                           "if (r.rlim_cur || a.sa_handler != SIG_DFL || sigismember(&s, SIGUSR1)) abort();"),
                       "");
    sigset_t blocked;
    sigset_t before;

    (void)state;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    signal(SIGPIPE, SIG_IGN);
    accept(path);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

static void what_the_dynamic_linker_refuses_is_told(void **state)
{
    char flags[300];
    const char *needed = fixture_build("libneeded.so", "int needed;", "-Wl,-soname,libhookline-nowhere.so");

    (void)state;
    snprintf(flags, sizeof(flags), "-Wl,--no-as-needed %s", needed);
    refuse(fixture_plugin("needs.so", "", flags),
           "cannot be loaded: libhookline-nowhere.so: cannot open shared object");
}

static void symbols_that_only_the_server_may_have_are_left_to_it(void **state)
{
    const char *more = "extern int hookline_test_nowhere(void); int use(void) { return hookline_test_nowhere(); }";

    (void)state;
    accept(fixture_plugin("host-lazy.so", more, ""));
    accept(fixture_plugin("host-now.so", more, "-Wl,-z,now"));
}

static void a_missing_program_is_named_with_the_remedy(void **state)
{
    char *before = getenv("HOOKLINE_PROBE");
    char *kept = before ? strdup(before) : NULL;
    holdings held = holdings_now();

    (void)state;
    setenv("HOOKLINE_PROBE", "/nowhere/hookline-probe", 1);
    expect_status(try(fixture_plugin("plain.so", "", "")), HL_ERR_PROBE, "HOOKLINE_PROBE",
                  "program /nowhere/hookline-probe does not start; install it, or set HOOKLINE_PROBE");
    setenv("HOOKLINE_PROBE", "/bin/true", 1);
    refuse(fixture_plugin("plain.so", "", ""), "ended with exit status 0");
    if (kept)
        setenv("HOOKLINE_PROBE", kept, 1);
    else
        unsetenv("HOOKLINE_PROBE");
    free(kept);
    expect_same_holdings(&held);
}

static void reap_everything(int signal_number)
{
    (void)signal_number;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

/* Both are what real servers do. */
static void a_server_that_reaps_every_child_gets_the_same_outcomes(void **state)
{
    (void)state;
    signal(SIGCHLD, reap_everything);
    accept(fixture_plugin("plain.so", "", ""));
    assert_true(signal(SIGCHLD, SIG_IGN) == reap_everything);
    accept(fixture_plugin("plain.so", "", ""));
    refuse(fixture_plugin("abort.so", "", ""), "while it was loaded");
    assert_true(signal(SIGCHLD, SIG_DFL) == SIG_IGN);
}

static void children_of_the_server_are_left_alone(void **state)
{
    pid_t child = fork();
    int status = 0;

    (void)state;
    if (child == 0)
        _exit(42);
    expect_status(try(fixture_plugin("plain.so", "", "")), HL_OK, "", "");
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 42);
}

static void standard_descriptors_may_be_closed(void **state)
{
    int kept[3];
    hl_status status;

    (void)state;
    fixture_plugin("plain.so", "", "");
    for (int fd = 0; fd < 3; fd++) {
        kept[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 50);
        close(fd);
    }
    status = try(fixture_path("plain.so"));
    for (int fd = 0; fd < 3; fd++)
        if (kept[fd] >= 0) {
            dup2(kept[fd], fd);
            close(kept[fd]);
        }
    expect_status(status, HL_OK, "", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_library_that_loads_is_accepted),
        cmocka_unit_test(a_constructor_that_aborts_is_told),
        cmocka_unit_test(a_constructor_that_exits_is_told),
        cmocka_unit_test(a_constructor_that_faults_is_told),
        cmocka_unit_test(a_destructor_that_aborts_is_told),
        cmocka_unit_test(a_constructor_that_hangs_is_killed_in_time),
        cmocka_unit_test(a_constructor_that_prints_without_end_does_not_block),
        cmocka_unit_test(a_process_that_a_constructor_starts_does_not_survive),
        cmocka_unit_test(nothing_is_inherited_but_what_the_program_needs),
        cmocka_unit_test(the_process_dumps_no_core_and_has_default_signals),
        cmocka_unit_test(what_the_dynamic_linker_refuses_is_told),
        cmocka_unit_test(symbols_that_only_the_server_may_have_are_left_to_it),
        cmocka_unit_test(a_missing_program_is_named_with_the_remedy),
        cmocka_unit_test(a_server_that_reaps_every_child_gets_the_same_outcomes),
        cmocka_unit_test(children_of_the_server_are_left_alone),
        cmocka_unit_test(standard_descriptors_may_be_closed),
    };

    return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}

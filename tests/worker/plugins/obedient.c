/* A plugin that does what its state says, good or bad: the tests of workers and sandboxes tell it to. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <hookline/plugin.h>

#include "tests/worker/support/deed.h"

static int calls;

/* ---- what one does ---- */

static int64_t read_file(deed *deed)
{
    char byte;
    int fd = open(deed->path, O_RDONLY | O_CLOEXEC);
    int64_t got = fd < 0 ? -1 : read(fd, &byte, 1);

    if (fd >= 0)
        close(fd);
    return got;
}

static int64_t list_folder(deed *deed)
{
    DIR *folder = opendir(deed->path);
    int64_t names = 0;

    if (!folder)
        return -1;
    while (readdir(folder))
        names++;
    closedir(folder);
    return names;
}

static int64_t write_file(deed *deed)
{
    int fd = open(deed->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    int64_t written = 0;
    ssize_t more = 1;
    char bytes[4096] = "";

    if (fd < 0)
        return -1;
    while (written < deed->number && (more = write(fd, bytes, sizeof(bytes))) > 0)
        written += more;
    close(fd);
    return more < 0 ? -1 : written;
}

static int64_t truncate_file(deed *deed)
{
    return truncate(deed->path, 0);
}

static int64_t remove_file(deed *deed)
{
    return unlink(deed->path);
}

static int64_t open_socket(deed *deed)
{
    int fd = socket((int)deed->number, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0)
        close(fd);
    return fd < 0 ? -1 : 0;
}

static void *idle(void *nothing)
{
    return nothing;
}

static int64_t start_thread(deed *deed)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, idle, NULL);

    (void)deed;
    if (!error)
        pthread_join(thread, NULL);
    errno = error;
    return error ? -1 : 0;
}

/* A fork bomb: each child forks on. */
static int64_t fork_on(deed *deed)
{
    int64_t made = 0;
    pid_t pid = 1;

    while (made < deed->number && (pid = fork()) >= 0) {
        made += pid > 0;
        if (pid == 0 && fork() <= 0)
            pause();
    }
    return pid < 0 ? -1 : made;
}

static int64_t run_program(deed *deed)
{
    char *const arguments[] = {deed->path, NULL};

    return execve(deed->path, arguments, arguments + 1);
}

/* Takes memory until there is none, and gives it back. */
static int64_t take_memory(deed *deed)
{
    size_t piece = (size_t)1 << 20;
    void **last = NULL;
    int64_t taken = 0;
    void **block;

    while (taken < deed->number && (block = malloc(piece))) {
        memset(block, 1, piece);
        *block = last;
        last = block;
        taken += (int64_t)piece;
    }
    while (last) {
        block = *last;
        free(last);
        last = block;
    }
    return taken;
}

static int64_t open_files(deed *deed)
{
    int64_t opened = 0;
    int fds[1024];

    while (opened < deed->number && opened < 1024 && (fds[opened] = dup(STDIN_FILENO)) >= 0)
        opened++;
    for (int64_t i = 0; i < opened; i++)
        close(fds[i]);
    return opened;
}

static int64_t signal_process(deed *deed)
{
    return kill((pid_t)deed->number, 0);
}

static int64_t trace_process(deed *deed)
{
    return ptrace(PTRACE_ATTACH, (pid_t)deed->number, NULL, NULL);
}

/* So that it would outlive its server. */
static int64_t forget_death_signal(deed *deed)
{
    (void)deed;
    return prctl(PR_SET_PDEATHSIG, 0);
}

static int64_t make_session(deed *deed)
{
    (void)deed;
    return setsid();
}

static int64_t call_number(deed *deed)
{
    return syscall((long)deed->number, 0, 0, 0, 0, 0, 0);
}

static int64_t read_limit(deed *deed)
{
    struct rlimit limit;

    return getrlimit((__rlimit_resource_t)deed->number, &limit) == 0 ? (int64_t)limit.rlim_cur : -1;
}

static int64_t read_variable(deed *deed)
{
    return getenv(deed->path) != NULL;
}

static int64_t count_descriptors(deed *deed)
{
    int64_t open_ones = 0;

    (void)deed;
    for (int fd = 0; fd < 256; fd++)
        open_ones += fcntl(fd, F_GETFD) >= 0;
    return open_ones;
}

static int64_t use_processor(deed *deed)
{
    (void)deed;
    for (volatile uint64_t turns = 0;; turns = turns + 1)
        ;
    return 0;
}

static int64_t sleep_ms(deed *deed)
{
    struct timespec pause = {deed->number / 1000, (deed->number % 1000) * 1000000};

    return nanosleep(&pause, NULL);
}

static int64_t ask_whether_late(deed *deed)
{
    int64_t rounds = 0;

    while (!hl_should_stop() && rounds < deed->number)
        rounds++;
    return rounds < deed->number;
}

static int64_t double_number(deed *deed)
{
    return 2 * deed->number;
}

static int64_t count_calls(deed *deed)
{
    (void)deed;
    return calls;
}

/* ---- ways to die ---- */

static int64_t fault(deed *deed)
{
    *(volatile int *)(uintptr_t)deed->number = 1;
    return 0;
}

static int64_t recurse(deed *deed)
{
    volatile char frame[4096];

    frame[0] = deed->what[0];
    return deed->number ? frame[0] : recurse(deed) + frame[0];
}

static int64_t call_abort(deed *deed)
{
    (void)deed;
    abort();
}

static int64_t call_exit(deed *deed)
{
    exit((int)deed->number);
}

static int64_t stop_itself(deed *deed)
{
    (void)deed;
    return raise(SIGSTOP);
}

static int64_t close_all(deed *deed)
{
    (void)deed;
    return (int64_t)syscall(SYS_close_range, 3, ~0U, 0);
}

/* Fills what it can write to, after having made it blocking: nobody may have to wait for that. */
static int64_t fill_descriptors(deed *deed)
{
    char bytes[4096] = "";

    (void)deed;
    for (int fd = 3; fd < 32; fd++) {
        int flags = fcntl(fd, F_GETFL);

        if (flags < 0)
            continue;
        fcntl(fd, F_SETFL, flags | O_NONBLOCK);
        while (write(fd, bytes, sizeof(bytes)) > 0)
            ;
        fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    }
    return 0;
}

typedef struct skill {
    const char *name;
    int64_t (*run)(deed *deed);
} skill;

static const skill skills[] = {{"read", read_file},
                               {"list", list_folder},
                               {"write", write_file},
                               {"truncate", truncate_file},
                               {"remove", remove_file},
                               {"socket", open_socket},
                               {"thread", start_thread},
                               {"fork", fork_on},
                               {"exec", run_program},
                               {"memory", take_memory},
                               {"files", open_files},
                               {"signal", signal_process},
                               {"trace", trace_process},
                               {"immortal", forget_death_signal},
                               {"session", make_session},
                               {"call", call_number},
                               {"limit", read_limit},
                               {"variable", read_variable},
                               {"descriptors", count_descriptors},
                               {"spin", use_processor},
                               {"sleep", sleep_ms},
                               {"late", ask_whether_late},
                               {"calls", count_calls},
                               {"double", double_number},
                               {"fault", fault},
                               {"recurse", recurse},
                               {"abort", call_abort},
                               {"exit", call_exit},
                               {"stop", stop_itself},
                               {"close", close_all},
                               {"fill", fill_descriptors}};

static hl_reply obey(void *self, void *state, const void *meta)
{
    deed *what = (deed *)state;

    (void)self;
    (void)meta;
    calls++;
    for (size_t i = 0; i < sizeof(skills) / sizeof(skills[0]); i++) {
        if (strcmp(what->what, skills[i].name) != 0)
            continue;
        errno = 0;
        what->result = skills[i].run(what);
        what->error = errno;
        what->worker = (int32_t)getpid();
        return hl_next(state);
    }
    return hl_fail(HL_ERR_INVALID);
}

static const hl_plugin_spec specs[] = {HL_PLUGIN_INIT("obedient", "deeds", obey)};
HL_PLUGIN_LIBRARY("obedient", "1.0.0", specs)

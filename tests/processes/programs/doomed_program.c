/* A server that records faults and dies in a plugin: doomed_program STORE WORD... Each WORD prepares something, or ends
 * it:
 *   host         registers "first" and "second", its own plugins of event "e"
 *   alone        registers "only" instead
 *   library      registers the library processes-crasher
 *   watch        has the event watched
 *   handler      installs a SIGSEGV handler that exits with 7; repair: one that repairs
 *   close        closes the runtime and exits with 0
 *   library-code, libc-code, host-code, abort, overflow, repaired, outside, sent, fork: how it dies, or survives */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hookline/hookline.h>

#include "tests/processes/support/crasher.h"

static hl_runtime *runtime;
static hl_event *event;
static char *page; /* may not be written until it is repaired */

#define need(status)                                                                                                   \
    do {                                                                                                               \
        if ((status) != HL_OK) {                                                                                       \
            fprintf(stderr, "doomed_program: %s\n", hl_last_error()->message);                                         \
            exit(3);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* ---- plugins ---- */

static int overflow(volatile char *before)
{
    volatile char here[4096];

    here[0] = before ? before[0] : 0;
    return page ? overflow(here) + here[0] : 0;
}

static hl_reply obey(void *self, void *state, const void *meta)
{
    static int *volatile nowhere = (int *)16;

    (void)self;
    (void)meta;
    if (*(int *)state == CRASH_IN_HOST)
        *nowhere = 1;
    if (*(int *)state == CRASH_ABORT)
        abort();
    if (*(int *)state == CRASH_OVERFLOW)
        *(int *)state = overflow(NULL);
    if (*(int *)state == CRASH_REPAIRED)
        page[0] = 1;
    return hl_next(state);
}

static hl_reply pass(void *self, void *state, const void *meta)
{
    (void)self;
    (void)meta;
    return hl_next(state);
}

static void add(const char *name, hl_call_fn *call)
{
    hl_plugin_spec spec = HL_PLUGIN_INIT(name, "e", call);

    need(hl_register(runtime, &spec, HL_START));
}

/* ---- handlers ---- */

static void exit_7(int signal)
{
    (void)signal;
    _exit(7);
}

static void repair(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)info;
    (void)context;
    mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static void install(void (*handler)(int), void (*informed)(int, siginfo_t *, void *))
{
    struct sigaction action = {.sa_handler = handler};

    if (informed) {
        action.sa_sigaction = informed;
        action.sa_flags = SA_SIGINFO;
    }
    sigaction(SIGSEGV, &action, NULL);
}

/* ---- obeying ---- */

static void *dispatch(void *what)
{
    hl_reply reply = hl_call(event, what, NULL);

    if (reply.verdict != HL_NEXT)
        fprintf(stderr, "doomed_program: %s\n", hl_last_error()->message);
    return NULL;
}

static void die(int how)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, dispatch, &how) == 0)
        pthread_join(thread, NULL);
}

static void open_runtime(const char *store)
{
    hl_options options = HL_OPTIONS_INIT;

    options.store = store;
    options.flags = HL_OPEN_RECORD_FAULTS;
    need(hl_open(&options, &runtime));
    need(hl_event_open(runtime, "e", &event));
}

static void fork_and_die(void)
{
    pid_t pid = fork();
    int ended;

    if (pid == 0)
        dispatch(&(int){CRASH_IN_HOST});
    waitpid(pid, &ended, 0);
}

static int end_well(void)
{
    hl_close(runtime);
    return 0;
}

static void prepare(const char *word)
{
    if (strcmp(word, "host") == 0) {
        add("first", pass);
        add("second", obey);
    } else if (strcmp(word, "alone") == 0) {
        add("only", obey);
    } else if (strcmp(word, "library") == 0) {
        need(hl_register_library(runtime, HL_TEST_PLUGINS "/processes-crasher.so", HL_START));
    } else if (strcmp(word, "watch") == 0) {
        need(hl_watch(runtime, "e", true));
    }
}

static void end(const char *word)
{
    static const char *const ways[] = {"", "library-code", "libc-code", "host-code", "abort", "overflow", "repaired"};

    for (int i = 1; i < (int)(sizeof(ways) / sizeof(ways[0])); i++)
        if (strcmp(word, ways[i]) == 0)
            die(i);
    if (strcmp(word, "outside") == 0)
        raise(SIGSEGV);
    if (strcmp(word, "fork") == 0)
        fork_and_die();
    if (strcmp(word, "sent") == 0)
        pause();
    if (strcmp(word, "close") == 0)
        exit(end_well());
}

int main(int argc, char **argv)
{
    struct rlimit none = {0, 0};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CORE, &none);
    page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "handler") == 0)
            install(exit_7, NULL);
        if (strcmp(argv[i], "repair") == 0)
            install(NULL, repair);
    }
    open_runtime(argv[1]);
    for (int i = 2; i < argc; i++)
        prepare(argv[i]);
    need(hl_wait_compiled(runtime, 30000));
    for (int i = 2; i < argc; i++)
        end(argv[i]);
    return 0;
}

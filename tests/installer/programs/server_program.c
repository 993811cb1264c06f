/* A server on a store that answers lines and ends with its standard input:
 *   trail EVENT     what a dispatch leaves
 *   mapped TEXT     how many of its mappings have TEXT in their path
 *   load EVENT      begins to dispatch the event again and again, on a thread; answers "loading"
 *   rest            ends that; answers how many dispatches there were and how many failed
 *   install PATH    installs it itself; answers the status
 *   wait_compiled   answers when every chain is compiled or never will be */
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>

#include "tests/installer/support/app.h"

static hl_runtime *runtime;

typedef struct load {
    pthread_t thread;
    hl_event *event;
    bool end; /* atomic */
    uint64_t calls, failures;
} load;

static load current;

static void *dispatch(void *user)
{
    load *self = user;

    while (!__atomic_load_n(&self->end, __ATOMIC_ACQUIRE)) {
        test_trail trail = {""};

        self->failures += hl_call(self->event, &trail, NULL).verdict != HL_NEXT || !trail.text[0];
        self->calls++;
    }
    return NULL;
}

static hl_event *event_of(const char *name)
{
    hl_event *event = NULL;

    if (hl_event_open(runtime, name, &event) != HL_OK)
        exit(3);
    return event;
}

static void answer_load(const char *name)
{
    current = (load){.event = event_of(name)};
    if (pthread_create(&current.thread, NULL, dispatch, &current) != 0)
        exit(4);
    puts("loading");
}

static void answer_rest(void)
{
    __atomic_store_n(&current.end, true, __ATOMIC_RELEASE);
    pthread_join(current.thread, NULL);
    printf("%llu %llu\n", (unsigned long long)current.calls, (unsigned long long)current.failures);
}

static void answer_trail(const char *name)
{
    test_trail trail = {""};
    hl_reply reply = hl_call(event_of(name), &trail, NULL);

    printf("%s%s\n", reply.verdict < 0 ? hl_status_name((hl_status)reply.verdict) : "", trail.text);
}

static void answer(const char *word, const char *rest)
{
    if (strcmp(word, "trail") == 0)
        answer_trail(rest);
    else if (strcmp(word, "mapped") == 0)
        printf("%zu\n", test_mapped(rest));
    else if (strcmp(word, "load") == 0)
        answer_load(rest);
    else if (strcmp(word, "rest") == 0)
        answer_rest();
    else if (strcmp(word, "install") == 0)
        puts(hl_status_name(test_install(runtime, rest, NULL)));
    else
        puts(hl_status_name(hl_wait_compiled(runtime, 20000)));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    hl_options options = HL_OPTIONS_INIT;
    char line[4096], word[32];
    int used;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    options.store = argc > 1 ? argv[1] : "";
    if (hl_open(&options, &runtime) != HL_OK) {
        fprintf(stderr, "server_program: %s\n", hl_last_error()->message);
        return 2;
    }
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        used = 0;
        if (sscanf(line, "%31s %n", word, &used) == 1)
            answer(word, line + used);
    }
    hl_close(runtime);
    return 0;
}

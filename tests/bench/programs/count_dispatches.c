/* Dispatches an event a fixed number of times inside one function, so that callgrind, or count_steps, can count the
 * instructions of a dispatch: count_dispatches reference|compiled[-watched] PLUGINS TIMES [stepped]. Exits with 77 when
 * the engine cannot be had here. Run by the scripts of this folder. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>

#include <hookline/hookline.h>

#define SKIPPED 77

static hl_reply add_one(void *self, void *state, const void *meta)
{
    (void)meta;
    *(uint64_t *)self += 1;
    return hl_next(state);
}

/* callgrind collects only in here. */
__attribute__((noinline)) int count_dispatches(hl_event *event, uint64_t times)
{
    int64_t verdicts = 0;
    int state;

    for (uint64_t i = 0; i < times; i++)
        verdicts |= hl_call(event, &state, NULL).verdict;
    return verdicts == HL_NEXT;
}

static hl_status register_plugins(hl_runtime *runtime, uint64_t *counters, int len)
{
    hl_status status = HL_OK;
    char name[32];

    for (int i = 0; status == HL_OK && i < len; i++) {
        hl_plugin_spec spec = HL_PLUGIN_INIT(name, "counted", add_one);

        snprintf(name, sizeof(name), "plugin-%02d", i);
        spec.priority = i;
        spec.self = &counters[i];
        status = hl_register(runtime, &spec, HL_START);
    }
    return status;
}

/* The parent counts between two stops. */
static int count_stepped(hl_event *event, uint64_t times)
{
    int good;

    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
        exit(SKIPPED);
    raise(SIGSTOP);
    good = count_dispatches(event, times);
    raise(SIGSTOP);
    return good;
}

static int run(hl_event *event, const uint64_t *counters, int plugins, uint64_t times, bool stepped)
{
    hl_reply first = hl_call(event, NULL, NULL); /* registers the thread */
    int good = first.verdict == HL_NEXT && (stepped ? count_stepped : count_dispatches)(event, times);

    for (int i = 0; good && i < plugins; i++)
        good = counters[i] == times + 1;
    return good ? 0 : 1;
}

int main(int argc, char **argv)
{
    hl_options options = HL_OPTIONS_INIT;
    static uint64_t counters[100];
    hl_runtime *runtime;
    hl_event *event;
    bool stepped = argc == 5 && strcmp(argv[4], "stepped") == 0;
    bool watched;
    int plugins, code = 1;

    if (argc != 4 && !stepped)
        return 2;
    plugins = atoi(argv[2]);
    watched = strstr(argv[1], "-watched") != NULL;
    options.engine = strncmp(argv[1], "compiled", 8) == 0 ? HL_ENGINE_COMPILED : HL_ENGINE_REFERENCE;
    if (hl_open(&options, &runtime) != HL_OK)
        return 1;
    if (hl_event_open(runtime, "counted", &event) == HL_OK && register_plugins(runtime, counters, plugins) == HL_OK &&
        (!watched || hl_watch(runtime, "counted", true) == HL_OK) && hl_wait_compiled(runtime, 60000) == HL_OK)
        code = hl_event_engine(event) != options.engine
                   ? SKIPPED
                   : run(event, counters, plugins, strtoull(argv[3], NULL, 10), stepped);
    hl_close(runtime);
    return code;
}

/* A stranger's server: one event, one plugin of its own, one from the library named on the command line. */
#include <hookline/hookline.h>
#include <stdio.h>
#include <string.h>

static hl_reply one(void *self, void *state, const void *meta)
{
    (void)self, (void)meta;
    *(int *)state += 1;
    return hl_next(state);
}

int main(int argc, char **argv)
{
    hl_plugin_spec spec = HL_PLUGIN_INIT("one", "sum", one);
    unsigned flags = HL_START | HL_WAIT_COMPILED;
    hl_runtime *runtime;
    hl_event *sum;
    int total = 0;

    if (argc < 2 || hl_open(NULL, &runtime) || hl_event_open(runtime, "sum", &sum) ||
        hl_register(runtime, &spec, flags) || hl_register_library(runtime, argv[1], flags)) {
        fprintf(stderr, "%s: %s\n", hl_last_error()->action, hl_last_error()->message);
        return 1;
    }
    hl_call(sum, &total, NULL);
    printf("total %d engine %s\n", total, hl_event_engine(sum) == HL_ENGINE_REFERENCE ? "reference" : "compiled");
    hl_close(runtime);
    return 0;
}

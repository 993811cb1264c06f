/* A server that waits to be killed: opens a memory runtime, compiles a chain, writes "ready" and its helper's temporary
 * folder is there. With the argument "fork" a child of it lives on, with every descriptor that it inherits. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <hookline/hookline.h>

static hl_reply pass(void *self, void *state, const void *meta)
{
    (void)self;
    (void)meta;
    return hl_next(state);
}

int main(int argc, char **argv)
{
    hl_plugin_spec spec = HL_PLUGIN_INIT("pass", "e", pass);
    hl_runtime *runtime;
    hl_event *event;

    alarm(60);
    if (hl_open(NULL, &runtime) != HL_OK || hl_event_open(runtime, "e", &event) != HL_OK ||
        hl_register(runtime, &spec, HL_START | HL_WAIT_COMPILED) != HL_OK ||
        hl_event_engine(event) != HL_ENGINE_COMPILED)
        return 1;
    if (argc > 1 && strcmp(argv[1], "fork") == 0 && fork() == 0) {
        alarm(10);
        pause();
        _exit(0);
    }
    printf("ready\n");
    fflush(stdout);
    for (;;)
        pause();
}

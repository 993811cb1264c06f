/* A small host: an event with two plugins of its own, in a store that lives in memory. README.md has a shorter one. */
#include <hookline/hookline.h>
#include <stdio.h>
static hl_reply say(void *self, void *state, const void *meta)
{
    printf("%s, %s!\n", (const char *)self, (const char *)meta);
    return hl_next(state);
}
int main(void)
{
    hl_plugin_spec hello = HL_PLUGIN_INIT("hello", "visit", say), bye = HL_PLUGIN_INIT("bye", "visit", say);
    hl_runtime *runtime;
    hl_event *visit;
    hello.self = "Hello", hello.priority = 1, bye.self = "Goodbye", bye.priority = 2;
    if (hl_open(NULL, &runtime) || hl_event_open(runtime, "visit", &visit) || hl_register(runtime, &hello, HL_START) ||
        hl_register(runtime, &bye, HL_START | HL_WAIT_COMPILED))
        return fprintf(stderr, "%s\n", hl_last_error()->message);
    hl_call(visit, NULL, "world");
    hl_close(runtime);
}

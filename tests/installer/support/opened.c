/* See opened.h. */
#include "tests/installer/support/opened.h"

hl_runtime *runtime;
hl_event *event;

static void open_both(void)
{
    runtime = test_open_store(0);
    event = test_event(runtime, "e");
}

int begin(void **state)
{
    test_begin(state);
    open_both();
    return 0;
}

int end(void **state)
{
    hl_close(runtime);
    return test_end(state);
}

void reopen(void)
{
    hl_close(runtime);
    open_both();
}

void install(const char *location)
{
    ok(test_install(runtime, location, NULL));
}

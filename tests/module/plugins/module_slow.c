/* A module whose load function takes its time. */
#include <time.h>

#include <hookline/module.h>

static hl_status nothing(void *self, const hl_value *args, hl_answer *answer)
{
    (void)self;
    (void)args;
    (void)answer;
    return HL_OK;
}

static const hl_module_function functions[] = {{"nothing", nothing, NULL}};

static int load(void **self)
{
    struct timespec time = {.tv_sec = 1};

    (void)self;
    nanosleep(&time, NULL);
    return 0;
}

HL_MODULE_HOOKS("slow", "1.0.0", functions, load, NULL, NULL)

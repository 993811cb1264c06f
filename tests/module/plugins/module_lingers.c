/* Newer code of the module "calls", whose load function takes its time. */
#include <time.h>

#include <hookline/module.h>

static hl_status count(void *self, const hl_value *args, hl_answer *answer)
{
    (void)self;
    (void)args;
    return hl_answer_give(answer, hl_value_int(-1));
}

static const hl_module_function functions[] = {{"count", count, NULL}};

static int load(void **self)
{
    struct timespec time = {.tv_sec = 3};

    *self = NULL;
    nanosleep(&time, NULL);
    return 0;
}

HL_MODULE_HOOKS("calls", "1.7.0", functions, load, NULL, NULL)

/* Newer code of the module "calls", whose load function never returns. */
#include <unistd.h>

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
    (void)self;
    while (pause() != 0)
        continue;
    return 0;
}

HL_MODULE_HOOKS("calls", "1.5.0", functions, load, NULL, NULL)

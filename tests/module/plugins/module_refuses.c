/* A module whose load function refuses. */

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
    (void)self;
    return 7;
}

HL_MODULE_HOOKS("refuses", "1.0.0", functions, load, NULL, NULL)

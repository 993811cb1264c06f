/* Another module: keys are registered to it and taken away from it. */
#include <hookline/module.h>

static hl_status version(void *self, const hl_value *args, hl_answer *answer)
{
    (void)self;
    (void)args;
    return hl_answer_give(answer, hl_value_text("other"));
}

static const hl_module_function functions[] = {{"version", version, "who answers"}};

HL_MODULE("other", "1.0.0", functions)

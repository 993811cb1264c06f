/* The module that hookline bench worker calls by key; see tools/bench_modules.c. */
#include <hookline/module.h>

static hl_status work(void *self, const hl_value *args, hl_answer *answer)
{
    int64_t id = 0;

    (void)self;
    hl_value_as_int(hl_value_at(args, 0), &id);
    return hl_answer_give(answer, hl_value_int(id * 3 + 1));
}

static const hl_module_function functions[] = {{"work", work, "three times the first argument, and one"}};

HL_MODULE("bench", "1.0.0", functions)

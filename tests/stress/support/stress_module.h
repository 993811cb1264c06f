/* A module that says which code it is: plugins/stress_module_*.c are its versions, and another module. */
#include <signal.h>
#include <time.h>

#include <hookline/module.h>

static hl_status echo(void *self, const hl_value *args, hl_answer *answer)
{
    (void)self;
    return hl_answer_give(answer, hl_value_copy(hl_value_at(args, 0)));
}

static hl_status nap(void *self, const hl_value *args, hl_answer *answer)
{
    struct timespec time = {.tv_nsec = 3000000};

    nanosleep(&time, NULL);
    return echo(self, args, answer);
}

static hl_status crash(void *self, const hl_value *args, hl_answer *answer)
{
    (void)self;
    (void)args;
    (void)answer;
    raise(SIGKILL);
    return HL_OK;
}

static hl_status whose(void *self, const hl_value *args, hl_answer *answer)
{
    (void)self;
    (void)args;
    return hl_answer_give(answer, hl_value_text(STRESS_MODULE " " STRESS_VERSION));
}

static const hl_module_function functions[] = {{"echo", echo, "gives its argument"},
                                               {"nap", nap, "the same, in 3 ms"},
                                               {"crash", crash, "dies"},
                                               {"whose", whose, "gives name and version"}};

HL_MODULE(STRESS_MODULE, STRESS_VERSION, functions)

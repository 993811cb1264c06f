/* A module that does what it is asked to, bad things too. plugins/module_calls_1.c and module_calls_2.c are two
 * versions of it, which differ in their version and in what `version` answers. */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <hookline/module.h>

typedef struct counter {
    int64_t calls;
    char from[32]; /* the version whose state this was */
} counter;

static int64_t int_at(const hl_value *args, size_t index)
{
    int64_t value = 0;

    hl_value_as_int(hl_value_at(args, index), &value);
    return value;
}

static hl_status echo(void *self, const hl_value *args, hl_answer *answer)
{
    (void)self;
    return hl_answer_give(answer, hl_value_copy(hl_value_at(args, 0)));
}

static hl_status count(void *self, const hl_value *args, hl_answer *answer)
{
    counter *state = self;

    (void)args;
    return hl_answer_give(answer, hl_value_int(++state->calls));
}

static hl_status version(void *self, const hl_value *args, hl_answer *answer)
{
    (void)self;
    (void)args;
    return hl_answer_give(answer, hl_value_text(CALLS_VERSION));
}

static hl_status from(void *self, const hl_value *args, hl_answer *answer)
{
    (void)args;
    return hl_answer_give(answer, hl_value_text(((counter *)self)->from));
}

static hl_status pid(void *self, const hl_value *args, hl_answer *answer)
{
    (void)self;
    (void)args;
    return hl_answer_give(answer, hl_value_int(getpid()));
}

static hl_status nothing(void *self, const hl_value *args, hl_answer *answer)
{
    (void)self;
    (void)args;
    (void)answer;
    return HL_OK;
}

static hl_status fail(void *self, const hl_value *args, hl_answer *answer)
{
    (void)self;
    return hl_answer_fail(answer, (hl_status)int_at(args, 0), "as %s", "asked");
}

static hl_status fail_silently(void *self, const hl_value *args, hl_answer *answer)
{
    (void)self;
    (void)answer;
    return (hl_status)int_at(args, 0);
}

/* A text that is none any more. */
static hl_status garbage(void *self, const hl_value *args, hl_answer *answer)
{
    hl_value *text = hl_value_text("abc");

    (void)self;
    (void)args;
    if (text)
        *(char *)(uintptr_t)hl_value_as_text(text, NULL) = (char)0xff;
    return hl_answer_give(answer, text);
}

static hl_status bytes(void *self, const hl_value *args, hl_answer *answer)
{
    size_t len = (size_t)int_at(args, 0);
    void *made = calloc(1, len + 1);
    hl_status status = hl_answer_give(answer, made ? hl_value_bytes(made, len) : NULL);

    (void)self;
    free(made);
    return status;
}

static hl_status flood(void *self, const hl_value *args, hl_answer *answer)
{
    size_t got = 0;
    char *more;

    (void)self;
    (void)args;
    while ((more = malloc(1 << 20)) != NULL) {
        memset(more, 1, 1 << 20);
        got++;
    }
    return hl_answer_give(answer, hl_value_int((int64_t)got));
}

static hl_status nap(void *self, const hl_value *args, hl_answer *answer)
{
    struct timespec time = {.tv_nsec = (long)int_at(args, 0) * 1000000};

    (void)self;
    nanosleep(&time, NULL);
    return hl_answer_give(answer, hl_value_int(getpid()));
}

/* Milliseconds that are left of the call's time, when it is not late. */
static hl_status left(void *self, const hl_value *args, hl_answer *answer)
{
    struct timespec now;

    (void)self;
    (void)args;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (hl_should_stop() || !hl_call_deadline_ns)
        return hl_answer_fail(answer, HL_ERR_TIMEOUT, "the call is late");
    return hl_answer_give(answer, hl_value_int((int64_t)(hl_call_deadline_ns() / 1000000) - (int64_t)now.tv_sec * 1000 -
                                               now.tv_nsec / 1000000));
}

static hl_status hang(void *self, const hl_value *args, hl_answer *answer)
{
    (void)self;
    (void)args;
    (void)answer;
    for (volatile bool for_ever = true; for_ever;)
        ;
    return HL_OK;
}

static hl_status stop(void *self, const hl_value *args, hl_answer *answer)
{
    (void)self;
    (void)args;
    (void)answer;
    raise(SIGSTOP);
    return HL_OK;
}

static hl_status crash(void *self, const hl_value *args, hl_answer *answer)
{
    volatile int *volatile nowhere = NULL;

    (void)self;
    (void)args;
    (void)answer;
    *nowhere = 1;
    return HL_OK;
}

static hl_status give_up(void *self, const hl_value *args, hl_answer *answer)
{
    (void)self;
    (void)args;
    (void)answer;
    abort();
}

static hl_status leave(void *self, const hl_value *args, hl_answer *answer)
{
    (void)self;
    (void)answer;
    _exit((int)int_at(args, 0));
}

static const hl_module_function functions[] = {
    {"echo", echo, "its first argument"},
    {"count", count, "how often it was called"},
    {"left", left, "how long the call may take"},
    {"version", version, NULL},
    {"from", from, NULL},
    {"pid", pid, NULL},
    {"nothing", nothing, NULL},
    {"fail", fail, NULL},
    {"fail_silently", fail_silently, NULL},
    {"garbage", garbage, NULL},
    {"bytes", bytes, NULL},
    {"flood", flood, NULL},
    {"nap", nap, NULL},
    {"hang", hang, NULL},
    {"stop", stop, NULL},
    {"crash", crash, NULL},
    {"abort", give_up, NULL},
    {"exit", leave, NULL},
};

static int load(void **self)
{
    counter *state = calloc(1, sizeof(*state));

    *self = state;
    return state ? 0 : 1;
}

static void unload(void *self)
{
    free(self);
}

static int upgrade(void **self, const char *from_version)
{
    counter *state = *self;

    snprintf(state->from, sizeof(state->from), "%s", from_version);
    return 0;
}

HL_MODULE_HOOKS("calls", CALLS_VERSION, functions, load, unload, upgrade)

/* The compile queue: events whose published chain has no code yet go to the compiler in batches; what was overtaken
 * meanwhile is skipped; every failure leaves the reference engine in charge and a reason. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/runtime.h"

static bool has_compiler(const hl_runtime *runtime)
{
    return runtime->parts.compiler && !(runtime->options.flags & HL_OPEN_RECORDS_ONLY) &&
           runtime->options.engine >= HL_ENGINE_COMPILED;
}

bool hl__compile_settled(const struct hl__event *event)
{
    return event->compile_state != HL__COMPILE_QUEUED && event->compile_state != HL__COMPILE_RUNNING;
}

static void set_state(struct hl__event *event, hl__compile_state state)
{
    event->compile_state = state;
    if (hl__compile_settled(event))
        pthread_cond_broadcast(&event->runtime->settled);
}

static void set_reason(struct hl__event *event, const char *reason)
{
    free(event->compile_reason);
    event->compile_reason = reason ? strdup(reason) : NULL;
}

/* ---- the queue: an event is in it at most once ---- */

static void enqueue(hl_runtime *runtime, struct hl__event *event)
{
    event->compile_next = NULL;
    if (!runtime->compile_first)
        runtime->compile_end = &runtime->compile_first;
    *runtime->compile_end = event;
    runtime->compile_end = &event->compile_next;
    set_state(event, HL__COMPILE_QUEUED);
}

static struct hl__event *dequeue(hl_runtime *runtime)
{
    struct hl__event *event = runtime->compile_first;

    if (event)
        runtime->compile_first = event->compile_next;
    return event;
}

/* A chain that is queued already is compiled in its newest form; one that is being compiled is overtaken. */
void hl__compile_want(hl_runtime *runtime, struct hl__event *event)
{
    bool nothing = !event->plan->available || event->plan->len == 0;

    if (event->compile_state == HL__COMPILE_QUEUED) {
        runtime->counters.compile_skipped++;
        return;
    }
    set_reason(event, NULL);
    if (nothing || !has_compiler(runtime)) {
        set_state(event, HL__COMPILE_NONE);
        return;
    }
    enqueue(runtime, event);
    hl__wake(runtime);
}

/* ---- outcomes ---- */

static void fail(hl_runtime *runtime, struct hl__event *event, const char *reason)
{
    bool known = event->compile_reason && strcmp(event->compile_reason, reason) == 0;
    hl_notice notice = {.kind = HL_NOTICE_COMPILE_FAILED,
                        .event = event->name,
                        .status = HL_ERR_COMPILE,
                        .reason = reason,
                        .generation = event->generation};

    runtime->counters.compile_failures++;
    if (!known) {
        set_reason(event, reason);
        hl__notify(runtime, &notice, NULL);
        hl__log(runtime, HL_LOG_ERROR, "compiler", "event \"%s\" stays on the reference engine: %s", event->name,
                reason);
    }
    set_state(event, HL__COMPILE_FAILED);
}

static void finish(hl_runtime *runtime, const hl__compiling *job, const char *reason, const hl__compiled *compiled)
{
    struct hl__event *event = job->event;
    bool current = event->generation == job->generation && !runtime->closed;

    if (!current) {
        runtime->counters.compile_skipped++;
        if (compiled)
            runtime->parts.compiler->ops->release(runtime->parts.compiler, compiled->code);
        return;
    }
    if (!compiled) {
        fail(runtime, event, reason);
        return;
    }
    set_reason(event, NULL);
    hl__publish_compiled(runtime, event, compiled);
    set_state(event, HL__COMPILE_DONE);
}

static bool take_from_compiler(hl_runtime *runtime, uint64_t ticket, hl__compiling *out)
{
    for (size_t i = 0; i < runtime->compiling_len; i++) {
        if (runtime->compiling[i].ticket == ticket) {
            *out = runtime->compiling[i];
            runtime->compiling[i] = runtime->compiling[--runtime->compiling_len];
            return true;
        }
    }
    return false;
}

static void done(void *user, uint64_t ticket, hl_status status, const char *reason, const hl__compiled *compiled)
{
    hl_runtime *runtime = user;
    hl__compiling job;

    pthread_mutex_lock(&runtime->lock);
    if (take_from_compiler(runtime, ticket, &job))
        finish(runtime, &job, reason, status == HL_OK ? compiled : NULL);
    pthread_mutex_unlock(&runtime->lock);
}

/* ---- feeding the compiler ---- */

/* What the compiler is given is copied: it must not keep a plan, and with it a plugin's library, from being
 * released. */
typedef struct batch {
    hl__unit units[HL__BATCH_MOST];
    char symbols[HL__BATCH_MOST][HL__SYMBOL_MAX];
    size_t len;
} batch;

static void free_batch(batch *gone)
{
    for (size_t i = 0; i < gone->len; i++)
        free((void *)(uintptr_t)gone->units[i].steps);
    free(gone);
}

static hl__step *copy_steps(const hl__plan *plan)
{
    hl__step *steps = malloc(plan->len * sizeof(*steps));

    return steps ? memcpy(steps, plan->steps, plan->len * sizeof(*steps)) : NULL;
}

static void add_unit(hl_runtime *runtime, batch *to, struct hl__event *event)
{
    const hl__plan *plan = event->plan;
    char *symbol = to->symbols[to->len];
    hl__step *steps = plan->place ? copy_steps(plan) : NULL;
    uint64_t ticket = ++runtime->last_ticket;

    if (!steps) {
        fail(runtime, event, "there is no memory left");
        return;
    }
    snprintf(symbol, HL__SYMBOL_MAX, "%s#%llu", event->name, (unsigned long long)plan->generation);
    runtime->compiling[runtime->compiling_len++] = (hl__compiling){ticket, event, plan->generation};
    to->units[to->len++] = (hl__unit){.ticket = ticket,
                                      .symbol = symbol,
                                      .of = plan->place,
                                      .stop = hl__chain_stop,
                                      .steps = steps,
                                      .steps_len = plan->len};
    set_state(event, HL__COMPILE_RUNNING);
}

/* What is queued may have lost its plugins since. */
static void fill(hl_runtime *runtime, batch *to)
{
    struct hl__event *event;

    to->len = 0;
    while (runtime->compiling_len < HL__BATCH_MOST && (event = dequeue(runtime)) != NULL) {
        if (event->plan->available && event->plan->len)
            add_unit(runtime, to, event);
        else
            set_state(event, HL__COMPILE_NONE);
    }
}

/* A refused batch: none of its tickets will come back. */
static void refuse(hl_runtime *runtime, batch *refused)
{
    hl__error_copy error;

    hl__error_save(&error);
    for (size_t i = 0; i < refused->len; i++)
        done(runtime, refused->units[i].ticket, HL_ERR_COMPILE, error.message, NULL);
}

/* Returns whether there was a batch that the compiler refused. One that takes nothing for a while refuses at once and
 * says why: nobody should wait for a helper that is not there. */
static bool feed(hl_runtime *runtime)
{
    hl__compiler *compiler = runtime->parts.compiler;
    bool refused = false;
    batch *next;

    if (runtime->compiling_len)
        return false;
    next = malloc(sizeof(*next));
    if (!next)
        return false;
    pthread_mutex_lock(&runtime->lock);
    fill(runtime, next);
    pthread_mutex_unlock(&runtime->lock);
    if (next->len && compiler->ops->submit(compiler, next->units, next->len) != HL_OK) {
        refused = true;
        refuse(runtime, next);
    }
    free_batch(next);
    return refused;
}

/* ---- a compiler that takes nothing for a while ---- */

static void retry_failed(hl_runtime *runtime)
{
    struct hl__event *event, *next;

    runtime->compiler_blocked = false;
    HASH_ITER (hh, runtime->events, event, next) {
        if (event->compile_state == HL__COMPILE_FAILED)
            enqueue(runtime, event);
    }
}

static void check_blocked(hl_runtime *runtime)
{
    bool idle = runtime->parts.compiler->ops->idle(runtime->parts.compiler);

    pthread_mutex_lock(&runtime->lock);
    if (!idle && runtime->compiling_len == 0)
        runtime->compiler_blocked = true;
    else if (idle && runtime->compiler_blocked)
        retry_failed(runtime);
    pthread_mutex_unlock(&runtime->lock);
}

void hl__compile_turn(hl_runtime *runtime)
{
    if (!has_compiler(runtime))
        return;
    runtime->parts.compiler->ops->service(runtime->parts.compiler, done, runtime);
    check_blocked(runtime);
    while (feed(runtime))
        ;
    check_blocked(runtime);
}

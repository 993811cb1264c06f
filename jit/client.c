/* The compiler client: batches, failures, back-off. Called through hl__compiler_ops.
 *
 * One batch is under way at a time. It is first tried as a whole. When that fails, its chains are tried one by one, so
 * that a chain which the compiler cannot bear takes no other down; when that fails a few times in a row without a
 * success, the compiler itself is broken, and the rest fails with the same reason. */
#include "jit/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "core/program.h"
#include "jit/code.h"
#include "jit/helper.h"
#include "jit/lower.h"
#include "jit/memfile.h"

#ifndef HL__JIT_PROGRAM
#define HL__JIT_PROGRAM "/usr/local/libexec/hookline/hookline-jit"
#endif

#define MS UINT64_C(1000000)
#define TIMEOUT_DEFAULT_MS 10000
#define RECYCLE_DEFAULT 128 /* keeps the helper below 80 MB */
#define STEPS_OF_A_CHAIN 16 /* longer chains cost the helper more memory, and count more */
#define BACKOFF_FIRST_NS (100 * MS)
#define BACKOFF_MOST_NS (30000 * MS)
#define FAILURES_MOST 3 /* in a row: the batch and two of its chains */

/* A chain under way. */
typedef struct job {
    uint64_t ticket;
    hl__lowered lowered;
    hl__arena *arena;
    char *label;     /* for perf */
    uint64_t weight; /* for the helper's memory */
} job;

typedef struct client {
    hl__compiler base;
    char *program;
    uint64_t timeout_ns;
    uint32_t recycle_after;
    hl__code_room room;
    hl__helper helper;
    uint64_t helper_compiled; /* chains that this helper has been given, by weight */
    uint64_t starts;          /* atomic: counters are read on any thread */

    job *jobs;
    size_t jobs_len; /* 0: no batch is under way */
    size_t first;    /* the attempt under way */
    size_t len;
    unsigned failures; /* in a row */
    bool worked;       /* an attempt of this batch succeeded */
    uint64_t attempt;  /* number */
    uint64_t deadline_ns;

    uint64_t backoff_ns; /* 0: all is well */
    uint64_t retry_at_ns;
    char reason[1024]; /* of the last failure */
} client;

static client *of(hl__compiler *compiler)
{
    return (client *)compiler;
}

static void drop_jobs(client *c)
{
    for (size_t i = 0; i < c->jobs_len; i++) {
        hl__lowered_cleanup(&c->jobs[i].lowered);
        free(c->jobs[i].label);
    }
    free(c->jobs);
    c->jobs = NULL;
    c->jobs_len = 0;
}

static void back_off(client *c)
{
    c->backoff_ns = c->backoff_ns ? 2 * c->backoff_ns : BACKOFF_FIRST_NS;
    if (c->backoff_ns > BACKOFF_MOST_NS)
        c->backoff_ns = BACKOFF_MOST_NS;
    c->retry_at_ns = hl__child_now_ns() + c->backoff_ns;
}

static hl_status keep_reason(client *c, hl_status status)
{
    if (status != HL_OK)
        snprintf(c->reason, sizeof(c->reason), "%s", hl_last_error()->message);
    return status;
}

/* ---- one attempt ---------------------------------------------------------------------------------------------- */

static hl_status need_helper(client *c)
{
    hl_status status;

    if (c->helper.socket >= 0)
        return HL_OK;
    status = hl__helper_start(c->program, (unsigned)(2 * c->timeout_ns / (1000 * MS)) + 5, &c->helper);
    if (status != HL_OK)
        return status;
    __atomic_add_fetch(&c->starts, 1, __ATOMIC_RELAXED);
    c->helper_compiled = 0;
    return HL_OK;
}

static hl_status batch_refused(int error)
{
    return hl__fail_errno(HL_ERR_COMPILE, error, "compile", "memory", "the batch cannot be put into a memory file");
}

/* The chains of the attempt in a memory file: a packet would not hold them, and a stream could block. */
static hl_status write_batch(const client *c, int *out)
{
    size_t bytes = 0;
    size_t at = 0;
    int error = 0;
    int fd;

    for (size_t i = c->first; i < c->first + c->len; i++)
        bytes += c->jobs[i].lowered.len;
    if (bytes > HL__WIRE_BYTES_MAX)
        return batch_refused(EFBIG);
    fd = hl__memfile_new("hookline-batch", bytes, false);
    if (fd < 0)
        return batch_refused(errno);
    for (size_t i = c->first; !error && i < c->first + c->len; i++) {
        error = hl__memfile_write(fd, c->jobs[i].lowered.bytes, c->jobs[i].lowered.len, at);
        at += c->jobs[i].lowered.len;
    }
    *out = fd;
    if (!error)
        return HL_OK;
    close(fd);
    return batch_refused(error);
}

static hl_status begin_attempt(client *c)
{
    hl__wire_request request = {.magic = HL__WIRE_MAGIC, .units_len = (uint32_t)c->len, .batch = ++c->attempt};
    int fd = -1;
    hl_status status = need_helper(c);

    if (status == HL_OK)
        status = write_batch(c, &fd);
    if (status != HL_OK)
        return status;
    status = hl__helper_send(&c->helper, &request, fd);
    close(fd);
    for (size_t i = c->first; i < c->first + c->len; i++)
        c->helper_compiled += c->jobs[i].weight;
    c->deadline_ns = hl__child_now_ns() + c->timeout_ns;
    return status;
}

/* ---- a batch -------------------------------------------------------------------------------------------------- */

static void report_failure(client *c, size_t i, hl__compiled_fn *done, void *user)
{
    done(user, c->jobs[i].ticket, HL_ERR_COMPILE, c->reason, NULL);
}

static void finish_batch(client *c)
{
    drop_jobs(c);
    if (c->helper.socket < 0 || c->helper_compiled < c->recycle_after)
        return;
    hl__helper_end(&c->helper);
    /* The successor gets ready while there is nothing to do. If it cannot be started, the next submit will say so. */
    if (need_helper(c) != HL_OK)
        hl__helper_end(&c->helper);
}

static void give_up(client *c, size_t from, hl__compiled_fn *done, void *user)
{
    for (size_t i = from; i < c->jobs_len; i++)
        report_failure(c, i, done, user);
    finish_batch(c);
}

/* Goes on with one chain, if there is one left. What cannot even be sent is given up. */
static void go_on(client *c, size_t first, hl__compiled_fn *done, void *user)
{
    if (first >= c->jobs_len) {
        finish_batch(c);
        return;
    }
    c->first = first;
    c->len = 1;
    if (keep_reason(c, begin_attempt(c)) == HL_OK)
        return;
    hl__helper_end(&c->helper);
    back_off(c);
    give_up(c, first, done, user);
}

/* After a failed attempt, whose reason has been kept. `died`: the helper is gone. */
static void attempt_failed(client *c, bool died, hl__compiled_fn *done, void *user)
{
    size_t next = c->first;

    c->failures++;
    if (c->len == 1)
        report_failure(c, next++, done, user);
    if (next < c->jobs_len && c->failures < FAILURES_MOST) {
        go_on(c, next, done, user);
        return;
    }
    if (died && !c->worked)
        back_off(c);
    give_up(c, next, done, user);
}

static hl_status load_one(client *c, const hl__object *object, const job *j, hl__compiled *out)
{
    hl_status status = hl__code_place(object, j->lowered.symbol, j->arena, out);

    if (keep_reason(c, status) == HL_OK)
        hl__code_announce(&c->room, out, j->label);
    return status;
}

/* Every chain is placed before any is reported, so that one barrier serves all. */
static hl_status load_all(client *c, const hl__object *object, hl__compiled_fn *done, void *user)
{
    hl__compiled *compiled = calloc(c->len, sizeof(*compiled));

    if (!compiled)
        return hl__fail_memory("compile");
    for (size_t i = 0; i < c->len; i++)
        if (load_one(c, object, &c->jobs[c->first + i], &compiled[i]) != HL_OK)
            compiled[i].code = NULL;
    hl__arena_sync();
    for (size_t i = 0; i < c->len; i++)
        if (compiled[i].code)
            done(user, c->jobs[c->first + i].ticket, HL_OK, "", &compiled[i]);
        else
            report_failure(c, c->first + i, done, user);
    free(compiled);
    return HL_OK;
}

static hl_status load(client *c, int fd, hl__compiled_fn *done, void *user)
{
    uint8_t *bytes;
    hl__object object;
    hl_status status = hl__code_read(fd, &bytes, &object);

    if (status == HL_OK)
        status = load_all(c, &object, done, user);
    free(bytes);
    return keep_reason(c, status);
}

static void attempt_succeeded(client *c, hl__compiled_fn *done, void *user)
{
    c->failures = 0;
    c->worked = true;
    c->backoff_ns = 0;
    go_on(c, c->first + c->len, done, user);
}

/* ---- what the helper does ------------------------------------------------------------------------------------- */

/* Ends the helper; the reason says how it ended and what it said last. */
static void bury(client *c, const char *how)
{
    char words[400];
    char ended[80];
    hl__child_end end;

    hl__helper_words(&c->helper, words, sizeof(words));
    end = hl__helper_end(&c->helper);
    hl__child_describe(&end, ended, sizeof(ended));
    snprintf(c->reason, sizeof(c->reason), "hookline-jit %s%s%s", how ? how : ended, *words ? ": " : "", words);
}

static void helper_ended(client *c, const char *how, hl__compiled_fn *done, void *user)
{
    bool at_work = c->jobs_len > 0;

    bury(c, how);
    if (at_work)
        attempt_failed(c, true, done, user);
}

static void helper_failed(client *c, const hl__wire_reply *reply, hl__compiled_fn *done, void *user)
{
    char words[400];

    hl__helper_words(&c->helper, words, sizeof(words));
    snprintf(c->reason, sizeof(c->reason), "libgccjit: %.600s%s%s", reply->text, *words ? ": " : "", words);
    attempt_failed(c, false, done, user);
}

static void helper_replied(client *c, const hl__wire_reply *reply, int object, hl__compiled_fn *done, void *user)
{
    if (!c->jobs_len || reply->batch != c->attempt) {
        helper_ended(c, "answered what was not asked", done, user);
        return;
    }
    if (reply->outcome == HL__WIRE_FAILED) {
        helper_failed(c, reply, done, user);
        return;
    }
    if (load(c, object, done, user) == HL_OK) {
        attempt_succeeded(c, done, user);
        return;
    }
    hl__helper_end(&c->helper);
    attempt_failed(c, true, done, user);
}

static bool overdue(const client *c)
{
    return c->jobs_len && hl__child_now_ns() >= c->deadline_ns;
}

/* ---- operations ----------------------------------------------------------------------------------------------- */

static void jit_service(hl__compiler *compiler, hl__compiled_fn *done, void *user)
{
    client *c = of(compiler);
    hl__wire_reply reply;
    char how[80];
    int object;

    while (c->helper.socket >= 0) {
        switch (hl__helper_receive(&c->helper, &reply, &object)) {
        case HL__HEARD_REPLY:
            helper_replied(c, &reply, object, done, user);
            if (object >= 0)
                close(object);
            continue;
        case HL__HEARD_END:
            helper_ended(c, NULL, done, user);
            continue;
        case HL__HEARD_NOTHING:
            break;
        }
        if (!overdue(c))
            return;
        snprintf(how, sizeof(how), "took longer than %llu ms", (unsigned long long)(c->timeout_ns / MS));
        helper_ended(c, how, done, user);
    }
}

static bool jit_idle(hl__compiler *compiler)
{
    const client *c = of(compiler);

    return !c->jobs_len && (!c->backoff_ns || hl__child_now_ns() >= c->retry_at_ns);
}

static int jit_fd(hl__compiler *compiler)
{
    return of(compiler)->helper.socket;
}

static uint64_t jit_wake_at_ns(hl__compiler *compiler)
{
    const client *c = of(compiler);

    if (c->jobs_len)
        return c->deadline_ns;
    if (c->backoff_ns && hl__child_now_ns() < c->retry_at_ns)
        return c->retry_at_ns;
    return UINT64_MAX;
}

static hl_status add_job(client *c, const hl__unit *unit)
{
    job *j = &c->jobs[c->jobs_len];
    hl_status status = hl__code_arena(&c->room, unit, &j->arena);

    hl__reach reach;

    if (status != HL_OK)
        return status;
    reach = hl__arena_reach(j->arena);
    status = hl__lower(unit, c->jobs_len, &reach, &j->lowered);
    if (status != HL_OK)
        return status;
    c->jobs_len++;
    j->ticket = unit->ticket;
    j->weight = 1 + unit->steps_len / STEPS_OF_A_CHAIN;
    j->label = hl__unit_label(unit);
    return j->label ? HL_OK : hl__fail_memory("compile");
}

static hl_status take_batch(client *c, const hl__unit *units, size_t units_len)
{
    hl_status status = HL_OK;

    c->jobs = calloc(units_len, sizeof(*c->jobs));
    if (!c->jobs)
        return hl__fail_memory("compile");
    for (size_t i = 0; status == HL_OK && i < units_len; i++)
        status = add_job(c, &units[i]);
    return status;
}

static hl_status jit_submit(hl__compiler *compiler, const hl__unit *units, size_t units_len)
{
    client *c = of(compiler);
    hl_status status;

    if (!units_len)
        return HL_OK;
    if (c->jobs_len)
        return hl__fail(HL_ERR_COMPILE, "compile", "", "the compiler is at work");
    if (!jit_idle(compiler))
        return hl__fail(HL_ERR_COMPILE, "compile", "", "%s", c->reason);
    status = take_batch(c, units, units_len);
    c->first = 0;
    c->len = units_len;
    c->failures = 0;
    c->worked = false;
    if (status == HL_OK)
        status = begin_attempt(c);
    if (status == HL_OK)
        return HL_OK;
    keep_reason(c, status);
    drop_jobs(c);
    hl__helper_end(&c->helper);
    back_off(c);
    return hl__fail(HL_ERR_COMPILE, "compile", "", "%s", c->reason);
}

static void jit_release(hl__compiler *compiler, hl__code *code)
{
    (void)compiler;
    hl__code_release(code);
}

static uint64_t jit_helper_starts(hl__compiler *compiler)
{
    return __atomic_load_n(&of(compiler)->starts, __ATOMIC_RELAXED);
}

static void jit_destroy(hl__compiler *compiler)
{
    client *c = of(compiler);

    hl__helper_end(&c->helper);
    drop_jobs(c);
    hl__code_room_cleanup(&c->room);
    free(c->program);
    free(c);
}

static const hl__compiler_ops operations = {
    .destroy = jit_destroy,
    .idle = jit_idle,
    .submit = jit_submit,
    .fd = jit_fd,
    .wake_at_ns = jit_wake_at_ns,
    .service = jit_service,
    .release = jit_release,
    .helper_starts = jit_helper_starts,
};

static char *find_program(const char *wished)
{
    char found[4096];

    if (wished)
        return strdup(wished);
    return strdup(hl__program_find("HOOKLINE_JIT", "hookline-jit", HL__JIT_PROGRAM, found, sizeof(found)));
}

hl_status hl__jit_new(const hl__jit_options *options, hl__compiler **out)
{
    client *c = calloc(1, sizeof(*c));

    if (!c)
        return hl__fail_memory("compile");
    c->base.ops = &operations;
    c->helper = (hl__helper)HL__HELPER_NONE;
    c->timeout_ns = MS * (options->timeout_ms ? options->timeout_ms : TIMEOUT_DEFAULT_MS);
    c->recycle_after = options->recycle_after ? options->recycle_after : RECYCLE_DEFAULT;
    c->program = find_program(options->program);
    if (!c->program) {
        free(c);
        return hl__fail_memory("compile");
    }
    hl__code_room_init(&c->room, options->perf_map);
    hl__scratch_sweep();
    *out = &c->base;
    return HL_OK;
}

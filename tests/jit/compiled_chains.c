/* Compiled chains do what the reference loop says: order, arguments, stopping. Row CM-02. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <execinfo.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/jit/support/chains.h"
#include "tests/jit/support/drive.h"

static char states[CHAIN_STEPS_MAX + 1];
static const int meta_value = 7;

static int new_drive(void **state)
{
    if (!HL_TEST_HAVE_JIT)
        skip();
    *state = drive_new(NULL, 0, 0);
    return 0;
}

static int end_drive(void **state)
{
    if (*state)
        drive_destroy(*state);
    return 0;
}

static const hl__compiled *compile(drive *d, chain *c)
{
    drive_release(d, 0);
    assert_int_equal(drive_compile(d, &c->unit, 1), HL_OK);
    assert_string_equal(d->results[0].reason, "");
    assert_int_equal(d->results[0].status, HL_OK);
    assert_int_equal(d->results[0].reports, 1);
    return &d->results[0].compiled;
}

static void check_runs_to_the_end(const chain *c, const hl__compiled *compiled)
{
    hl_reply reply = chain_run(compiled, states, &meta_value);

    assert_int_equal(trace.calls_len, c->unit.steps_len);
    assert_int_equal(trace.stops, 0);
    assert_ptr_equal(reply.state, states + c->unit.steps_len);
    assert_int_equal(reply.verdict, HL_NEXT);
    for (size_t i = 0; i < c->unit.steps_len; i++) {
        assert_ptr_equal(trace.selves[i], &c->selves[i]);
        assert_ptr_equal(trace.states[i], states + i);
        assert_ptr_equal(trace.metas[i], &meta_value);
    }
}

static void check_stops_at(chain *c, const hl__compiled *compiled, size_t index, int64_t verdict)
{
    hl_reply reply;

    c->selves[index].verdict = verdict;
    reply = chain_run(compiled, states, &meta_value);
    c->selves[index].verdict = HL_NEXT;
    assert_int_equal(trace.calls_len, index + 1);
    assert_int_equal(trace.stops, 1);
    assert_ptr_equal(trace.stop_of, c);
    assert_int_equal(trace.stop_index, index);
    assert_ptr_equal(trace.stop_input, states);
    assert_ptr_equal(trace.stop_state, states + index + 1);
    assert_int_equal(trace.stop_verdict, verdict);
    assert_ptr_equal(reply.state, CHAIN_STOPPED);
    assert_int_equal(reply.verdict, -77);
}

static void plugins_run_in_order_each_on_the_state_of_the_one_before(void **state)
{
    static const size_t lengths[] = {1, 2, 3, 4, 16, 64, 1024};

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        chain *c = chain_new("order#1", lengths[i]);

        check_runs_to_the_end(c, compile(*state, c));
        free(c);
    }
}

static void a_verdict_that_is_not_next_stops_at_once_and_tells_where(void **state)
{
    static const size_t lengths[] = {1, 2, 16, 64};
    static const int64_t verdicts[] = {HL_HALT, HL_ERR_PLUGIN, 2, INT64_MIN, INT64_MAX, INT64_C(1) << 32};

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        chain *c = chain_new("stop#1", lengths[i]);
        const hl__compiled *compiled = compile(*state, c);

        for (size_t at = 0; at < lengths[i]; at++)
            for (size_t v = 0; v < sizeof(verdicts) / sizeof(verdicts[0]); v++)
                check_stops_at(c, compiled, at, verdicts[v]);
        free(c);
    }
}

static void the_last_of_1024_plugins_stops_with_its_own_index(void **state)
{
    chain *c = chain_new("long#1", 1024);
    const hl__compiled *compiled = compile(*state, c);

    check_stops_at(c, compiled, 1023, HL_HALT);
    check_stops_at(c, compiled, 512, HL_HALT);
    free(c);
}

/* Up to 256 plugins an index is a byte in the chain. */
static void the_last_of_256_and_of_257_plugins_stops_with_its_own_index(void **state)
{
    for (size_t len = 256; len <= 257; len++) {
        chain *c = chain_new("byte#1", len);
        const hl__compiled *compiled = compile(*state, c);

        check_stops_at(c, compiled, 0, HL_HALT);
        check_stops_at(c, compiled, 128, HL_HALT);
        check_stops_at(c, compiled, len - 1, HL_HALT);
        free(c);
    }
}

static void a_null_state_and_null_meta_are_passed_on(void **state)
{
    chain *c = chain_new("null#1", 3);
    const hl__compiled *compiled = compile(*state, c);
    hl_reply reply;

    for (size_t i = 0; i < 3; i++)
        c->selves[i].adds = 0;
    reply = chain_run(compiled, NULL, NULL);
    assert_int_equal(trace.calls_len, 3);
    assert_null(reply.state);
    assert_null(trace.metas[2]);
    c->selves[2].verdict = HL_HALT;
    chain_run(compiled, NULL, NULL);
    assert_null(trace.stop_input);
    assert_null(trace.stop_state);
    free(c);
}

static void a_null_self_and_a_repeated_plugin_are_called_as_given(void **state)
{
    chain *c = chain_new("same#1", 4);

    for (size_t i = 1; i < 4; i++)
        c->steps[i].self = &c->selves[0];
    chain_run(compile(*state, c), states, NULL);
    assert_int_equal(trace.calls_len, 4);
    assert_ptr_equal(trace.selves[3], &c->selves[0]);
    free(c);
}

#define SELVES 7
static const void *selves_seen[SELVES];
static size_t selves_seen_len;

static hl_reply note_self(void *self, void *state, const void *meta)
{
    hl_reply reply = {state, HL_NEXT};

    (void)meta;
    selves_seen[selves_seen_len++ % SELVES] = self;
    return reply;
}

static void every_self_arrives_whatever_its_address(void **state)
{
    static char near_data;
    char on_stack;
    chain *c = chain_new("selves", SELVES);
    /* A function's address serves as data, too; an odd one is no less good. */
    void *selves[SELVES] = {&near_data,          (char *)&near_data + 1,       NULL,     (void *)(uintptr_t)1,
                            (void *)UINTPTR_MAX, (void *)(uintptr_t)note_self, &on_stack};

    for (size_t i = 0; i < SELVES; i++)
        c->steps[i] = (hl__step){note_self, selves[i]};
    selves_seen_len = 0;
    chain_run(compile(*state, c), states, NULL);
    assert_int_equal(selves_seen_len, SELVES);
    assert_memory_equal(selves_seen, selves, sizeof(selves));
    free(c);
}

static void a_batch_gives_each_ticket_its_own_chain(void **state)
{
    drive *d = *state;
    chain *chains[32];
    hl__unit units[32];

    for (size_t i = 0; i < 32; i++) {
        chains[i] = chain_new("batch", 1 + i % 7);
        units[i] = chains[i]->unit;
    }
    assert_int_equal(drive_compile(d, units, 32), HL_OK);
    for (size_t i = 0; i < 32; i++) {
        assert_int_equal(d->results[i].reports, 1);
        assert_int_equal(d->results[i].status, HL_OK);
        check_runs_to_the_end(chains[i], &d->results[i].compiled);
        free(chains[i]);
    }
}

static void equal_chains_are_freed_apart(void **state)
{
    drive *d = *state;
    chain *c = chain_new("twin", 5);
    hl__unit units[2] = {c->unit, c->unit};

    assert_int_equal(drive_compile(d, units, 2), HL_OK);
    assert_ptr_not_equal(d->results[0].compiled.entry, d->results[1].compiled.entry);
    drive_release(d, 0);
    check_runs_to_the_end(c, &d->results[1].compiled);
    free(c);
}

static void any_bytes_make_a_symbol(void **state)
{
    static const char *const symbols[] = {"", "request#42", "a.b-c_d", "\xc3\xa9v\xc3\xa9nement", "%s %n", "9"};

    for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
        chain *c = chain_new(symbols[i], 2);

        check_runs_to_the_end(c, compile(*state, c));
        free(c);
    }
}

static void chains_begin_on_multiples_of_32_and_lie_next_to_each_other(void **state)
{
    drive *d = *state;
    chain *c = chain_new("packed", 4);
    hl__unit units[8];

    for (size_t i = 0; i < 8; i++)
        units[i] = c->unit;
    assert_int_equal(drive_compile(d, units, 8), HL_OK);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal((uintptr_t)d->results[i].compiled.entry % 32, 0);
    assert_true((uintptr_t)d->results[7].compiled.entry - (uintptr_t)d->results[0].compiled.entry < 8 * 512);
    free(c);
}

/* The flags of the mapping that holds an address, such as "r-xs". */
static void flags_of(uintptr_t address, char out[5])
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];
    uintptr_t low;
    uintptr_t high;

    assert_non_null(maps);
    strcpy(out, "none");
    while (fgets(line, sizeof(line), maps))
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &low, &high) == 2 && low <= address && address < high)
            sscanf(line, "%*s %4s", out);
    fclose(maps);
}

static void code_is_executable_and_never_writable(void **state)
{
    chain *c = chain_new("flags", 2);
    const hl__compiled *compiled = compile(*state, c);
    char flags[5];
    FILE *maps;
    char line[512];

    flags_of((uintptr_t)compiled->entry, flags);
    assert_string_equal(flags, "r-xs");
    maps = fopen("/proc/self/maps", "re");
    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps))
        if (strstr(line, "hookline-code"))
            assert_null(strstr(line, " rw"));
    fclose(maps);
    free(c);
}

/* Code this far away is never reached by a direct call, and never run here. */
#define FAR_AWAY UINT64_C(0x123456789abcd)

static void plugins_of_this_program_are_called_directly(void **state)
{
    drive *d = *state;
    chain *c = chain_new("reach", 16);
    size_t near_bytes;

    for (size_t i = 0; i < 16; i++)
        c->steps[i].self = NULL;
    near_bytes = compile(d, c)->code_bytes;
    for (size_t i = 0; i < 16; i++)
        c->steps[i].call = (hl_call_fn *)(uintptr_t)(FAR_AWAY + 4 * i);
    assert_in_range(near_bytes, 200, compile(d, c)->code_bytes - 16 * 4);
    free(c);
}

static void a_self_near_the_code_takes_fewer_bytes(void **state)
{
    static chain_self near_selves[16];
    drive *d = *state;
    chain *c = chain_new("bytes", 16);
    size_t far_bytes;

    for (size_t i = 0; i < 16; i++)
        c->steps[i].self = (void *)(uintptr_t)(FAR_AWAY + i);
    far_bytes = compile(d, c)->code_bytes;
    for (size_t i = 0; i < 16; i++)
        c->steps[i].self = &near_selves[i];
    assert_in_range(compile(d, c)->code_bytes, 200, far_bytes - 16 * 3);
    free(c);
}

#if defined(__x86_64__)
static const bool backtraces_pass = true;
#else
static const bool backtraces_pass = false;
#endif
static void *frames[32];
static int frames_len;

static hl_reply backtrace_plugin(void *self, void *state, const void *meta)
{
    hl_reply reply = {state, HL_NEXT};

    (void)self, (void)meta;
    frames_len = backtrace(frames, 32);
    return reply;
}

static void a_backtrace_passes_through_a_chain(void **state)
{
    chain *c = chain_new("trace", 3);
    void *outer[32];
    int outer_len;

    if (!backtraces_pass)
        skip();
    c->steps[1].call = backtrace_plugin;
    compile(*state, c);
    outer_len = backtrace(outer, 32);
    chain_run(&((drive *)*state)->results[0].compiled, states, NULL);
    /* The plugin and the chain, and at last the callers of this function. */
    assert_true(frames_len >= outer_len + 2);
    assert_memory_equal(frames + frames_len - outer_len + 2, outer + 2, (size_t)(outer_len - 2) * sizeof(*outer));
    free(c);
}

static void the_perf_map_names_compiled_chains(void **state)
{
    hl__jit_options options = {.perf_map = true};
    drive *d = *state;
    chain *c = chain_new("perf me#3", 2);
    char path[64];
    char row[256];
    char expected[256];
    FILE *map;

    d->compiler->ops->destroy(d->compiler);
    assert_int_equal(hl__jit_new(&options, &d->compiler), HL_OK);
    compile(d, c);
    snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
    snprintf(expected, sizeof(expected), "%" PRIxPTR " %zx hookline:perf_20me_233\n",
             (uintptr_t)d->results[0].compiled.entry, d->results[0].compiled.code_bytes);
    map = fopen(path, "re");
    assert_non_null(map);
    assert_non_null(fgets(row, sizeof(row), map));
    fclose(map);
    unlink(path);
    assert_string_equal(row, expected);
    free(c);
}

/* The child answers by its exit status whether the chain still does what it did before the fork. */
static int child_runs(const hl__compiled *compiled, int go, size_t expected)
{
    char byte;

    if (read(go, &byte, 1) != 1)
        return 2;
    chain_run(compiled, states, NULL);
    return trace.calls_len == expected ? 0 : 1;
}

static void a_forked_child_keeps_the_chains_it_was_born_with(void **state)
{
    drive *d = *state;
    chain *c = chain_new("fork", 3);
    hl__compiled before = *compile(d, c);
    hl__compiled after;
    int go[2];
    int status;
    pid_t pid;

    assert_int_equal(pipe(go), 0);
    pid = fork();
    if (pid == 0)
        _exit(child_runs(&before, go[0], 3));
    /* The new chain takes the very place of the old one. */
    c->unit.steps_len = 2;
    after = *compile(d, c);
    assert_ptr_equal(after.entry, before.entry);
    assert_int_equal(write(go[1], "x", 1), 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    check_runs_to_the_end(c, &after);
    close(go[0]);
    close(go[1]);
    free(c);
}

static void freed_code_traps(void **state)
{
    drive *d = *state;
    chain *c = chain_new("freed", 3);
    hl__compiled compiled = *compile(d, c);
    pid_t pid;
    int status;

    drive_release(d, 0);
    pid = fork();
    if (pid == 0) {
        chain_run(&compiled, states, NULL);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGTRAP);
    free(c);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, new_drive, end_drive)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(plugins_run_in_order_each_on_the_state_of_the_one_before),
        CASE(a_verdict_that_is_not_next_stops_at_once_and_tells_where),
        CASE(the_last_of_1024_plugins_stops_with_its_own_index),
        CASE(the_last_of_256_and_of_257_plugins_stops_with_its_own_index),
        CASE(a_null_state_and_null_meta_are_passed_on),
        CASE(a_null_self_and_a_repeated_plugin_are_called_as_given),
        CASE(every_self_arrives_whatever_its_address),
        CASE(a_batch_gives_each_ticket_its_own_chain),
        CASE(equal_chains_are_freed_apart),
        CASE(any_bytes_make_a_symbol),
        CASE(chains_begin_on_multiples_of_32_and_lie_next_to_each_other),
        CASE(code_is_executable_and_never_writable),
        CASE(plugins_of_this_program_are_called_directly),
        CASE(a_self_near_the_code_takes_fewer_bytes),
        CASE(a_backtrace_passes_through_a_chain),
        CASE(the_perf_map_names_compiled_chains),
        CASE(a_forked_child_keeps_the_chains_it_was_born_with),
        CASE(freed_code_traps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

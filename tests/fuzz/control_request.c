/* Questions to a server that others made up: whatever the bytes, the answer is one JSON object with a process id.
 *
 * As a test it damages good questions in ways that a fixed seed decides. With clang -fsanitize=fuzzer
 * -DHL_TEST_LIBFUZZER (and the library's own sources) the same function is a fuzz target. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include <hookline/hookline.h>

#include "observe/answers.h"

#define ROUNDS 4000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static hl_reply pass(void *self, void *state, const void *meta)
{
    (void)self;
    (void)meta;
    return hl_next(state);
}

/* One runtime for all inputs: no question may change it. */
static hl_runtime *shared_runtime(void)
{
    static hl_runtime *runtime;
    hl_plugin_spec spec = HL_PLUGIN_INIT("plugin", "event", pass);
    hl_options options = HL_OPTIONS_INIT;
    hl_event *event;

    if (runtime)
        return runtime;
    options.engine = HL_ENGINE_REFERENCE;
    if (hl_open(&options, &runtime) != HL_OK || hl_event_open(runtime, "event", &event) != HL_OK ||
        hl_register(runtime, &spec, HL_START) != HL_OK)
        abort();
    return runtime;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *exact = malloc(size ? size : 1);
    char *answer;
    json_t *document;

    if (!exact)
        abort();
    memcpy(exact, data, size);
    answer = hl__control_answer(shared_runtime(), exact, size);
    document = answer ? json_loads(answer, 0, NULL) : NULL;
    if (!json_is_integer(json_object_get(document, "pid")))
        abort();
    json_decref(document);
    free(answer);
    free(exact);
    return 0;
}

#ifndef HL_TEST_LIBFUZZER

static const char *const questions[] = {
    "{\"ask\":\"status\"}",
    "{\"ask\":\"show\",\"event\":\"event\"}",
    "{\"ask\":\"explain\",\"event\":\"event\"}",
    "{\"ask\":\"profile\",\"event\":\"event\"}",
    "{\"ask\":\"dump\",\"event\":\"event\",\"stage\":\"plan\"}",
    "{\"ask\":\"dump\",\"event\":\"event\",\"stage\":\"code\"}",
    "{\"ask\":\"settle\",\"plugins\":[{\"name\":\"plugin\",\"revision\":1}],\"timeout_ms\":1}",
};

static uint32_t next(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* Up to four bytes changed, and perhaps cut short. */
static void damaged_questions_are_answered(void **state)
{
    uint32_t seed = 2463534242u;

    (void)state;
    for (size_t round = 0; round < ROUNDS; round++) {
        const char *question = questions[next(&seed) % (sizeof(questions) / sizeof(questions[0]))];
        uint8_t bytes[256];
        size_t len = strlen(question);

        memcpy(bytes, question, len);
        for (uint32_t changes = next(&seed) % 5; changes > 0; changes--)
            bytes[next(&seed) % len] = (uint8_t)next(&seed);
        if (next(&seed) % 4 == 0)
            len = next(&seed) % len;
        LLVMFuzzerTestOneInput(bytes, len);
    }
}

static void deeply_nested_questions_are_answered(void **state)
{
    size_t len = 60000;
    uint8_t *bytes = malloc(len);

    (void)state;
    assert_non_null(bytes);
    memset(bytes, '[', len);
    LLVMFuzzerTestOneInput(bytes, len);
    free(bytes);
}

static int close_runtime(void **state)
{
    (void)state;
    hl_close(shared_runtime());
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_questions_are_answered),
        cmocka_unit_test(deeply_nested_questions_are_answered),
    };

    return cmocka_run_group_tests(tests, NULL, close_runtime);
}

#endif

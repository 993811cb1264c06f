/* Questions to a server that others made up: whatever the bytes, the answer is one JSON object with a process id. */
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
#include "tests/fuzz/support/fuzz.h"

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

static void kept_questions_are_answered(void **state)
{
    (void)state;
    assert_true(fuzz_corpus("control_request") > 10);
}

static void damaged_questions_are_answered(void **state)
{
    static const char *const words[] = {"\"ask\":",   "\"status\"",       "\"show\"",    "\"prepare\"", "\"release\"",
                                        "\"settle\"", "\"explain\"",      "\"profile\"", "\"dump\"",    "\"event\"",
                                        "\"stage\":", "\"timeout_ms\":1", "null",        "1e999",       "\\u0000",
                                        "[[[[[[[[",   "{\"a\":{",         NULL};

    (void)state;
    assert_true(fuzz_damage("control_request", words, NULL) >= 1000);
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
        cmocka_unit_test(kept_questions_are_answered),
        cmocka_unit_test(damaged_questions_are_answered),
        cmocka_unit_test(deeply_nested_questions_are_answered),
    };

    return cmocka_run_group_tests(tests, NULL, close_runtime);
}

#endif

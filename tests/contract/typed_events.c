/* Typed events as they are meant to be used; what must not compile is in wrong_types_do_not_compile.sh. Rows VR-05,
 * PD-14. */
#include "tests/support/support.h"

typedef struct request {
    int fd;
    uint32_t status;
    char path[64];
} request;

HL_TYPED_EVENT(request, "request", request, HL_FIELD(request, int, fd), HL_FIELD(request, uint32_t, status),
               HL_FIELD(request, char[64], path))
HL_TYPED_CALLS(request)

static hl_reply refuse_long_paths(void *self, request *state, const void *meta)
{
    const size_t *most = self;

    (void)meta;
    if (strlen(state->path) <= *most)
        return hl_next(state);
    state->status = 414;
    return hl_halt(state);
}
HL_TYPED_PLUGIN(request, refuse_long_paths)

static void a_typed_event_is_called_with_its_type_and_has_its_contract(void **unused)
{
    hl_runtime *runtime = test_open("memory:", 0);
    hl_plugin_spec spec = HL_TYPED_PLUGIN_INIT("refuse", request, refuse_long_paths);
    request state = {.path = "/short"};
    size_t most = 10;
    request_event event;
    hl_plugin_info info;

    (void)unused;
    spec.self = &most;
    ok(request_open(runtime, &event));
    ok(hl_register(runtime, &spec, HL_START));
    test_settle(runtime, event.event);
    assert_int_equal(request_call(event, &state, NULL).verdict, HL_NEXT);
    snprintf(state.path, sizeof(state.path), "/a/much/longer/path");
    assert_int_equal(request_call(event, &state, NULL).verdict, HL_HALT);
    assert_int_equal(state.status, 414);
    ok(hl_plugin_get(runtime, "refuse", &info));
    assert_true(info.contract_hash == hl_contract_hash(&request_contract));
    hl_plugin_info_cleanup(&info);
    hl_close(runtime);
}

/* The same event in another program, where a field has grown. */
typedef struct grown {
    int fd;
    uint32_t status;
    char path[128];
} grown;

HL_TYPED_EVENT(grown, "request", grown, HL_FIELD(grown, int, fd), HL_FIELD(grown, uint32_t, status),
               HL_FIELD(grown, char[128], path))

static hl_reply read_grown(void *self, grown *state, const void *meta)
{
    (void)self;
    (void)meta;
    return hl_next(state);
}
HL_TYPED_PLUGIN(grown, read_grown)

static void a_plugin_built_for_another_contract_is_refused_field_by_field(void **unused)
{
    hl_runtime *runtime = test_open("memory:", 0);
    hl_plugin_spec spec = HL_TYPED_PLUGIN_INIT("grown", grown, read_grown);
    request_event event;

    (void)unused;
    ok(request_open(runtime, &event));
    refused(hl_register(runtime, &spec, HL_START), HL_ERR_CONTRACT, NULL);
    assert_non_null(strstr(hl_last_error()->message, "path"));
    assert_non_null(strstr(hl_last_error()->message, "64"));
    assert_non_null(strstr(hl_last_error()->message, "128"));
    assert_null(strstr(hl_last_error()->message, "\"fd\""));
    hl_close(runtime);
}

static void a_plugin_registered_before_the_contract_was_known_becomes_missing_code(void **unused)
{
    hl_runtime *runtime = test_open("memory:", 0);
    hl_plugin_spec spec = HL_TYPED_PLUGIN_INIT("grown", grown, read_grown);
    request state = {.fd = 1};
    request_event event;
    hl_plugin_info info;

    (void)unused;
    ok(hl_register(runtime, &spec, HL_START));
    ok(request_open(runtime, &event));
    refused_call(request_call(event, &state, NULL), HL_ERR_NOT_LOADED);
    ok(hl_plugin_get(runtime, "grown", &info));
    assert_non_null(strstr(info.reason, "path"));
    hl_plugin_info_cleanup(&info);
    hl_close(runtime);
}

static void a_plugin_without_a_contract_fits_every_event(void **unused)
{
    hl_runtime *runtime = test_open("memory:", 0);
    request state = {.fd = 1};
    request_event event;

    (void)unused;
    ok(request_open(runtime, &event));
    run(runtime, .name = "untyped", .event = "request", .call = test_do_nothing);
    assert_int_equal(request_call(event, &state, NULL).verdict, HL_NEXT);
    hl_close(runtime);
}

static void opening_it_again_is_fine_and_with_another_contract_is_not(void **unused)
{
    hl_runtime *runtime = test_open("memory:", 0);
    hl_event_spec spec = HL_EVENT_INIT("request");
    request_event event, again;
    hl_event *other;

    (void)unused;
    ok(request_open(runtime, &event));
    ok(request_open(runtime, &again));
    assert_ptr_equal(event.event, again.event);
    spec.contract = &grown_contract;
    refused(hl_event_define(runtime, &spec, &other), HL_ERR_CONTRACT, NULL);
    hl_close(runtime);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_typed_event_is_called_with_its_type_and_has_its_contract),
        cmocka_unit_test(a_plugin_built_for_another_contract_is_refused_field_by_field),
        cmocka_unit_test(a_plugin_registered_before_the_contract_was_known_becomes_missing_code),
        cmocka_unit_test(a_plugin_without_a_contract_fits_every_event),
        cmocka_unit_test(opening_it_again_is_fine_and_with_another_contract_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

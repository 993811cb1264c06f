/* The program hookline-module, spoken to as the server does: what its functions give, and how it takes newer code
 * over. */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "core/child.h"
#include "module/code.h"
#include "module/module_wire.h"
#include "tests/module/support/modules.h"
#include "worker/start.h"

#define AREA_BYTES ((size_t)1 << 20)
#define SECOND UINT64_C(1000000000)

/* ---- one worker -------------------------------------------------------------------------------------------------- */

typedef struct worker {
    hl__channel *channel;
    hl__child child;
    int report_fd;
    hl__report_head head; /* of the last report */
    char text[HL__REPORT_MAX];
} worker;

static worker one;

static void await_report(void)
{
    int heard = 0;

    eventually((heard = hl__worker_heard(one.report_fd, &one.head, one.text)) != 0);
    assert_int_equal(heard, 1);
}

static void start_file(const char *path, const char *entry)
{
    hl__start_spec spec = {.kind = HL__WORKER_MODULE, .entry = entry};
    char *cgroup = NULL;
    void *plan = NULL;

    spec.library_fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(spec.library_fd >= 0);
    ok(hl__sandbox_plan(NULL, &plan, &spec.plan_len));
    spec.plan = plan;
    ok(hl__channel_new(2, AREA_BYTES, &one.channel));
    spec.channel = one.channel;
    ok(hl__worker_start(&spec, &one.child, &one.report_fd, &cgroup));
    assert_null(cgroup);
    close(spec.library_fd);
    free(plan);
    await_report();
}

static void start_source(const char *source, const char *entry)
{
    hl__code_document document;
    char *path;

    test_keep(source);
    ok(hl__code_find(test_runtime, entry, &document));
    ok(hl__code_path(test_runtime, &document, &path));
    start_file(path, entry);
    hl__code_document_cleanup(&document);
    free(path);
}

static void start_example(const char *name)
{
    char path[1024];

    snprintf(path, sizeof(path), "%s/libexec/hookline/examples/modules/%s.so", getenv("HOOKLINE_BUILD"), name);
    start_file(path, name);
    assert_int_equal(one.head.kind, HL__REPORT_READY);
}

static void stop(void)
{
    if (one.channel) {
        hl__child_finish(&one.child);
        close(one.report_fd);
        hl__channel_free(one.channel);
    }
    memset(&one, 0, sizeof(one));
}

static int end(void **state)
{
    stop();
    return test_module_end(state);
}

/* ---- calling ----------------------------------------------------------------------------------------------------- */

static hl__wait_end exchange(const char *function, const void *args, size_t args_len, hl__reply_head *reply, char *text)
{
    int slot = hl__channel_claim(one.channel);
    char *area = hl__channel_area(one.channel, slot);
    hl__request_head head = {.function = HL__MODULE_CALL, .part = (uint32_t)strlen(function)};
    hl__wait_end end;

    assert_true(slot >= 0);
    head.len = (uint32_t)(head.part + args_len);
    memcpy(area, function, head.part);
    memcpy(area + head.part, args, args_len);
    hl__channel_post(one.channel, slot, &head);
    end = hl__channel_wait(one.channel, slot, one.child.pidfd, test_now_ns() + 10 * SECOND, 0, reply);
    if (end == HL__REPLIED) {
        assert_true(reply->len <= AREA_BYTES);
        memcpy(text, area, reply->len);
        text[reply->len] = '\0';
        hl__channel_release(one.channel, slot);
    }
    return end;
}

/* The result as JSON, or "STATUS: sentence", with "refused " in front where the function was not run. */
static const char *call(const char *function, const char *json)
{
    static char text[AREA_BYTES + 64];
    static char out[AREA_BYTES + 128];
    hl__reply_head reply;
    hl_value *value = NULL;
    void *bytes;
    size_t len;
    char *result;

    ok(hl_value_from_json(json, &value));
    ok(hl_value_encode(value, &bytes, &len));
    hl_value_free(value);
    assert_int_equal(exchange(function, bytes, len, &reply, text), HL__REPLIED);
    free(bytes);
    if (reply.verdict != HL_OK) {
        snprintf(out, sizeof(out), "%s%s: %s", reply.flags & HL__MODULE_REFUSED ? "refused " : "",
                 hl_status_name((hl_status)reply.verdict), text);
        return out;
    }
    ok(hl_value_decode(text, reply.len, &value));
    ok(hl_value_to_json(value, &result));
    snprintf(out, sizeof(out), "%s", result);
    free(result);
    hl_value_free(value);
    return out;
}

static void dies_of(const char *function, int number)
{
    static char text[AREA_BYTES + 64];
    hl__reply_head reply;
    hl__child_end how;

    assert_int_equal(exchange(function, "\xf6", 1, &reply, text), HL__DIED);
    how = hl__child_finish(&one.child);
    assert_true(how.known && how.signalled);
    assert_int_equal(how.code, number);
}

/* ---- the examples ------------------------------------------------------------------------------------------------ */

/* C6: MB-02 */
static void math_adds_subtracts_multiplies_and_divides(void **state)
{
    (void)state;
    start_example("math");
    assert_string_equal(call("add", "[5, 2]"), "7");
    assert_string_equal(call("add", "[0.5, 2]"), "2.5");
    assert_string_equal(call("subtract", "[5, 7]"), "-2");
    assert_string_equal(call("multiply", "[6, 7]"), "42");
    assert_string_equal(call("divide", "[5, 2]"), "2.5");
    assert_string_equal(call("divide", "[5, 0]"), "HL_ERR_INVALID: Division by zero.");
    assert_string_equal(call("divide", "[5, 0.0]"), "HL_ERR_INVALID: Division by zero.");
    assert_string_equal(call("add", "[1, \"2\"]"), "HL_ERR_INVALID: Give two numbers.");
    assert_string_equal(call("add", "[1, 2, 3]"), "HL_ERR_INVALID: Give two numbers.");
    assert_string_equal(call("add", "null"), "HL_ERR_INVALID: Give two numbers.");
    assert_non_null(strstr(call("add", "[9223372036854775807, 1]"), "HL_ERR_LIMIT"));
    assert_non_null(strstr(call("subtract", "[-9223372036854775807, 2]"), "HL_ERR_LIMIT"));
    assert_non_null(strstr(call("multiply", "[9223372036854775807, 2]"), "HL_ERR_LIMIT"));
}

/* C6: MB-02, MX-04 */
static void a_function_that_is_not_there_is_told_with_those_that_are(void **state)
{
    (void)state;
    start_example("math");
    assert_string_equal(call("power", "[5, 2]"), "refused HL_ERR_NOT_FOUND: Module math has no function \"power\"; it "
                                                 "has add, subtract, multiply, divide.");
    assert_non_null(strstr(call("ad", "[5, 2]"), "HL_ERR_NOT_FOUND"));
    assert_non_null(strstr(call("", "[5, 2]"), "HL_ERR_NOT_FOUND"));
}

/* C6: MB-03 */
static void string_knows_the_letters_of_all_scripts(void **state)
{
    static const char *const rows[][3] = {
        {"upcase", "[\"hello\"]", "\"HELLO\""},
        {"upcase", "[\"été straße\"]", "\"ÉTÉ STRASSE\""},
        {"upcase", "[\"\"]", "\"\""},
        {"downcase", "[\"ÀÉÎ ПРИВЕТ\"]", "\"àéî привет\""},
        {"reverse", "[\"abc\"]", "\"cba\""},
        {"reverse", "[\"naïve\"]", "\"evïan\""},
        {"reverse", "[\"e\u0301a\"]", "\"ae\u0301\""},
        {"length", "[\"\"]", "0"},
        {"length", "[\"привет\"]", "6"},
        {"length", "[\"e\u0301\"]", "1"},
        {"length", "[\"\U0001f1eb\U0001f1f7\U0001f468\u200d\U0001f469\u200d\U0001f467\"]", "2"},
        {"trim", "[\"  \\t x y \\n\"]", "\"x y\""},
        {"trim", "[\"\u00a0\u2003x\u3000\"]", "\"x\""},
        {"trim", "[\"   \"]", "\"\""},
        {"length", "[5]", "HL_ERR_INVALID: Give one text."},
        {"upcase", "[]", "HL_ERR_INVALID: Give one text."},
        {"reverse", "[\"a\", \"b\"]", "HL_ERR_INVALID: Give one text."},
    };

    (void)state;
    start_example("string");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(call(rows[i][0], rows[i][1]), rows[i][2]);
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static const char odd_answers[] =
    "#include <stdlib.h>\n"
    "#include <hookline/module.h>\n"
    "#define F(name) static hl_status name(void *self, const hl_value *args, hl_answer *answer)\n"
    "#define UNUSED (void)self, (void)args, (void)answer\n"
    "F(nothing) { UNUSED; return HL_OK; }\n"
    "F(status) { UNUSED; return HL_ERR_TIMEOUT; }\n"
    "F(positive) { UNUSED; return 7; }\n"
    "F(fail_ok) { UNUSED; return hl_answer_fail(answer, HL_OK, \"all is %s\", \"well\"); }\n"
    "F(fail_then_ok) { UNUSED; (void)hl_answer_fail(answer, HL_ERR_LIMIT, \"no\"); return HL_OK; }\n"
    "F(give_then_fail) { UNUSED; (void)hl_answer_give(answer, hl_value_int(1)); return HL_ERR_STATUS; }\n"
    "F(give_twice) { UNUSED; (void)hl_answer_give(answer, hl_value_int(1)); return hl_answer_give(answer, hl_value_int(2)); }\n"
    "F(give_null) { UNUSED; return hl_answer_give(answer, NULL); }\n"
    "F(give_args) { UNUSED; return hl_answer_give(answer, (hl_value *)args); }\n"
    "F(give_part) { UNUSED; return hl_answer_give(answer, (hl_value *)hl_value_at(args, 0)); }\n"
    "F(give_copy) { UNUSED; return hl_answer_give(answer, hl_value_copy(args)); }\n"
    "F(garbage) { UNUSED; return hl_answer_fail(answer, HL_ERR_INVALID, \"a\\n\\xff\\033b\"); }\n"
    "F(talk) { UNUSED; char *long_one = malloc(5000); for (int i = 0; i < 5000; i++) long_one[i] = i % 2 ? '\\xa9' : '\\xc3';\n"
    "    long_one[4999] = 0; return hl_answer_fail(answer, HL_ERR_INVALID, \"x%s\", long_one); }\n"
    "F(large) { UNUSED; return hl_answer_give(answer, hl_value_bytes(calloc(1, 2 << 20), 2 << 20)); }\n"
    "F(count) { UNUSED; return hl_answer_give(answer, hl_value_int((int64_t)hl_value_len(args))); }\n"
    "F(crash) { UNUSED; abort(); }\n"
    "F(fault) { UNUSED; *(volatile int *)8 = 1; return HL_OK; }\n"
    "#define R(name) {#name, name, 0}\n"
    "static const hl_module_function functions[] = {R(nothing), R(status), R(positive), R(fail_ok), R(fail_then_ok),\n"
    "    R(give_then_fail), R(give_twice), R(give_null), R(give_args), R(give_part), R(give_copy), R(garbage), R(talk),\n"
    "    R(large), R(count), R(crash), R(fault)};\n"
    "HL_MODULE(\"odd\", \"1.0.0\", functions)\n";

static void each_way_to_answer_is_one_answer(void **state)
{
    const char *talk;

    (void)state;
    start_source(odd_answers, "odd");
    assert_string_equal(call("nothing", "[]"), "null");
    assert_non_null(strstr(call("status", "[]"), "HL_ERR_TIMEOUT: Function \"status\" returned HL_ERR_TIMEOUT"));
    assert_non_null(strstr(call("positive", "[]"), "HL_ERR_PLUGIN: Function \"positive\" returned"));
    assert_string_equal(call("fail_ok", "[]"), "HL_ERR_PLUGIN: all is well");
    assert_string_equal(call("fail_then_ok", "[]"), "HL_ERR_LIMIT: no");
    assert_non_null(strstr(call("give_then_fail", "[]"), "HL_ERR_STATUS: "));
    assert_string_equal(call("give_twice", "[]"), "2");
    assert_non_null(strstr(call("give_null", "[]"), "HL_ERR_NO_MEMORY: "));
    assert_non_null(strstr(call("give_args", "[1]"), "HL_ERR_INVALID: The result is a part"));
    assert_non_null(strstr(call("give_part", "[1]"), "HL_ERR_INVALID: The result is a part"));
    assert_string_equal(call("give_copy", "[1]"), "[1]");
    assert_string_equal(call("garbage", "[]"), "HL_ERR_INVALID: a ? b");
    talk = call("talk", "[]");
    assert_in_range(strlen(talk), 1000, 1020);
    assert_string_equal(talk + strlen(talk) - 4, "éé");
    assert_non_null(strstr(call("large", "[]"), "refused HL_ERR_LIMIT: The result has"));
    assert_string_equal(call("nothing", "[]"), "null");
}

static void arguments_that_are_no_list_do_not_reach_the_function(void **state)
{
    static char text[AREA_BYTES + 64];
    hl__reply_head reply;

    (void)state;
    start_source(odd_answers, "odd");
    assert_string_equal(call("count", "null"), "0");
    assert_string_equal(call("count", "[1, [2, 3], {\"a\": null}]"), "3");
    assert_non_null(strstr(call("count", "{\"a\": 1}"), "refused HL_ERR_INVALID: "));
    assert_non_null(strstr(call("count", "5"), "refused HL_ERR_INVALID: "));
    assert_int_equal(exchange("count", "\x9f\x01", 2, &reply, text), HL__REPLIED);
    assert_int_equal(reply.verdict, HL_ERR_INVALID);
    assert_int_equal(reply.flags, HL__MODULE_REFUSED);
    assert_int_equal(exchange("count", "", 0, &reply, text), HL__REPLIED);
    assert_int_equal(reply.verdict, HL_ERR_INVALID);
}

static void a_crash_is_a_death_with_its_signal(void **state)
{
    (void)state;
    start_source(odd_answers, "odd");
    dies_of("crash", SIGABRT);
    stop();
    start_source(odd_answers, "odd");
    dies_of("fault", SIGSEGV);
    assert_int_equal(hl__channel_fault(one.channel).signal, SIGSEGV);
    assert_int_equal(hl__channel_fault(one.channel).address, 8);
}

/* ---- starting ---------------------------------------------------------------------------------------------------- */

static void a_module_that_refuses_to_load_says_so(void **state)
{
    char text[2048];

    (void)state;
    snprintf(
        text, sizeof(text),
        "%sstatic int no(void **self) { (void)self; return 3; }\n"
        "#undef HL_MODULE\n",
        "#include <hookline/module.h>\n"
        "static hl_status f(void *s, const hl_value *a, hl_answer *b) { (void)s, (void)a, (void)b; return HL_OK; }\n"
        "static const hl_module_function functions[] = {{\"f\", f, 0}};\n");
    strcat(text, "HL_MODULE_HOOKS(\"stubborn\", \"1.0.0\", functions, no, 0, 0)\n");
    start_source(text, "stubborn");
    assert_int_equal(one.head.kind, HL__REPORT_REFUSED);
    assert_int_equal(one.head.status, HL_ERR_PLUGIN);
    assert_non_null(strstr(one.text, "it returned 3"));
}

static void a_module_that_needs_what_is_not_there_says_so(void **state)
{
    (void)state;
    start_source("#include <hookline/module.h>\n"
                 "hl_status nobody_has_this(void *, const hl_value *, hl_answer *);\n"
                 "static const hl_module_function functions[] = {{\"f\", nobody_has_this, 0}};\n"
                 "HL_MODULE(\"needy\", \"1.0.0\", functions)\n",
                 "needy");
    assert_int_equal(one.head.kind, HL__REPORT_REFUSED);
    assert_non_null(strstr(one.text, "nobody_has_this"));
}

/* ---- newer code -------------------------------------------------------------------------------------------------- */

static const char *counter(const char *version, int step, const char *upgrade)
{
    static char text[4096];

    snprintf(text, sizeof(text),
             "#include <stdlib.h>\n"
             "#include <string.h>\n"
             "#include <hookline/module.h>\n"
             "static hl_status next(void *self, const hl_value *args, hl_answer *answer)\n"
             "{ (void)args; return hl_answer_give(answer, hl_value_int(*(int *)self += %d)); }\n"
             "static int load(void **self) { *self = calloc(1, sizeof(int)); return 0; }\n"
             "static int keep(void **self, const char *from) { (void)self; return strcmp(from, \"1.0.0\") != 0; }\n"
             "int (*unused)(void **, const char *) = keep;\n"
             "static const hl_module_function functions[] = {{\"next\", next, 0}};\n"
             "HL_MODULE_HOOKS(\"counter\", \"%s\", functions, load, free, %s)\n",
             step, version, upgrade);
    return text;
}

static void switch_to(const char *source)
{
    hl__code_document document;
    int fd;

    test_keep(source);
    ok(hl__code_open(test_runtime, "counter", &document, &fd));
    ok(hl__worker_order(one.channel, one.report_fd, HL__ORDER_SWITCH, fd));
    close(fd);
    hl__code_document_cleanup(&document);
    await_report();
    assert_int_equal(one.head.kind, HL__REPORT_SWITCHED);
}

/* MC-05 */
static void newer_code_goes_on_with_the_state_where_upgrade_says_so(void **state)
{
    (void)state;
    start_source(counter("1.0.0", 1, "0"), "counter");
    assert_string_equal(call("next", "[]"), "1");
    assert_string_equal(call("next", "[]"), "2");
    switch_to(counter("1.1.0", 10, "keep"));
    assert_int_equal(one.head.kept, 1);
    assert_string_equal(call("next", "[]"), "12");
    switch_to(counter("1.2.0", 100, "keep"));
    assert_int_equal(one.head.kept, 0);
    assert_string_equal(call("next", "[]"), "100");
    switch_to(counter("1.3.0", 1000, "0"));
    assert_int_equal(one.head.kept, 0);
    assert_string_equal(call("next", "[]"), "1000");
}

static void a_worker_that_is_told_to_end_runs_unload_and_ends_well(void **state)
{
    hl__child_end how;

    (void)state;
    start_source(counter("1.0.0", 1, "0"), "counter");
    ok(hl__worker_order(one.channel, one.report_fd, HL__ORDER_END, -1));
    assert_true(hl__child_ended(&one.child, test_now_ns() + 10 * SECOND));
    how = hl__child_finish(&one.child);
    assert_true(how.known && !how.signalled);
    assert_int_equal(how.code, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, test_module_begin, end)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(math_adds_subtracts_multiplies_and_divides),
        CASE(a_function_that_is_not_there_is_told_with_those_that_are),
        CASE(string_knows_the_letters_of_all_scripts),
        CASE(each_way_to_answer_is_one_answer),
        CASE(arguments_that_are_no_list_do_not_reach_the_function),
        CASE(a_crash_is_a_death_with_its_signal),
        CASE(a_module_that_refuses_to_load_says_so),
        CASE(a_module_that_needs_what_is_not_there_says_so),
        CASE(newer_code_goes_on_with_the_state_where_upgrade_says_so),
        CASE(a_worker_that_is_told_to_end_runs_unload_and_ends_well),
    };

    return cmocka_run_group_tests(cases, NULL, NULL);
}

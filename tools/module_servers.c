/* `hookline module load`, `reload` and `release`: workers belong to the servers that load them, so every running server
 * of the store is asked, and each one's result is a row. */
#include <string.h>

#include "module_verbs.h"
#include "numbers.h"
#include "servers.h"

#define ANSWER_MS 12000 /* a server gives a module's load function 10 s */

/* ---- asking ------------------------------------------------------------------------------------------------------ */

/* A server of libhookline-core, or of an older version, does not know the question. */
static bool has_modules(const json_t *answer)
{
    const json_t *error = json_object_get(answer, "error");

    return servers_status(answer) != HL_ERR_UNSUPPORTED || strcmp(value_text(error, "field"), "ask") != 0;
}

/* With --in the silent ones are others, unless it is this one: what was meant for one server is not done by another. */
static bool is_other(const json_t *answer, unsigned long pid)
{
    return pid && value_count(answer, "pid") != pid;
}

/* Leaves those who take part. */
static void sort_out(json_t *answers, unsigned long pid, size_t *without_modules)
{
    *without_modules = 0;
    for (size_t i = json_array_size(answers); i-- > 0;) {
        const json_t *answer = json_array_get(answers, i);

        if (is_other(answer, pid)) {
            json_array_remove(answers, i);
        } else if (!has_modules(answer)) {
            json_array_remove(answers, i);
            ++*without_modules;
        }
    }
}

int module_ask(struct context *context, json_t *request, uint32_t timeout_ms, json_t **answers, size_t *without_modules)
{
    unsigned long pid;
    int code = option_number(context, OPTION_IN, 0, INT32_MAX, &pid);

    if (code != TOOL_DONE) {
        json_decref(request);
        return code;
    }
    json_object_set_new(request, "ask", json_string("module"));
    if (pid)
        json_object_set_new(request, "in", json_integer((json_int_t)pid));
    code = servers_ask_all(context, request, timeout_ms, answers);
    if (code == TOOL_DONE)
        sort_out(*answers, pid, without_modules);
    return code;
}

int module_no_server(struct context *context, size_t without_modules)
{
    if (without_modules)
        return tool_error(context, TOOL_NO_SERVER, HL_ERR_PEER, "store",
                          "What runs on the store %s has no modules, since it uses libhookline-core alone. Build the "
                          "server with libhookline: `pkg-config --libs hookline`.",
                          context->store);
    if (context->option[OPTION_IN])
        return tool_error(context, TOOL_NO_SERVER, HL_ERR_PEER, "in",
                          "There is no server %s on the store %s; `hookline top` shows those that there are.",
                          context->option[OPTION_IN], context->store);
    return tool_error(
        context, TOOL_NO_SERVER, HL_ERR_PEER, "store",
        "No server runs on the store %s, and workers of the command would end with it. Start the server that "
        "uses this store, or name another store.",
        context->store);
}

/* ---- what is ordered --------------------------------------------------------------------------------------------- */

struct order {
    const char *word; /* load, reload, release */
    const char *done;
    bool ends; /* a release: what is not loaded is as it should be */
    hl_key key;
    char key_text[HL_KEY_TEXT];
};

static int ask(struct context *context, const struct order *order, json_t **answers, size_t *without_modules)
{
    uint32_t ms;
    int code = module_read_timeout(context, &ms);

    if (code != TOOL_DONE)
        return code;
    return module_ask(context, json_pack("{s:s, s:s}", "do", order->word, "key", order->key_text), ms ? ms : ANSWER_MS,
                      answers, without_modules);
}

/* ---- what came of it --------------------------------------------------------------------------------------------- */

static size_t count_status(const json_t *answers, hl_status status)
{
    size_t i, count = 0;
    json_t *answer;

    json_array_foreach (answers, i, answer)
        count += servers_status(answer) == status;
    return count;
}

/* The first that counts as a failure of the whole; NULL: none. */
static const json_t *find_failed(const struct order *order, const json_t *answers)
{
    bool may_be_missing = order->ends && count_status(answers, HL_OK) > 0;
    size_t i;
    json_t *answer;

    json_array_foreach (answers, i, answer) {
        hl_status status = servers_status(answer);

        if (status != HL_OK && !(may_be_missing && status == HL_ERR_NOT_LOADED))
            return answer;
    }
    return NULL;
}

static bool all_silent(const json_t *answers)
{
    size_t i;
    json_t *answer;

    json_array_foreach (answers, i, answer) {
        if (!value_bool(answer, "silent"))
            return false;
    }
    return true;
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

static json_t *row_of(const json_t *answer)
{
    return json_pack("{s:O, s:O, s:I, s:s, s:o}", "pid", json_object_get(answer, "pid"), "program",
                     json_object_get(answer, "program"), "worker", (json_int_t)value_count(answer, "worker"), "status",
                     hl_status_name(servers_status(answer)), "message", tool_text(servers_error(answer)));
}

static json_t *document_of(const struct order *order, const json_t *answers)
{
    json_t *rows = json_array(), *answer;
    size_t i;

    json_array_foreach (answers, i, answer)
        json_array_append_new(rows, row_of(answer));
    return json_pack("{s:s, s:s, s:o}", "key", order->key_text, "done", order->done, "servers", rows);
}

static void add_line(struct table *table, const struct order *order, const json_t *answer)
{
    uint64_t worker = value_count(answer, "worker");

    tool_table_row(table);
    tool_table_cell(table, "%llu", (unsigned long long)value_count(answer, "pid"));
    tool_table_cell(table, "%s", value_text(answer, "program"));
    if (worker)
        tool_table_cell(table, "%llu", (unsigned long long)worker);
    else
        tool_table_cell(table, "%s", "");
    if (servers_error(answer))
        tool_table_cell(table, "%s: %s", hl_status_name(servers_status(answer)), servers_error(answer));
    else
        tool_table_cell(table, "%s", order->done);
}

static void print_lines(const struct context *context, const struct order *order, const json_t *answers)
{
    static const char *const titles[] = {"SERVER", "PROGRAM", "WORKER", "RESULT"};
    struct table *table = tool_table_new(4, titles);
    size_t i;
    json_t *answer;

    json_array_foreach (answers, i, answer)
        add_line(table, order, answer);
    tool_table_print(table, context, "");
    fflush(stdout); /* before the error */
}

static void tell_failed(struct context *context, json_t *document, const json_t *failed)
{
    char message[1024], title[128];

    servers_title(failed, title, sizeof(title));
    snprintf(message, sizeof(message), "%s: %s", title, servers_error(failed));
    tool_error_in(context, document, servers_status(failed), value_text(json_object_get(failed, "error"), "field"),
                  message);
}

static int tell(struct context *context, const struct order *order, const json_t *answers)
{
    const json_t *failed = find_failed(order, answers);
    json_t *document = document_of(order, answers);
    int code = TOOL_DONE;

    if (failed)
        code = all_silent(answers) ? TOOL_NO_SERVER : TOOL_REFUSED;
    if (!context->json)
        print_lines(context, order, answers);
    if (failed)
        tell_failed(context, document, failed);
    if (context->json)
        return tool_print_json(document, code);
    json_decref(document);
    return code;
}

/* ---- the words --------------------------------------------------------------------------------------------------- */

static bool is_registered(struct context *context, const struct order *order)
{
    char module[HL_MODULE_NAME_MAX];

    return hl_module_lookup(context->runtime, &order->key, module) == HL_OK;
}

/* What was unregistered may still be loaded (MR-06), so of a key to release the servers are asked first. */
static int give(struct context *context, const struct order *order)
{
    json_t *answers = NULL;
    size_t without_modules;
    int code;

    if (!order->ends && !is_registered(context, order))
        return module_fail(context);
    code = ask(context, order, &answers, &without_modules);
    if (code != TOOL_DONE)
        return code;
    if (count_status(answers, HL_ERR_NOT_LOADED) == json_array_size(answers) && !is_registered(context, order))
        code = module_fail(context);
    else if (json_array_size(answers) == 0)
        code = module_no_server(context, without_modules);
    else
        code = tell(context, order, answers);
    json_decref(answers);
    return code;
}

static int give_about(struct context *context, const char *key, struct order order)
{
    int code = module_open_key(context, key, &order.key);

    if (code != TOOL_DONE)
        return code;
    hl_key_format(&order.key, order.key_text);
    return give(context, &order);
}

int module_load(struct context *context, int argc, char **argv)
{
    (void)argc;
    return give_about(context, argv[0], (struct order){.word = "load", .done = "loaded"});
}

int module_reload(struct context *context, int argc, char **argv)
{
    (void)argc;
    return give_about(context, argv[0], (struct order){.word = "reload", .done = "reloaded"});
}

int module_release(struct context *context, int argc, char **argv)
{
    (void)argc;
    return give_about(context, argv[0], (struct order){.word = "release", .done = "released", .ends = true});
}

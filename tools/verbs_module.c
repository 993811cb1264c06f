/* `hookline module`: compiling code and registering keys to it. What there is is listed in module_list.c, calling is in
 * module_call.c, and what running servers are asked to do in module_servers.c. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "module_verbs.h"
#include "numbers.h"
#include "verbs.h"

/* ---- what the words have in common ----------------------------------------------------------------------------- */

int module_read_key(struct context *context, const char *text, hl_key *out)
{
    if (hl_key_parse(text, out) == HL_OK)
        return TOOL_DONE;
    return tool_fail_with(context, TOOL_USAGE,
                          "`hookline module key` makes a key; `hookline module list` shows those "
                          "that there are.");
}

int module_open_key(struct context *context, const char *text, hl_key *out)
{
    int code = module_read_key(context, text, out);

    return code == TOOL_DONE ? tool_open(context, TOOL_READ) : code;
}

int module_read_timeout(struct context *context, uint32_t *out)
{
    unsigned long number;
    int code = option_number(context, OPTION_TIMEOUT, 0, 3600000, &number);

    *out = (uint32_t)number;
    return code;
}

int module_fail(struct context *context)
{
    switch (hl_last_error()->status) {
    case HL_ERR_NOT_FOUND:
        return tool_fail_with(
            context, TOOL_REFUSED,
            "`hookline module list` shows the keys and their modules; `hookline module functions KEY`, "
            "what can be called.");
    case HL_ERR_DEPENDENTS:
        return tool_fail_with(context, TOOL_REFUSED, "`hookline module unregister KEY` frees the module.");
    case HL_ERR_NO_ENTRY:
    case HL_ERR_ABI:
        return tool_fail_with(context, TOOL_REFUSED, "Build the module against the installed Hookline headers.");
    case HL_ERR_COMPILE:
    case HL_ERR_TIMEOUT:
    case HL_ERR_PLUGIN:
        return tool_fail_with(context, TOOL_REFUSED, NULL);
    default:
        return tool_fail(context);
    }
}

static bool is_library(const char *path)
{
    size_t len = strlen(path);

    return len > 3 && strcmp(path + len - 3, ".so") == 0;
}

static bool is_file(const char *text)
{
    size_t len = strlen(text);

    return strchr(text, '/') || is_library(text) || (len > 2 && strcmp(text + len - 2, ".c") == 0);
}

/* ---- key --------------------------------------------------------------------------------------------------------- */

static int print_key(struct context *context, const char *what, const hl_key *key, const char *module)
{
    char text[HL_KEY_TEXT];

    hl_key_format(key, text);
    if (context->json)
        return tool_print_json(json_pack("{s:s, s:o}", "key", text, "module", tool_text(module)), TOOL_DONE);
    printf(what, text, module);
    return TOOL_DONE;
}

static int module_key(struct context *context, int argc, char **argv)
{
    hl_key key;

    (void)argc;
    (void)argv;
    if (hl_key_new(&key) != HL_OK)
        return tool_fail(context);
    return print_key(context, "%s\n", &key, "");
}

/* ---- compile ----------------------------------------------------------------------------------------------------- */

static int print_code(struct context *context, const hl_module_code *code)
{
    if (context->json)
        return tool_print_json(json_pack("{s:o, s:o, s:o, s:s, s:o}", "module", tool_text(code->name), "version",
                                         tool_text(code->version), "path", tool_text(code->path), "sha256",
                                         code->sha256, "diagnostics", tool_text(code->diagnostics)),
                               TOOL_DONE);
    tool_print_text(stdout, code->name);
    putchar(' ');
    tool_print_text(stdout, code->version);
    printf(" is the newest code of its module: sha256 %.16s\n", code->sha256);
    return TOOL_DONE;
}

/* What the compiler said is for people, also beside a JSON document. */
static void print_diagnostics(const hl_module_code *code)
{
    const char *at = code->diagnostics ? code->diagnostics : "";

    while (*at) {
        size_t len = strcspn(at, "\n");
        char *line = strndup(at, len);

        if (line)
            tool_print_text(stderr, line);
        fputc('\n', stderr);
        free(line);
        at += len + (at[len] == '\n');
    }
}

static int module_compile(struct context *context, int argc, char **argv)
{
    hl_module_source source = HL_MODULE_SOURCE_INIT(NULL, 0);
    hl_module_code code = HL_MODULE_CODE_INIT;
    hl_status status;
    int result = module_read_timeout(context, &source.timeout_ms);

    (void)argc;
    source.name = context->option[OPTION_MODULE];
    if (result == TOOL_DONE)
        result = tool_open(context, TOOL_CREATE);
    if (result != TOOL_DONE)
        return result;
    if (is_library(argv[0]))
        status = hl_module_load_file(context->runtime, argv[0], &code);
    else
        status = hl_module_compile_file(context->runtime, argv[0], &source, &code);
    print_diagnostics(&code);
    result = status == HL_OK ? print_code(context, &code) : module_fail(context);
    hl_module_code_cleanup(&code);
    return result;
}

/* ---- register, unregister, purge --------------------------------------------------------------------------------- */

static int register_name(struct context *context, const hl_key *key, const char *module)
{
    const hl_module_spec spec = HL_MODULE_SPEC_INIT(*key, module);

    return hl_module_register(context->runtime, &spec) == HL_OK
               ? print_key(context, "%s leads to module %s.\n", key, module)
               : module_fail(context);
}

static int register_file(struct context *context, const hl_key *key, const char *path)
{
    hl_module_code code = HL_MODULE_CODE_INIT;
    hl_status status = hl_module_register_file(context->runtime, key, path, &code);
    int result;

    print_diagnostics(&code);
    result = status == HL_OK ? print_key(context, "%s leads to module %s.\n", key, code.name) : module_fail(context);
    hl_module_code_cleanup(&code);
    return result;
}

static int module_register(struct context *context, int argc, char **argv)
{
    hl_key key;
    int code = TOOL_DONE;

    (void)argc;
    if (strcmp(argv[0], "new") != 0)
        code = module_read_key(context, argv[0], &key);
    else if (hl_key_new(&key) != HL_OK)
        code = tool_fail(context);
    if (code == TOOL_DONE)
        code = tool_open(context, TOOL_CREATE);
    if (code != TOOL_DONE)
        return code;
    return is_file(argv[1]) ? register_file(context, &key, argv[1]) : register_name(context, &key, argv[1]);
}

static int module_unregister(struct context *context, int argc, char **argv)
{
    hl_key key;
    int code = module_read_key(context, argv[0], &key);

    (void)argc;
    if (code == TOOL_DONE)
        code = tool_open(context, TOOL_WRITE);
    if (code != TOOL_DONE)
        return code;
    return hl_module_unregister(context->runtime, &key) == HL_OK
               ? print_key(context, "%s leads nowhere now.\n", &key, "")
               : module_fail(context);
}

static int module_purge(struct context *context, int argc, char **argv)
{
    int code = tool_open(context, TOOL_WRITE);

    (void)argc;
    if (code != TOOL_DONE)
        return code;
    if (hl_module_purge(context->runtime, argv[0]) != HL_OK)
        return module_fail(context);
    if (context->json)
        return tool_print_json(json_pack("{s:o}", "purged", tool_text(argv[0])), TOOL_DONE);
    printf("The code of module %s is gone.\n", argv[0]);
    return TOOL_DONE;
}

/* ---- the words --------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    const char *arguments;
    int least, most;
    module_fn *run;
    bool in_servers; /* takes --in */
} words[] = {
    {"compile", "FILE", 1, 1, module_compile, false},
    {"register", "KEY|new FILE|MODULE", 2, 2, module_register, false},
    {"unregister", "KEY", 1, 1, module_unregister, false},
    {"list", "", 0, 0, module_list, false},
    {"functions", "KEY", 1, 1, module_functions, false},
    {"load", "KEY", 1, 1, module_load, true},
    {"execute", "KEY FUNCTION [ARGUMENTS]", 2, 3, module_execute, true},
    {"run", "KEY FUNCTION [ARGUMENTS]", 2, 3, module_run, false},
    {"reload", "KEY", 1, 1, module_reload, true},
    {"release", "KEY", 1, 1, module_release, true},
    {"purge", "MODULE", 1, 1, module_purge, false},
    {"key", "", 0, 0, module_key, false},
};

#define WORDS_LEN (sizeof(words) / sizeof(words[0]))

static int unknown_word(struct context *context, const char *word)
{
    const char *names[WORDS_LEN];
    const char *closest;

    for (size_t i = 0; i < WORDS_LEN; i++)
        names[i] = words[i].name;
    closest = tool_closest(word, names, WORDS_LEN);
    if (closest)
        return tool_usage(context, "there is no \"module %s\"; did you mean \"module %s\"?", word, closest);
    return tool_usage(context, "there is no \"module %s\"", word);
}

int verb_module(struct context *context, int argc, char **argv)
{
    for (size_t i = 0; i < WORDS_LEN; i++) {
        if (strcmp(words[i].name, argv[0]) != 0)
            continue;
        if (argc - 1 < words[i].least || argc - 1 > words[i].most)
            return tool_usage(context, "%s: hookline module %s %s",
                              argc - 1 < words[i].least ? "missing argument" : "too many arguments", words[i].name,
                              words[i].arguments);
        if (context->option[OPTION_IN] && !words[i].in_servers)
            return tool_usage(context, "--in goes with \"module execute\", load, reload and release");
        return words[i].run(context, argc - 1, argv + 1);
    }
    return unknown_word(context, argv[0]);
}

/* ---- completion -------------------------------------------------------------------------------------------------- */

struct offer {
    const char *prefix;
    void (*offer)(const char *name, const char *prefix);
};

static bool offer_key(const hl_module_info *info, void *user)
{
    const struct offer *offer = user;
    char key[HL_KEY_TEXT];

    hl_key_format(&info->key, key);
    offer->offer(key, offer->prefix);
    return true;
}

void keys_offer(struct context *context, const char *prefix, void (*offer)(const char *name, const char *prefix))
{
    struct offer user = {prefix, offer};
    hl_status status = hl_modules(context->runtime, offer_key, &user);

    (void)status;
}

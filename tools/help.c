/* Help and version, made from the tables of verbs and options. */
#include "tool.h"
#include "verbs.h"

static const char exit_codes[] = "Exit codes:\n"
                                 "  0  done\n"
                                 "  1  the operation was refused; the status is printed\n"
                                 "  2  the command line makes no sense\n"
                                 "  3  no store was named, or it cannot be opened\n"
                                 "  4  no running server answered where one was needed\n";

static void print_option(int option)
{
    const struct option_row *row = &tool_options[option];
    char left[64];

    snprintf(left, sizeof(left), "--%s%s%s", row->name, row->argument ? " " : "", row->argument ? row->argument : "");
    printf("  %-18s %s\n", left, row->help);
}

static json_t *verb_value(const struct verb *verb)
{
    json_t *options = json_array();

    for (int i = 0; i < OPTION__COUNT; i++)
        if (i <= OPTION_VERSION || (verb->options & OPTION_BIT(i)))
            json_array_append_new(options, json_pack("{s:s, s:s, s:s}", "name", tool_options[i].name, "argument",
                                                     tool_options[i].argument ? tool_options[i].argument : "", "help",
                                                     tool_options[i].help));
    return json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", verb->name, "arguments", verb->arguments, "help", verb->help,
                     "details", verb->details ? verb->details : "", "options", options);
}

int help_on_verb(struct context *context, const struct verb *verb)
{
    bool bulk = (verb->options & OPTION_BIT(OPTION_ALL)) != 0;

    if (context->json)
        return tool_print_json(verb_value(verb), TOOL_DONE);
    printf("hookline %s%s%s%s\n\n%s\n", verb->name, verb->arguments[0] ? " " : "", verb->arguments,
           bulk ? " | --event EVENT | --all" : "", verb->help);
    if (verb->details)
        printf("\n%s\n", verb->details);
    puts("\nOptions:");
    for (int i = OPTION_EVENT; i < OPTION__COUNT; i++)
        if (verb->options & OPTION_BIT(i))
            print_option(i);
    print_option(OPTION_STORE);
    print_option(OPTION_JSON);
    return TOOL_DONE;
}

static int help_on_all(struct context *context)
{
    json_t *verbs = json_array();

    for (const struct verb *verb = tool_verbs; context->json && verb->name; verb++)
        if (!(verb->flags & VERB_HIDDEN))
            json_array_append_new(verbs, verb_value(verb));
    if (context->json)
        return tool_print_json(json_pack("{s:o}", "verbs", verbs), TOOL_DONE);
    json_decref(verbs);
    puts("hookline [--store URL] [--json] VERB [ARGUMENT...]\n\n"
         "Looks after the plugins of servers that use Hookline.\n");
    for (const struct verb *verb = tool_verbs; verb->name; verb++)
        if (!(verb->flags & VERB_HIDDEN))
            printf("  %-10s %s\n", verb->name, verb->help);
    puts("\nOptions of every verb:");
    for (int i = 0; i <= OPTION_VERSION; i++)
        print_option(i);
    printf("\n%s\n`hookline help VERB` explains a verb.\n", exit_codes);
    return TOOL_DONE;
}

int verb_help(struct context *context, int argc, char **argv)
{
    const struct verb *verb = argc > 0 ? tool_verb_find(argv[0]) : NULL;

    if (verb)
        return help_on_verb(context, verb);
    if (argc > 0)
        return tool_usage(context, "there is no verb \"%s\"", argv[0]);
    return help_on_all(context);
}

int verb_version(struct context *context, int argc, char **argv)
{
    char version[32];

    (void)argc;
    (void)argv;
    snprintf(version, sizeof(version), "%d.%d.%d", HL_VERSION_MAJOR, HL_VERSION_MINOR, HL_VERSION_PATCH);
    if (context->json)
        return tool_print_json(json_pack("{s:s, s:i}", "version", version, "abi", HL_ABI), TOOL_DONE);
    printf("hookline %s (plugin ABI %d)\n", version, HL_ABI);
    return TOOL_DONE;
}

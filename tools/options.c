/* The table of options. A verb names the ones that it takes; help, parsing and completion are made from the rows. */
#include "numbers.h"

#include <errno.h>
#include <stdlib.h>

const struct option_row tool_options[OPTION__COUNT] = {
    [OPTION_STORE] = {"store", "URL", "the store, such as lmdb:/var/lib/app (default: $HOOKLINE_STORE)", KIND_NONE},
    [OPTION_JSON] = {"json", NULL, "print one JSON document instead of text", KIND_NONE},
    [OPTION_HELP] = {"help", NULL, "explain the verb", KIND_NONE},
    [OPTION_VERSION] = {"version", NULL, "print the version", KIND_NONE},
    [OPTION_EVENT] = {"event", "EVENT", "only, or all of, the plugins of this event", KIND_EVENT},
    [OPTION_ALL] = {"all", NULL, "all plugins of all events", KIND_NONE},
    [OPTION_STATUS] = {"status", "STATUS", "only with this status", KIND_STATUS},
    [OPTION_EXTENSION] = {"extension", "NAME", "only of this library or product", KIND_NONE},
    [OPTION_NAME] = {"name", "PATTERN", "only with names like this: * ? and [..] as in the shell", KIND_PLUGIN},
    [OPTION_START] = {"start", NULL, "also start what was never started", KIND_NONE},
    [OPTION_WAIT] = {"wait", NULL, "return when every running server runs the change as compiled code", KIND_NONE},
    [OPTION_STAGE] = {"stage", "STAGE", "plan, steps, code or asm (default: plan)", KIND_STAGE},
    [OPTION_DIR] = {"dir", "DIR", "the folder to write to (new: default the plugin's name; pack: the current one)",
                    KIND_DIRECTORY},
    [OPTION_COUNT] = {"count", "N", "end after N notices", KIND_NONE},
    [OPTION_LIMIT] = {"limit", "N", "only the last N entries", KIND_NONE},
    [OPTION_TIMEOUT] = {"timeout", "MS", "how long to wait at most, in milliseconds", KIND_NONE},
    [OPTION_TAG] = {"tag", "TAG", "the release's tag (default: the latest release)", KIND_NONE},
    [OPTION_ASSET] = {"asset", "NAME", "the release's file (default: the one for this machine)", KIND_NONE},
    [OPTION_SHA256] = {"sha256", "DIGITS", "the checksum that the package must have", KIND_NONE},
    [OPTION_SIGNATURE] = {"signature", "FILE", "its minisign signature (default: its name with .minisig)", KIND_FILE},
    [OPTION_LOCKED] = {"locked", NULL, "only what the lockfile names, byte for byte", KIND_NONE},
    [OPTION_BUNDLE] = {"bundle", "FILE", "take the packages from this bundle", KIND_FILE},
    [OPTION_QUEUE] = {"queue", NULL, "leave the work to a running server's queue, and return", KIND_NONE},
    [OPTION_PRUNE] = {"prune", NULL, "uninstall the apps that the lockfile does not name", KIND_NONE},
    [OPTION_NO_START] = {"no-start", NULL, "register new plugins without starting them", KIND_NONE},
    [OPTION_INSTALLS] = {"installs", NULL, "the install log: every outcome with source, hashes and reason", KIND_NONE},
    [OPTION_MODULE] = {"module", "NAME", "the name that the compiled module must have", KIND_NONE},
    [OPTION_VERIFY] = {"verify", NULL, "check the hash chain of the install log", KIND_NONE},
    [OPTION_ONCE] = {"once", NULL, "print it once and end", KIND_NONE},
    [OPTION_WORKER] = {"worker", NULL, "in worker processes", KIND_NONE},
    [OPTION_IN_PROCESS] = {"in-process", NULL, "in the server's process", KIND_NONE},
    [OPTION_DEFAULT] = {"default", NULL, "as its registration or package asks for", KIND_NONE},
    [OPTION_DEADLINE] = {"deadline", "MS", "the most that one call may take, in milliseconds", KIND_NONE},
    [OPTION_ON_FAILURE] = {"on-failure", "POLICY", "fail_chain, skip_plugin or halt_chain", KIND_FAILURE},
    [OPTION_WORKERS] = {"workers", "N", "how many worker processes", KIND_NONE},
    [OPTION_IN] = {"in", "PID", "only in this running server", KIND_NONE},
};

int option_number(struct context *context, enum tool_option option, unsigned long otherwise, unsigned long most,
                  unsigned long *out)
{
    const char *given = context->option[option];
    char *end;

    *out = otherwise;
    if (!given)
        return TOOL_DONE;
    errno = 0;
    *out = strtoul(given, &end, 10);
    if (!errno && end != given && !*end && *given != '-' && *out > 0 && *out <= most)
        return TOOL_DONE;
    return tool_usage(context, "--%s takes a number from 1 to %lu, not \"%s\"", tool_options[option].name, most, given);
}

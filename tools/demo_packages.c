/* The upgrade at the end of `hookline demo`: a package is packed, installed, replaced by a newer version and rolled
 * back by runs of the hookline command, while requests go on. Left out where there is no installer
 * (demo_no_installer.c). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "demo.h"
#include "package_folder.h"
#include "servers.h"

#define EVENT "response"
#define HEADER "X-Release"
#define ANSWER_MS 20000

struct version {
    const char *number;
    const char *library; /* of the examples */
};

static const struct version versions[] = {{"1.0.0", "release.so"}, {"1.1.0", "release-next.so"}};

struct step {
    const char *verb;
    const char *subject; /* a package of the demo's folder, or an app */
    const char *version; /* that answers from then on */
    const char *note;
};

static const struct step steps[] = {
    {"install", "release-1.0.0.tar.gz", "1.0.0",
     "verified, tried in a throw-away process, loaded by the server, active"},
    {"install", "release-1.1.0.tar.gz", "1.1.0", "the newer version has another place; the count of answers goes on"},
    {"rollback", "release", "1.0.0", "and the version before is back, count and all"},
};

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* ---- packing --------------------------------------------------------------------------------------------------- */

static bool write_folder(struct demo *demo, const struct version *version, const char *path)
{
    static const char *const plugins[] = {"release", NULL};
    struct package_folder folder = {.app = "release", .version = version->number, .plugins = plugins};
    char file[PATH_MAX + 64];
    void *bytes;
    bool written;

    snprintf(file, sizeof(file), "%s/plugins/%s", demo->examples, version->library);
    bytes = package_file_read(file, &folder.library_len);
    folder.library = bytes;
    written = bytes && package_folder_write(path, &folder);
    free(bytes);
    return written || demo_fail(demo, "The package's folder %s could not be written: %s", path, strerror(errno));
}

static bool pack(struct demo *demo, const struct version *version)
{
    char path[PATH_MAX];
    const char *const arguments[] = {"pack", path, "--dir", demo->folder, NULL};
    json_t *answer;

    snprintf(path, sizeof(path), "%.4000s/release-%s", demo->folder, version->number);
    if (!write_folder(demo, version, path) || !demo_command(demo, arguments, &answer))
        return false;
    json_decref(answer);
    return true;
}

bool demo_packages_pack(struct demo *demo)
{
    bool packed = true;

    for (size_t i = 0; packed && i < LEN(versions); i++)
        packed = pack(demo, &versions[i]);
    return packed;
}

/* ---- one step -------------------------------------------------------------------------------------------------- */

/* Waits until answers come from `version`; *answered is the header, owned by the caller. */
static bool await_version(struct demo *demo, const char *version, char **answered)
{
    uint64_t until_ns = demo_now_ns() + ANSWER_MS * DEMO_NS_PER_MS;

    for (;;) {
        *answered = demo_load_header(demo->port, "/hello", HEADER);
        if (*answered && strncmp(*answered, version, strlen(version)) == 0)
            return true;
        if (demo_now_ns() >= until_ns)
            break;
        free(*answered);
        if (!demo_sleep(demo, demo_now_ns() + 5 * DEMO_NS_PER_MS)) {
            *answered = NULL;
            return false;
        }
    }
    demo_fail(demo, "Answers have %s: %s after %d ms, not version %s.", HEADER, *answered ? *answered : "(none)",
              ANSWER_MS, version);
    free(*answered);
    return false;
}

bool demo_packages_change(struct demo *demo, const char *verb, const char *subject, json_t **out)
{
    bool package = strcmp(verb, "install") == 0;
    char path[PATH_MAX];
    const char *const arguments[] = {verb, package ? path : subject, NULL};
    uint64_t begun_ns = demo_now_ns();
    json_t *answer;

    snprintf(path, sizeof(path), "%.3800s/%s", demo->folder, subject);
    if (!demo_command(demo, arguments, &answer))
        return false;
    *out = json_pack("{s:s+++, s:s, s:I, s:I, s:I, s:O, s:O}", "command", "hookline ", verb, " ", subject, "event",
                     EVENT, "begun_ns", (json_int_t)begun_ns, "asked_ns", (json_int_t)value_count(answer, "asked_ns"),
                     "command_ns", (json_int_t)(demo_now_ns() - begun_ns), "servers",
                     json_object_get(answer, "servers"), "unloaded", json_object_get(answer, "unloaded"));
    json_decref(answer);
    return *out || demo_fail(demo, "hookline %s gave an answer without its fields.", verb);
}

static json_t *chain_of(const json_t *chains)
{
    return json_object_get(json_object_get(chains, EVENT), "chain");
}

static bool describe(struct demo *demo, const struct step *step, json_t *made)
{
    json_t *chains;
    char *answered;

    if (!await_version(demo, step->version, &answered))
        return false;
    json_object_set_new(made, "answered", tool_text(answered));
    json_object_set_new(made, "note", json_string(step->note));
    free(answered);
    if (!demo_chains(demo, &chains))
        return false;
    json_object_set(made, "after", chain_of(chains));
    json_decref(chains);
    return true;
}

static bool make_step(struct demo *demo, const struct step *step)
{
    json_t *chains, *made;
    bool done;

    if (!demo_chains(demo, &chains))
        return false;
    done = demo_packages_change(demo, step->verb, step->subject, &made);
    if (done) {
        json_object_set(made, "before", chain_of(chains));
        demo_say(demo, "%s", value_text(made, "command"));
        done = describe(demo, step, made);
        json_array_append_new(json_object_get(demo->report, "upgrade"), made);
    }
    json_decref(chains);
    return done;
}

bool demo_packages_run(struct demo *demo)
{
    bool going = demo_packages_pack(demo);

    json_object_set_new(demo->report, "upgrade", json_array());
    for (size_t i = 0; going && i < LEN(steps); i++)
        going = make_step(demo, &steps[i]);
    return going;
}

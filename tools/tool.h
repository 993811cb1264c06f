/* What the parts of the hookline command share: the context of one run, the table of verbs, output and errors.
 * Included by every file of tools/; nothing here is installed. */
#ifndef HL_TOOLS_TOOL_H
#define HL_TOOLS_TOOL_H

#include <jansson.h>
#include <stdio.h>

#include <hookline/hookline.h>

/* ---- exit codes: documented in `hookline help` and the manual page ----------------------------------------------- */

enum tool_exit {
    TOOL_DONE = 0,
    TOOL_REFUSED = 1,   /* the operation was refused; the status is printed */
    TOOL_USAGE = 2,     /* the command line makes no sense */
    TOOL_NO_STORE = 3,  /* no store was named, or it cannot be opened */
    TOOL_NO_SERVER = 4, /* no running server answered where one was needed */
};

/* ---- the table of verbs ---------------------------------------------------------------------------------------- */

/* What the shell completes for an argument. */
enum tool_kind {
    KIND_NONE,
    KIND_EVENT,
    KIND_PLUGIN,
    KIND_LIBRARY,
    KIND_FILE,
    KIND_DIRECTORY,
    KIND_VERB,
    KIND_STATUS,
    KIND_STAGE,
    KIND_STORE_VERB,
    KIND_NEW,
    KIND_APP,
    KIND_KEY,
    KIND_MODULE_VERB,
    KIND_FAILURE,
    KIND_SHELL,
    KIND__COUNT
};

/* Options that verbs may take; the row of each is in options.c. */
enum tool_option {
    OPTION_STORE, /* the first four are taken by every verb */
    OPTION_JSON,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_EVENT,
    OPTION_ALL,
    OPTION_STATUS,
    OPTION_EXTENSION,
    OPTION_NAME,
    OPTION_START,
    OPTION_WAIT,
    OPTION_STAGE,
    OPTION_DIR,
    OPTION_COUNT,
    OPTION_LIMIT,
    OPTION_TIMEOUT,
    OPTION_TAG,
    OPTION_ASSET,
    OPTION_SHA256,
    OPTION_SIGNATURE,
    OPTION_LOCKED,
    OPTION_BUNDLE,
    OPTION_QUEUE,
    OPTION_NO_START,
    OPTION_PRUNE,
    OPTION_INSTALLS,
    OPTION_VERIFY,
    OPTION_MODULE,
    OPTION_ONCE,
    OPTION_WORKER,
    OPTION_IN_PROCESS,
    OPTION_DEFAULT,
    OPTION_DEADLINE,
    OPTION_ON_FAILURE,
    OPTION_WORKERS,
    OPTION_IN,
    OPTION__COUNT
};

struct option_row {
    const char *name;     /* without its dashes */
    const char *argument; /* what help calls it; NULL: the option takes none */
    const char *help;
    enum tool_kind kind; /* of its argument */
};

extern const struct option_row tool_options[OPTION__COUNT];

#define OPTION_BIT(option) (UINT64_C(1) << (option))

struct context;

#define VERB_HIDDEN (1u << 0) /* not shown by help */
#define VERB_RAW (1u << 1) /* parses its own options: gets all that follows the verb but --store, --json and --help */

struct verb {
    const char *name;
    const char *arguments; /* for people, "" when it takes none */
    const char *help;      /* one line */
    const char *details;   /* more, for help VERB; NULL: nothing more to say */
    uint64_t options;      /* OPTION_BITs, beyond those that every verb takes */
    unsigned flags;        /* VERB_... */
    int least, most;       /* how many arguments; most -1: any number */
    enum tool_kind kind;   /* of its arguments */
    /* Returns an enum tool_exit. argv[0] is the first argument after the verb and its options; for a VERB_RAW it is the
     * verb, as getopt wants it. */
    int (*run)(struct context *context, int argc, char **argv);
};

extern const struct verb tool_verbs[];               /* ends with a row without a name */
const struct verb *tool_verb_find(const char *name); /* NULL when there is none */

/* ---- one run of the command ------------------------------------------------------------------------------------ */

struct context {
    const char *program; /* as it was called */
    const char *store;   /* from --store or $HOOKLINE_STORE; NULL when neither is there */
    bool json;
    bool colour;
    const struct verb *verb;
    const char *option[OPTION__COUNT]; /* argument of each option given, "" for those without; NULL: not given */
    hl_runtime *runtime;               /* after tool_open; closed by main */
};

/* How tool_open opens the store. */
enum tool_access {
    TOOL_READ,  /* never writes */
    TOOL_WRITE, /* an existing store */
    TOOL_CREATE /* makes the store when there is none */
};

/* Opens context->store for records only: no plugin code is loaded. TOOL_DONE, or the exit code with the error told. */
int tool_open(struct context *context, enum tool_access access);
/* TOOL_DONE when a store was named, else the error is told. */
int tool_need_store(struct context *context);
/* The same, and an lmdb store's folder must be there: a mistyped one must not become a new store. */
int tool_need_folder(struct context *context);

/* ---- errors: on stderr, and with --json as {"error":{...}} on stdout -------------------------------------------- */

/* Tells hl_last_error with what to do next; returns the exit code that fits its status. */
int tool_fail(struct context *context);
/* As tool_fail, with an exit code and a hint that fit better than the status's own. */
int tool_fail_with(struct context *context, int code, const char *hint);
/* As tool_fail over a plugin or an event, which is looked for among the known names: "did you mean". Either NULL. */
int tool_fail_about(struct context *context, const char *plugin, const char *event);
/* Tells an error of the command's own, whose message says what to do. field may be "". Returns `code`. */
int tool_error(struct context *context, int code, hl_status status, const char *field, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* Tells an error of the command's own on stderr, and puts it into a document that has more to say. */
void tool_error_in(struct context *context, json_t *document, hl_status status, const char *field, const char *message);
/* A mistake on the command line: as tool_error, and names the help to read. Returns TOOL_USAGE. */
int tool_usage(struct context *context, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line on stderr for people only: nothing with --json. */
void tool_note(struct context *context, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The known name that is most like `name`, within a few typing errors; NULL when none is. */
const char *tool_closest(const char *name, const char *const *known, size_t known_len);

/* ---- output ---------------------------------------------------------------------------------------------------- */

/* Prints the one JSON document of a run and gives the reference away. Returns `code`, or TOOL_REFUSED when it could not
 * be written. */
int tool_print_json(json_t *document, int code);
/* A JSON string of any bytes: what is not UTF-8 is shown as '?'. */
json_t *tool_text(const char *bytes);

/* A table: columns are aligned by what the terminal shows, the last one is not padded. */
struct table;
struct table *tool_table_new(size_t columns, const char *const *titles);
/* Begins a row, then cells from left to right. Missing cells are empty. */
void tool_table_row(struct table *table);
void tool_table_cell(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
void tool_table_free(struct table *table); /* NULL is a no-op */
/* Prints the table, or `empty` when it has no row, and frees it. */
void tool_table_print(struct table *table, const struct context *context, const char *empty);

/* Prints text with everything that could steer a terminal made visible as '?'. */
void tool_print_text(FILE *file, const char *text);
/* Whether it would be printed as it is. */
bool tool_shows(const char *text);

const char *tool_status_word(hl_plugin_status status);
hl_plugin_status tool_status_of_word(const char *word); /* 0 for what is none */
const char *tool_engine_word(hl_engine engine);
/* "1.25 ms": short and with its unit. Returns text of the callee that lasts for four more calls. */
const char *tool_duration(uint64_t ns);

/* ---- the verbs, by file ---------------------------------------------------------------------------------------- */

int hl_tool_demo(struct context *context, int argc, char **argv);  /* demo*.c */
int hl_tool_bench(struct context *context, int argc, char **argv); /* bench*.c */

#endif

/* The JSON form of hl_isolation: a table of fields, read, checked and written. Used by hl_isolate, by those who start workers,
 * and by the installer for manifests. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/error.h"
#include "core/isolate.h"
#include "core/validate.h"

#define ACTION "isolate"
#define TEXT_MAX 65536 /* bytes of a whole isolation */
#define PATHS_MAX 64
#define PATH_LEN_MAX 4095

/* ---- the fields ---- */

typedef enum kind { WORD, NUMBER, NUMBER64, BOOLEAN, NAME, PATH, PATHS } kind;

typedef struct field {
    const char *name;
    kind kind;
    size_t offset;
    uint64_t most;            /* NUMBER, NUMBER64 */
    uint64_t fallback;        /* WORD, NUMBER, NUMBER64: what 0 stands for */
    const char *const *words; /* WORD: those of the values from 1 on */
} field;

static const char *const modes[] = {"in_process", "in_worker", NULL};
static const char *const failures[] = {"fail_chain", "skip_plugin", "halt_chain", NULL};
static const char *const fullness[] = {"shed", "wait", "run_inline", NULL};
static const char *const rules[] = {"permanent", "transient", "temporary", NULL};
static const char *const strategies[] = {"one_for_one", "one_for_all", "rest_for_one", NULL};

#define AT(member) #member, .offset = offsetof(hl_isolation, member)

/* The first BOTH_MODES have a meaning in the server's process too. */
#define BOTH_MODES 2
static const field isolation_fields[] = {
    {AT(mode), .kind = WORD, .words = modes},
    {AT(deadline_ms), .kind = NUMBER, .most = 3600000},
    {AT(on_failure), .kind = WORD, .words = failures, .fallback = HL_FAIL_CHAIN},
    {AT(workers), .kind = NUMBER, .most = 64, .fallback = 1},
    {AT(queue), .kind = NUMBER, .most = 4096, .fallback = 64},
    {AT(when_full), .kind = WORD, .words = fullness, .fallback = HL_SHED},
    {AT(restart), .kind = WORD, .words = rules, .fallback = HL_PERMANENT},
    {AT(restarts_most), .kind = NUMBER, .most = UINT32_MAX, .fallback = 5},
    {AT(period_ms), .kind = NUMBER, .most = UINT32_MAX, .fallback = 5000},
    {AT(backoff_ms), .kind = NUMBER, .most = UINT32_MAX, .fallback = 10},
    {AT(backoff_most_ms), .kind = NUMBER, .most = UINT32_MAX, .fallback = 10000},
    {AT(stable_ms), .kind = NUMBER, .most = UINT32_MAX, .fallback = 10000},
    {AT(group), .kind = NAME},
    {AT(strategy), .kind = WORD, .words = strategies, .fallback = HL_ONE_FOR_ONE},
    {AT(breaker_failures), .kind = NUMBER, .most = UINT32_MAX},
    {AT(breaker_open_ms), .kind = NUMBER, .most = UINT32_MAX, .fallback = 1000},
    {AT(spin_us), .kind = NUMBER, .most = 100, .fallback = 5},
    {AT(no_spin), .kind = BOOLEAN},
};
#define ISOLATION_FIELDS (sizeof(isolation_fields) / sizeof(isolation_fields[0]))
#define WORKER_DEADLINE_MS 1000

#undef AT
#define AT(member) #member, .offset = offsetof(hl_sandbox, member)

static const field sandbox_fields[] = {
    {AT(memory_bytes), .kind = NUMBER64, .most = INT64_MAX, .fallback = UINT64_C(1) << 30},
    {AT(file_bytes), .kind = NUMBER64, .most = INT64_MAX},
    {AT(files), .kind = NUMBER, .most = UINT32_MAX, .fallback = 64},
    {AT(processes), .kind = NUMBER, .most = UINT32_MAX},
    {AT(cpu_seconds), .kind = NUMBER, .most = UINT32_MAX},
    {AT(network), .kind = BOOLEAN},
    {AT(read), .kind = PATHS},
    {AT(write), .kind = PATHS},
    {AT(cgroup), .kind = PATH},
    {AT(require), .kind = BOOLEAN},
};
#define SANDBOX_FIELDS (sizeof(sandbox_fields) / sizeof(sandbox_fields[0]))

_Static_assert(sizeof(hl_isolation_mode) == sizeof(uint32_t), "enums are read and written as numbers");

/* ---- reading ---- */

/* A struct that is being filled in. */
typedef struct filling {
    const char *prefix; /* for errors: "isolation", "isolation.sandbox" */
    char *base;
    char *next; /* free room of the block, for strings */
} filling;

static hl_status refuse(const filling *to, const char *name, const char *rule)
{
    char path[128];

    snprintf(path, sizeof(path), "%s.%s", to->prefix, name);
    return hl__fail(HL_ERR_INVALID, ACTION, path, "The field %s %s", path, rule);
}

static const char *put(filling *to, const char *text)
{
    size_t len = strlen(text) + 1;
    char *copy = memcpy(to->next, text, len);

    to->next += len;
    return copy;
}

static hl_status read_word(filling *to, const field *row, const json_t *value)
{
    const char *word = json_string_value(value);
    char rule[128] = "must be one of";

    for (uint32_t i = 0; row->words[i]; i++) {
        uint32_t number = i + 1;

        if (word && strcmp(word, row->words[i]) == 0) {
            memcpy(to->base + row->offset, &number, sizeof(number));
            return HL_OK;
        }
        snprintf(rule + strlen(rule), sizeof(rule) - strlen(rule), " \"%s\"", row->words[i]);
    }
    snprintf(rule + strlen(rule), sizeof(rule) - strlen(rule), ".");
    return refuse(to, row->name, rule);
}

static hl_status read_number(filling *to, const field *row, const json_t *value)
{
    json_int_t number = json_integer_value(value);
    uint32_t small = (uint32_t)number;
    char rule[64];

    if (!json_is_integer(value) || number < 0 || (uint64_t)number > row->most) {
        snprintf(rule, sizeof(rule), "must be a whole number of 0..%llu.", (unsigned long long)row->most);
        return refuse(to, row->name, rule);
    }
    if (row->kind == NUMBER)
        memcpy(to->base + row->offset, &small, sizeof(small));
    else
        memcpy(to->base + row->offset, &(uint64_t){(uint64_t)number}, sizeof(uint64_t));
    return HL_OK;
}

static hl_status read_boolean(filling *to, const field *row, const json_t *value)
{
    bool yes = json_is_true(value);

    if (!json_is_boolean(value))
        return refuse(to, row->name, "must be true or false.");
    memcpy(to->base + row->offset, &yes, sizeof(yes));
    return HL_OK;
}

static hl_status read_name(filling *to, const field *row, const json_t *value)
{
    const char *text = json_string_value(value);
    char path[128];

    snprintf(path, sizeof(path), "%s.%s", to->prefix, row->name);
    if (hl__check_name(ACTION, path, text) != HL_OK)
        return HL_ERR_INVALID;
    text = put(to, text);
    memcpy(to->base + row->offset, &text, sizeof(text));
    return HL_OK;
}

static bool is_path(const char *text)
{
    return text && text[0] == '/' && strlen(text) <= PATH_LEN_MAX;
}

static hl_status read_path(filling *to, const field *row, const json_t *value)
{
    const char *text = json_string_value(value);

    if (!is_path(text))
        return refuse(to, row->name, "must be an absolute path.");
    text = put(to, text);
    memcpy(to->base + row->offset, &text, sizeof(text));
    return HL_OK;
}

/* The array lies in the block before all strings: see size_of. */
static hl_status read_paths(filling *to, const field *row, const json_t *value, const char ***arrays)
{
    size_t len = json_array_size(value);
    const char **paths = *arrays;
    char name[64];

    if (!json_is_array(value) || len > PATHS_MAX)
        return refuse(to, row->name, "must be a list of at most 64 absolute paths.");
    for (size_t i = 0; i < len; i++) {
        const char *text = json_string_value(json_array_get(value, i));

        snprintf(name, sizeof(name), "%s[%zu]", row->name, i);
        if (!is_path(text))
            return refuse(to, name, "must be an absolute path.");
        paths[i] = put(to, text);
    }
    *arrays += len + 1;
    memcpy(to->base + row->offset, &paths, sizeof(paths));
    return HL_OK;
}

static hl_status read_field(filling *to, const field *row, const json_t *value, const char ***arrays)
{
    switch (row->kind) {
    case WORD:
        return read_word(to, row, value);
    case BOOLEAN:
        return read_boolean(to, row, value);
    case NAME:
        return read_name(to, row, value);
    case PATH:
        return read_path(to, row, value);
    case PATHS:
        return read_paths(to, row, value, arrays);
    default:
        return read_number(to, row, value);
    }
}

static const field *find_field(const field *rows, size_t len, const char *name)
{
    for (size_t i = 0; i < len; i++) {
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    }
    return NULL;
}

static hl_status read_sandbox(filling *outer, json_t *object, hl_sandbox *sandbox, const char ***arrays)
{
    filling to = {"isolation.sandbox", (char *)sandbox, outer->next};
    hl_status status = HL_OK;
    const char *name;
    json_t *value;

    if (!json_is_object(object))
        return refuse(outer, "sandbox", "must be an object.");
    json_object_foreach (object, name, value) {
        const field *row = find_field(sandbox_fields, SANDBOX_FIELDS, name);

        status = row ? read_field(&to, row, value, arrays)
                     : refuse(&to, name, "is unknown; a limit that is not understood is not kept.");
        if (status != HL_OK)
            break;
    }
    outer->next = to.next;
    return status;
}

/* What a whole isolation is read into: one block with everything. */
typedef struct block {
    hl_isolation isolation;
    hl_sandbox sandbox;
    const char *arrays[];
} block;

/* Every string of the text has two quotes there, so that all of them fit with their end marks into what the text has. */
static size_t size_of(const json_t *object, const char *text, size_t *arrays_len)
{
    const json_t *sandbox = json_object_get(object, "sandbox");

    *arrays_len =
        json_array_size(json_object_get(sandbox, "read")) + json_array_size(json_object_get(sandbox, "write")) + 2;
    return sizeof(block) + *arrays_len * sizeof(char *) + strlen(text) + 1;
}

/* Stored texts may also say who set them. */
static hl_status read_other(filling *to, const char *name, json_t *value, block *into, const char ***arrays,
                            bool stored)
{
    if (strcmp(name, "sandbox") == 0) {
        into->isolation.sandbox = &into->sandbox;
        return read_sandbox(to, value, &into->sandbox, arrays);
    }
    if (stored && strcmp(name, "by") == 0)
        return HL_OK;
    return refuse(to, name, "is unknown; a limit that is not understood is not kept.");
}

static hl_status check_mode(const filling *to, const block *into, const json_t *object)
{
    if (!into->isolation.mode)
        return refuse(to, "mode", "is missing; say \"in_process\" or \"in_worker\".");
    if (into->isolation.mode == HL_IN_WORKER)
        return HL_OK;
    for (size_t i = BOTH_MODES; i < ISOLATION_FIELDS; i++) {
        if (json_object_get(object, isolation_fields[i].name))
            return refuse(to, isolation_fields[i].name, "has a meaning with \"in_worker\" only; leave it out.");
    }
    if (into->isolation.sandbox)
        return refuse(to, "sandbox", "cannot be kept in the server's process; use \"in_worker\".");
    return HL_OK;
}

static hl_status read_object(json_t *object, bool stored, block *into, size_t arrays_len)
{
    const char **arrays = into->arrays;
    filling to = {"isolation", (char *)&into->isolation, (char *)(into->arrays + arrays_len)};
    hl_status status = HL_OK;
    const char *name;
    json_t *value;

    into->isolation.size = sizeof(into->isolation);
    into->sandbox.size = sizeof(into->sandbox);
    json_object_foreach (object, name, value) {
        const field *row = find_field(isolation_fields, ISOLATION_FIELDS, name);

        status = row ? read_field(&to, row, value, &arrays) : read_other(&to, name, value, into, &arrays, stored);
        if (status != HL_OK)
            return status;
    }
    return check_mode(&to, into, object);
}

static hl_status load(const char *text, json_t **out)
{
    json_error_t error;

    if (strnlen(text, TEXT_MAX + 1) > TEXT_MAX)
        return hl__fail(HL_ERR_INVALID, ACTION, "isolation", "The isolation has more than %d bytes.", TEXT_MAX);
    *out = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (json_is_object(*out))
        return HL_OK;
    json_decref(*out);
    return hl__fail(HL_ERR_INVALID, ACTION, "isolation",
                    "The isolation is no JSON object (%s); write one such as {\"mode\":\"in_worker\"}.", error.text);
}

static hl_status parse(const char *text, bool stored, block **out)
{
    json_t *object = NULL;
    size_t arrays_len;
    hl_status status = load(text, &object);

    if (status != HL_OK)
        return status;
    *out = calloc(1, size_of(object, text, &arrays_len));
    status = *out ? read_object(object, stored, *out, arrays_len) : hl__fail_memory(ACTION);
    json_decref(object);
    if (status != HL_OK)
        free(*out);
    return status;
}

hl_status hl_isolation_parse(const char *json, hl_isolation **out)
{
    block *made = NULL;
    hl_status status;

    if (!json || !out)
        return hl__fail(HL_ERR_INVALID, "isolation_parse", json ? "out" : "json", "The %s is NULL.",
                        json ? "place for the isolation" : "text");
    status = parse(json, false, &made);
    if (status != HL_OK)
        return hl__fail_as("isolation_parse");
    *out = &made->isolation;
    return HL_OK;
}

/* ---- defaults ---- */

static void fill(char *base, const field *rows, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint32_t number = (uint32_t)rows[i].fallback;
        size_t size = rows[i].kind == NUMBER64 ? sizeof(uint64_t) : sizeof(uint32_t);

        if (!rows[i].fallback || memcmp(base + rows[i].offset, &(uint64_t){0}, size) != 0)
            continue;
        if (rows[i].kind == NUMBER64)
            memcpy(base + rows[i].offset, &rows[i].fallback, size);
        else
            memcpy(base + rows[i].offset, &number, size);
    }
}

hl_status hl__isolation_read(const char *json, hl_isolation **out)
{
    block *made = NULL;
    hl_status status = parse(json, true, &made);

    if (status != HL_OK)
        return status;
    fill((char *)&made->isolation, isolation_fields, ISOLATION_FIELDS);
    fill((char *)&made->sandbox, sandbox_fields, SANDBOX_FIELDS);
    if (made->isolation.mode == HL_IN_WORKER && !made->isolation.deadline_ms)
        made->isolation.deadline_ms = WORKER_DEADLINE_MS;
    made->isolation.sandbox = &made->sandbox;
    *out = &made->isolation;
    return HL_OK;
}

/* ---- writing ---- */

/* What is not UTF-8 becomes a value that reading refuses with the field's name. */
static json_t *text_value(const char *text)
{
    json_t *value = json_string(text);

    return value ? value : json_null();
}

static json_t *value_of_paths(const char *const *paths)
{
    json_t *array = paths ? json_array() : NULL;

    for (size_t i = 0; paths && paths[i]; i++)
        json_array_append_new(array, text_value(paths[i]));
    return array;
}

/* NULL: the field is not given. A number that is no word becomes a value that reading refuses. */
static json_t *value_of(const char *base, const field *row)
{
    const char *at = base + row->offset;
    uint64_t large = 0;
    uint32_t number;
    const char *text;
    bool yes;

    switch (row->kind) {
    case WORD:
        memcpy(&number, at, sizeof(number));
        for (uint32_t i = 0; number && row->words[i]; i++) {
            if (i + 1 == number)
                return json_string(row->words[i]);
        }
        return number ? json_null() : NULL;
    case BOOLEAN:
        memcpy(&yes, at, sizeof(yes));
        return yes ? json_true() : NULL;
    case NAME:
    case PATH:
        memcpy(&text, at, sizeof(text));
        return text ? text_value(text) : NULL;
    case PATHS:
        memcpy(&text, at, sizeof(text));
        return value_of_paths((const char *const *)(const void *)text);
    case NUMBER:
        memcpy(&number, at, sizeof(number));
        large = number;
        break;
    default:
        memcpy(&large, at, sizeof(large));
    }
    return large ? json_integer(large > INT64_MAX ? -1 : (json_int_t)large) : NULL;
}

static json_t *object_of(const void *base, const field *rows, size_t len)
{
    json_t *object = json_object();

    for (size_t i = 0; i < len; i++) {
        json_t *value = value_of(base, &rows[i]);

        if (value)
            json_object_set_new(object, rows[i].name, value);
    }
    return object;
}

/* Callers' structs may be older or newer than this library's. */
static hl_status copy_structs(const hl_isolation *from, hl_isolation *isolation, hl_sandbox *sandbox)
{
    hl_status status =
        hl__copy_struct(ACTION, "isolation", isolation, sizeof(*isolation), from, offsetof(hl_isolation, deadline_ms));

    if (status == HL_OK && isolation->sandbox)
        status = hl__copy_struct(ACTION, "isolation.sandbox", sandbox, sizeof(*sandbox), isolation->sandbox,
                                 offsetof(hl_sandbox, file_bytes));
    return status;
}

static hl_status write_text(const hl_isolation *isolation, const hl_sandbox *sandbox, char **json)
{
    json_t *object = object_of(isolation, isolation_fields, ISOLATION_FIELDS);
    json_t *inner = isolation->sandbox ? object_of(sandbox, sandbox_fields, SANDBOX_FIELDS) : NULL;

    if (inner)
        json_object_set_new(object, "sandbox", inner);
    *json = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return *json ? HL_OK : hl__fail_memory(ACTION);
}

static hl_status add_by(char **json)
{
    static const char by[] = ",\"by\":\"operator\"}";
    size_t len = strlen(*json) - 1;
    char *longer = realloc(*json, len + sizeof(by));

    if (!longer)
        return hl__fail_memory(ACTION);
    memcpy(longer + len, by, sizeof(by));
    *json = longer;
    return HL_OK;
}

hl_status hl__isolation_write(const hl_isolation *isolation, bool by_operator, char **json)
{
    hl_isolation copied = {.size = sizeof(copied)};
    hl_sandbox sandbox = {.size = sizeof(sandbox)};
    block *checked = NULL;
    char *text = NULL;
    hl_status status = copy_structs(isolation, &copied, &sandbox);

    if (status == HL_OK)
        status = write_text(&copied, &sandbox, &text);
    if (status == HL_OK)
        status = parse(text, false, &checked);
    if (status == HL_OK) {
        free(checked);
        status = by_operator ? add_by(&text) : HL_OK;
    }
    if (status == HL_OK)
        *json = text;
    else
        free(text);
    return status;
}

/* ---- what core itself asks ---- */

static bool says(const char *json, const char *name, const char *word)
{
    json_t *object = json[0] ? json_loads(json, 0, NULL) : NULL;
    const char *found = json_string_value(json_object_get(object, name));
    bool yes = found && strcmp(found, word) == 0;

    json_decref(object);
    return yes;
}

/* What cannot be understood must not run in the server's process either. */
bool hl__isolation_in_worker(const char *json)
{
    return json[0] && !says(json, "mode", modes[HL_IN_PROCESS - 1]);
}

bool hl__isolation_by_operator(const char *json)
{
    return says(json, "by", "operator");
}

const char *hl__isolation_kept(const hl__record *old, const char *asked)
{
    return old && hl__isolation_by_operator(old->isolation) ? old->isolation : asked;
}

/* Answers for those who are about to change the code of an app: the questions "prepare", "release" and "libraries" of
 * the control protocol. */
#include "observe/answers.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hookline/hookline.h>

#include "core/error.h"
#include "core/extension.h"
#include "observe/prepared.h"
#include "observe/values.h"

#define ACTION "answer"

static bool read_row(const json_t *library, hl__prepared *row)
{
    const char *path = json_string_value(json_object_get(library, "replaces_path"));
    const char *stamp = json_string_value(json_object_get(library, "replaces_stamp"));

    row->path = json_string_value(json_object_get(library, "path"));
    row->stamp = json_string_value(json_object_get(library, "stamp"));
    row->replaces_path = path && stamp ? path : "";
    row->replaces_stamp = path && stamp ? stamp : "";
    return row->path && row->stamp;
}

/* The request's libraries, whose strings live as long as the request. */
static hl__prepared *read_rows(const json_t *request, size_t *len)
{
    const json_t *libraries = json_object_get(request, "libraries");
    hl__prepared *rows;

    *len = json_array_size(libraries);
    rows = calloc(*len ? *len : 1, sizeof(*rows));
    if (!rows)
        hl__fail_memory(ACTION);
    for (size_t i = 0; rows && i < *len; i++) {
        if (!read_row(json_array_get(libraries, i), &rows[i])) {
            hl__fail(HL_ERR_INVALID, ACTION, "libraries", "A library in the request has no path or no stamp.");
            free(rows);
            rows = NULL;
        }
    }
    return rows;
}

/* The process that asks takes part by itself. */
static bool is_excepted(const json_t *request)
{
    return json_integer_value(json_object_get(request, "except_pid")) == (json_int_t)getpid();
}

json_t *hl__answer_prepare(hl_runtime *runtime, const json_t *request)
{
    size_t len;
    hl__prepared *rows;
    hl_status status;

    if (is_excepted(request))
        return json_pack("{s:b}", "prepared", 0);
    rows = read_rows(request, &len);
    status = rows ? hl__prepare(runtime, rows, len) : HL_ERR_INVALID;
    free(rows);
    return status == HL_OK ? json_pack("{s:b}", "prepared", 1) : NULL;
}

/* Whether a record asks for the library and has not got it yet. Asking sees the newest commits. */
static bool is_awaited(const hl_plugin_info *info, void *row)
{
    hl__prepared *wanted = row;

    if (info->loaded || !wanted->path || strcmp(info->library, wanted->path) != 0)
        return true;
    wanted->path = NULL;
    return false;
}

/* The commit may have been made this very moment: its records get the prepared code before it is let go of, else the
 * library would be unmapped and mapped anew, without the state that was carried over. */
static void bind_awaited(hl_runtime *runtime, const hl__prepared *row)
{
    hl__prepared wanted = *row;

    if (hl_plugins(runtime, NULL, is_awaited, &wanted) != HL_OK || wanted.path)
        return;
    if (hl__load_library(runtime, row->path, row->stamp) != HL_OK)
        hl__log(runtime, HL_LOG_ERROR, "library", "%s: %s", row->path, hl_last_error()->message);
}

json_t *hl__answer_release(hl_runtime *runtime, const json_t *request)
{
    size_t len;
    hl__prepared *rows;

    if (is_excepted(request))
        return json_pack("{s:b}", "released", 0);
    rows = read_rows(request, &len);
    if (!rows)
        return NULL;
    for (size_t i = 0; i < len; i++)
        bind_awaited(runtime, &rows[i]);
    hl__prepare_release(runtime, rows, len);
    free(rows);
    return json_pack("{s:b}", "released", 1);
}

static void add_library(void *user, const char *path, const char *stamp)
{
    json_t *value = json_object();

    hl__put_text(value, "path", path);
    hl__put_text(value, "stamp", stamp);
    json_array_append_new(user, value);
}

json_t *hl__answer_libraries(hl_runtime *runtime, const json_t *request)
{
    json_t *libraries = json_array();
    json_t *answer = json_object();

    (void)request;
    hl__put(answer, "libraries", libraries);
    hl__libraries_mapped(runtime, add_library, libraries);
    return answer;
}

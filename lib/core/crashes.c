/* hl_crashes: those of workers, those in the store, and those that dead processes left and nobody has taken over
 * yet. */
#include <stdlib.h>
#include <string.h>

#include "core/crash.h"
#include "core/document.h"
#include "core/error.h"
#include "core/grow.h"
#include "core/isolate.h"
#include "core/runtime.h"

typedef struct crash_list {
    hl_crash_info *rows; /* their texts are copies */
    size_t len, room;
    bool failed;
} crash_list;

static void free_row(hl_crash_info *row)
{
    free((char *)(uintptr_t)row->plugin);
    free((char *)(uintptr_t)row->version);
    free((char *)(uintptr_t)row->event);
    free((char *)(uintptr_t)row->text);
}

static bool add_copy(const hl_crash_info *info, void *user)
{
    crash_list *to = user;
    hl_crash_info *row;

    if (!hl__grow(&to->rows, to->len, &to->room, sizeof(*to->rows))) {
        to->failed = true;
        return false;
    }
    row = &to->rows[to->len++];
    *row = *info;
    row->size = sizeof(*row);
    row->plugin = strdup(info->plugin);
    row->version = strdup(info->version);
    row->event = strdup(info->event);
    row->text = strdup(info->text);
    to->failed |= !row->plugin || !row->version || !row->event || !row->text;
    return !to->failed;
}

static bool add_text(crash_list *to, const char *text)
{
    hl__crash crash;
    void *document;
    bool more = true;

    if (!hl__crash_read(text, &crash, &document))
        return true;
    more = add_copy(&crash.info, to);
    hl__crash_free(document);
    return more;
}

static hl_status add_document(void *user, const char *key, const char *text)
{
    (void)key;
    return add_text(user, text) ? HL_OK : HL_ERR_NO_MEMORY;
}

/* The next opener takes it over. */
static bool add_file(void *user, const char *name, const hl__fault_file *file)
{
    (void)name;
    for (size_t i = 0; i < HL__FAULT_ROWS; i++) {
        char *text = file->rows[i].state == HL__FAULT_WHOLE ? hl__crash_write(&file->rows[i]) : NULL;

        if (text)
            add_text(user, text);
        free(text);
    }
    return false;
}

static int newest_first(const void *a, const void *b)
{
    const hl_crash_info *left = a, *right = b;

    if (left->at != right->at)
        return left->at < right->at ? 1 : -1;
    return left->pid == right->pid ? 0 : left->pid < right->pid ? 1 : -1;
}

/* A process that dies between committing a crash and removing its file leaves both for a while. */
static bool is_repeated(const hl_crash_info *row, const hl_crash_info *before)
{
    return before && row->at == before->at && row->pid == before->pid && row->signal == before->signal &&
           !row->in_worker && !before->in_worker && strcmp(row->text, before->text) == 0;
}

/* A copy, NULL where the store has no folder. */
static hl_status copy_directory(hl_runtime *runtime, char **out)
{
    hl_status status = hl__lock(runtime, "crashes");
    const char *directory;

    *out = NULL;
    if (status != HL_OK)
        return status;
    directory = runtime->parts.store->ops->directory(runtime->parts.store);
    if (directory && !(*out = strdup(directory)))
        status = hl__fail_memory("crashes");
    hl__unlock(runtime);
    return status;
}

/* Under the lock, which keeps those who know from being closed. */
static hl_status add_workers(hl_runtime *runtime, crash_list *to)
{
    hl_status status = hl__lock(runtime, "crashes");

    if (status != HL_OK)
        return status;
    if (runtime->parts.isolator)
        runtime->parts.isolator->crashes(runtime, add_copy, to);
    hl__unlock(runtime);
    return status;
}

static hl_status fill(hl_runtime *runtime, crash_list *to)
{
    char *directory = NULL;
    hl_status status = copy_directory(runtime, &directory);

    if (status == HL_OK)
        status = hl__document_walk(runtime, HL__CRASH_PREFIX, add_document, to);
    if (status == HL_OK && directory)
        hl__fault_files_walk(directory, add_file, to);
    if (status == HL_OK)
        status = add_workers(runtime, to);
    free(directory);
    return to->failed ? hl__fail_memory("crashes") : status;
}

hl_status hl_crashes(hl_runtime *runtime, bool (*callback)(const hl_crash_info *, void *user), void *user)
{
    crash_list found = {0};
    hl_status status;

    if (!callback)
        return hl__fail(HL_ERR_INVALID, "crashes", "callback", "The callback is NULL.");
    status = fill(runtime, &found);
    if (found.len)
        qsort(found.rows, found.len, sizeof(*found.rows), newest_first);
    for (size_t i = 0; status == HL_OK && i < found.len; i++) {
        if (!is_repeated(&found.rows[i], i ? &found.rows[i - 1] : NULL) && !callback(&found.rows[i], user))
            break;
    }
    for (size_t i = 0; i < found.len; i++)
        free_row(&found.rows[i]);
    free(found.rows);
    return status;
}

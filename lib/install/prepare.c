/* Loading a version's libraries in this process and in every running server of the store, before the commit. Those
 * whose plugins all run in workers are not loaded: they were tried in a throw-away process, and a server starts workers
 * when it follows. */
#include <stdlib.h>

#include "core/error.h"
#include "install/activation.h"

static hl_status make_rows(hl__activation *a)
{
    a->prepared = calloc(a->len + 1, sizeof(*a->prepared));
    if (!a->prepared)
        return hl__fail_memory(a->course->action);
    for (size_t i = 0; i < a->len; i++) {
        const hl__candidate *row = &a->rows[i];

        if (row->mapped)
            a->prepared[a->prepared_len++] =
                (hl__prepared){row->path, row->stamp, row->replaces_path, row->replaces_stamp};
    }
    return HL_OK;
}

hl_status hl__activation_prepare(hl__activation *a)
{
    hl_status status = hl__course_step(a->course, HL_STEP_PREPARE);

    if (status == HL_OK)
        status = make_rows(a);
    if (status == HL_OK)
        status = hl__prepare(a->runtime, a->prepared, a->prepared_len);
    if (status == HL_OK)
        status = hl__servers_prepare(a->runtime, a->prepared, a->prepared_len, &a->course->report->servers_len);
    if (status == HL_OK && !a->prepared_len)
        a->course->report->servers_len = hl__servers_len(a->runtime);
    return status;
}

void hl__activation_release(hl__activation *a)
{
    hl__error_copy error;

    if (!a->prepared)
        return;
    hl__error_save(&error);
    hl__prepare_release(a->runtime, a->prepared, a->prepared_len);
    hl__servers_release(a->runtime, a->prepared, a->prepared_len);
    hl__error_restore(&error);
    free(a->prepared);
    a->prepared = NULL;
    a->prepared_len = 0;
}

/* Loading a version's libraries in this process and in every running server of the store, before the commit. */
#include <stdlib.h>

#include "core/error.h"
#include "install/activation.h"

static hl_status make_rows(hl__activation *a)
{
    a->prepared = calloc(a->len + 1, sizeof(*a->prepared));
    if (!a->prepared)
        return hl__fail_memory(a->course->action);
    for (size_t i = 0; i < a->len; i++)
        a->prepared[i] =
            (hl__prepared){a->rows[i].path, a->rows[i].stamp, a->rows[i].replaces_path, a->rows[i].replaces_stamp};
    return HL_OK;
}

hl_status hl__activation_prepare(hl__activation *a)
{
    hl_status status = hl__course_step(a->course, HL_STEP_PREPARE);

    if (status == HL_OK)
        status = make_rows(a);
    if (status == HL_OK)
        status = hl__prepare(a->runtime, a->prepared, a->len);
    if (status == HL_OK)
        status = hl__servers_prepare(a->runtime, a->prepared, a->len, &a->course->report->servers_len);
    return status;
}

void hl__activation_release(hl__activation *a)
{
    hl__error_copy error;

    if (!a->prepared)
        return;
    hl__error_save(&error);
    hl__prepare_release(a->runtime, a->prepared, a->len);
    hl__servers_release(a->runtime, a->prepared, a->len);
    hl__error_restore(&error);
    free(a->prepared);
    a->prepared = NULL;
}

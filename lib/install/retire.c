/* After the commit: the new version is active whatever happens here. */
#include <string.h>

#include "core/error.h"
#include "install/activation.h"
#include "install/installation.h"
#include "install/notices.h"
#include "install/unloaded.h"

/* Before this one there were two: the one that was active is kept for a rollback, the one before it is not. */
static void remove_oldest(const hl__activation *a)
{
    const hl__app_version *oldest = a->old ? a->old->before : NULL;

    if (!oldest || strcmp(oldest->folder, a->version->folder) == 0 ||
        strcmp(oldest->folder, a->old->active.folder) == 0)
        return;
    hl__forget_package(a->place->folder, oldest->folder);
    if (hl__folder_remove(a->place->folder, oldest->folder) != HL_OK)
        hl__log(a->runtime, HL_LOG_WARNING, "install", "%s; hl_gc will try again.", hl_last_error()->message);
}

void hl__activation_retire(hl__activation *a)
{
    hl__error_copy error;

    hl__error_save(&error);
    if (hl__course_step(a->course, HL_STEP_RETIRE) != HL_OK)
        hl__log(a->runtime, HL_LOG_INFO, "install", "%s %s is active: it is too late to cancel.", a->app,
                a->version->version);
    hl__activation_release(a);
    a->course->report->unloaded = !a->old || hl__version_unloaded(a->runtime, a->place, &a->old->active);
    remove_oldest(a);
    hl__notify_app(a->runtime, HL_NOTICE_INSTALLED, a->app, a->version->version);
    hl__log(a->runtime, HL_LOG_INFO, "install", "%s of %s %s done", a->what, a->app, a->version->version);
    hl__error_restore(&error);
}

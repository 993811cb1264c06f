/* Notices about apps; see notices.h. */
#include "install/notices.h"

#include <stdio.h>

#include "install/version.h"

void hl__notify_app(hl_runtime *runtime, hl_notice_kind kind, const char *app, const char *version)
{
    char reason[HL__APP_NAME_MAX + HL__VERSION_MAX + 2];

    snprintf(reason, sizeof(reason), "%s %s", app, version);
    if (hl__lock(runtime, "notify") != HL_OK)
        return;
    hl__notify(runtime, &(hl_notice){.kind = kind, .event = "", .reason = reason}, NULL);
    hl__unlock(runtime);
}

/* Plugins and documents of an app on their way out; see removal.h. */
#include "install/removal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "install/app.h"
#include "install/boot.h"

bool hl__app_owns_plugin(hl_runtime *runtime, const char *app, const char *plugin)
{
    hl_plugin_info info;
    bool owns = hl_plugin_get(runtime, plugin, &info) == HL_OK && strcmp(info.extension, app) == 0;

    hl_plugin_info_cleanup(&info);
    return owns;
}

hl__request hl__request_removal(const char *plugin)
{
    return (hl__request){.op = {.verb = HL__UNREGISTER, .scope = HL__ONE, .subject = plugin}};
}

static hl_status remove_if_there(hl__documents *documents, const char *key)
{
    char *text = NULL;
    hl_status status = hl__documents_get(documents, key, &text);

    free(text);
    if (status == HL_ERR_NOT_FOUND)
        return HL_OK;
    return status == HL_OK ? hl__documents_put(documents, key, NULL) : status;
}

hl_status hl__app_put(hl__documents *documents, const char *app, const char *text)
{
    char key[HL__DOCUMENT_KEY_MAX + 1];
    hl_status status;

    snprintf(key, sizeof(key), HL__APP_KEY "%s", app);
    status = hl__documents_put(documents, key, text);
    if (status != HL_OK)
        return status;
    snprintf(key, sizeof(key), HL__BOOT_KEY "%s", app);
    return remove_if_there(documents, key);
}

/* Reading the documents of all installed apps. Called by everything that asks what is installed. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/grow.h"
#include "install/app.h"

typedef struct reading {
    hl__apps *apps;
    size_t room;
} reading;

static hl_status take(void *user, const char *key, const char *text)
{
    reading *to = user;
    hl_status status;

    if (!hl__grow(&to->apps->rows, to->apps->len, &to->room, sizeof(*to->apps->rows)))
        return hl__fail_memory("read app");
    status = hl__app_decode(text, &to->apps->rows[to->apps->len]);
    if (status != HL_OK)
        return hl__fail(status, "read app", key,
                        "The document \"%s\" cannot be understood; restore the store from a backup.", key);
    to->apps->len++;
    return HL_OK;
}

/* Keys are in the order of their bytes, and names hold none below '-', so the rows are sorted by name. */
hl_status hl__apps_read(hl_runtime *runtime, hl__apps *out)
{
    reading to = {out, 0};
    hl_status status;

    memset(out, 0, sizeof(*out));
    status = hl__document_walk(runtime, HL__APP_KEY, take, &to);
    if (status != HL_OK)
        hl__apps_free(out);
    return status;
}

static hl_status settle(hl_runtime *runtime)
{
    hl__store *store = runtime->parts.store;
    hl_status status = hl__lock(runtime, "read app");

    if (status != HL_OK)
        return status;
    if (store->ops->settle)
        status = store->ops->settle(store);
    hl__unlock(runtime);
    return status;
}

hl_status hl__apps_read_locked(hl_runtime *runtime, hl__apps *out)
{
    hl_status status;

    memset(out, 0, sizeof(*out));
    status = settle(runtime);
    return status == HL_OK ? hl__apps_read(runtime, out) : status;
}

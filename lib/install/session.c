/* The list of apps that do not run in this process; see session.h and boot.h. */
#include "install/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "install/boot.h"

static void destroy(hl__unwell *row)
{
    if (!row)
        return;
    free(row->app);
    free(row->folder);
    free(row->reason);
    free(row);
}

/* Under the session's lock. */
static hl__unwell *take(hl__session *session, const char *app)
{
    for (hl__unwell **link = &session->unwell; *link; link = &(*link)->next) {
        hl__unwell *row = *link;

        if (strcmp(row->app, app) != 0)
            continue;
        *link = row->next;
        return row;
    }
    return NULL;
}

static hl__unwell *make(const hl__app *app, bool aside)
{
    const hl_error *error = hl_last_error();
    hl__unwell *row = calloc(1, sizeof(*row));

    if (!row)
        return NULL;
    row->app = strdup(app->name);
    row->folder = strdup(app->active.folder);
    row->aside = aside;
    row->status = error->status;
    if (asprintf(&row->reason, "%s %s: %s", app->name, app->active.version, error->message) < 0)
        row->reason = NULL;
    if (row->app && row->folder && row->reason)
        return row;
    destroy(row);
    return NULL;
}

void hl__unwell_note(hl__session *session, const hl__app *app, bool aside)
{
    hl__unwell *row = make(app, aside), *before;

    hl__log(session->runtime, HL_LOG_ERROR, "install", "%s %s is %s: %s", app->name, app->active.version,
            aside ? "aside" : "broken", hl_last_error()->message);
    pthread_mutex_lock(&session->lock);
    before = take(session, app->name);
    if (row) {
        row->next = session->unwell;
        session->unwell = row;
    }
    pthread_mutex_unlock(&session->lock);
    destroy(before);
}

void hl__unwell_forget(hl__session *session, const char *app)
{
    hl__unwell *row;

    pthread_mutex_lock(&session->lock);
    row = take(session, app);
    pthread_mutex_unlock(&session->lock);
    destroy(row);
}

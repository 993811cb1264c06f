/* What the installer adds to every runtime of its process: installed apps are loaded as it opens, the queue is worked
 * through while it is open. */
#include "install/extension.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "install/boot.h"
#include "install/digest.h"
#include "install/queue.h"
#include "install/session.h"

#define STAMP "sha256:"

hl__session *hl__session_of(hl_runtime *runtime)
{
    return __atomic_load_n(hl__extension_slot(runtime, HL__ROOM_INSTALL), __ATOMIC_ACQUIRE);
}

hl_status hl__install_check_content(int fd, const char *path, const char *stamp)
{
    char sha256[HL__SHA256_TEXT];
    hl_status status = hl__digest_fd(fd, sha256);

    if (status != HL_OK)
        return status;
    if (strncmp(stamp, STAMP, strlen(STAMP)) == 0 && hl__digest_same(sha256, stamp + strlen(STAMP)))
        return HL_OK;
    return hl__fail(
        HL_ERR_CHECKSUM, "load library", "path",
        "%s was changed since it was installed: its checksum is %s; uninstall the app and install it again.", path,
        sha256);
}

static hl__session *new_session(hl_runtime *runtime)
{
    hl__session *session = calloc(1, sizeof(*session));

    if (!session)
        return NULL;
    session->runtime = runtime;
    session->pid = getpid();
    pthread_mutex_init(&session->lock, NULL);
    return session;
}

void hl__install_opened(hl_runtime *runtime)
{
    hl__session *session = new_session(runtime);

    if (!session) {
        hl__log(runtime, HL_LOG_ERROR, "install", "no memory to load what is installed");
        return;
    }
    hl__boot_replay(session);
    __atomic_store_n(hl__extension_slot(runtime, HL__ROOM_INSTALL), session, __ATOMIC_RELEASE);
    hl__queue_look(session, true);
}

/* Whether anybody has committed since the last question. */
static bool has_moved(hl__session *session)
{
    hl__store *store = session->runtime->parts.store;
    uint64_t revision = session->revision;
    bool moved;

    if (hl__lock(session->runtime, "install") != HL_OK)
        return false;
    if (store->ops->revision(store, &revision) != HL_OK)
        revision = session->revision;
    hl__unlock(session->runtime);
    moved = revision != session->revision;
    session->revision = revision;
    return moved;
}

/* A commit by any process may have put a job into the queue, or taken an app back into service. */
void hl__install_tick(hl_runtime *runtime)
{
    hl__session *session = hl__session_of(runtime);
    bool moved;

    if (!session)
        return;
    hl__boot_tell(session);
    moved = has_moved(session);
    if (moved)
        hl__boot_look(session);
    hl__queue_look(session, moved);
}

void hl__install_closing(hl_runtime *runtime)
{
    hl__session *session = hl__session_of(runtime);

    if (session && session->pid == getpid())
        hl__queue_end(session);
}

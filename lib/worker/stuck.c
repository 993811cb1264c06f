/* Workers that were killed and do not end: they are set aside, so that their seats go on without them, until they have
 * ended after all or the supervisor ends. */
#include <stdlib.h>
#include <unistd.h>

#include "worker/supervisor.h"

void hl__stuck_keep(hl__supervisor *supervisor, hl__life *life)
{
    life->seat = NULL;
    life->next_stuck = supervisor->stuck;
    supervisor->stuck = life;
}

void hl__stuck_bury(hl__supervisor *supervisor, hl__life *life)
{
    hl__life **link = &supervisor->stuck;

    while (*link != life)
        link = &(*link)->next_stuck;
    *link = life->next_stuck;
    hl__supervisor_unwatch(supervisor, life);
    hl__child_finish(&life->child);
    hl__sandbox_cgroup_remove(life->cgroup);
    hl__life_unref(life);
}

void hl__stuck_free(hl__supervisor *supervisor)
{
    while (supervisor->stuck) {
        hl__life *life = supervisor->stuck;

        supervisor->stuck = life->next_stuck;
        if (life->child.pidfd >= 0)
            close(life->child.pidfd);
        free(life->cgroup);
        hl__life_unref(life);
    }
}

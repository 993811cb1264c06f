/* hl_workers, and the calls that are in workers now. What is told is copied under the locks and told without them. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/grow.h"
#include "worker/supervisor.h"

/* A row that is told; the texts lie behind it. */
typedef struct row {
    hl_worker_info info;
    hl_inside_info inside;
} row;

typedef struct rows {
    row **at;
    size_t len, room;
} rows;

static const char *put(char **at, const char *text)
{
    size_t len = strlen(text) + 1;
    char *copy = memcpy(*at, text, len);

    *at += len;
    return copy;
}

/* Adds a copy of the row with its texts; without memory it is left out. */
static void add(rows *rows, const row *from)
{
    const hl_worker_info *info = &from->info;
    size_t bytes = strlen(info->name) + strlen(info->event) + strlen(info->version) + strlen(info->group) +
                   strlen(info->sandbox) + strlen(info->lacking) + strlen(info->reason) + 7;
    row *to = malloc(sizeof(*to) + bytes);
    char *at = (char *)(to + 1);

    if (!to || !hl__grow(&rows->at, rows->len, &rows->room, sizeof(rows->at[0]))) {
        free(to);
        return;
    }
    *to = *from;
    to->info.name = put(&at, info->name);
    to->info.event = put(&at, info->event);
    to->info.version = put(&at, info->version);
    to->info.group = put(&at, info->group);
    to->info.sandbox = put(&at, info->sandbox);
    to->info.lacking = put(&at, info->lacking);
    to->info.reason = put(&at, info->reason);
    to->inside.event = to->info.event;
    to->inside.plugin = to->info.name;
    rows->at[rows->len++] = to;
}

static void free_rows(rows *rows)
{
    for (size_t i = 0; i < rows->len; i++)
        free(rows->at[i]);
    free(rows->at);
}

/* ---- one seat ---- */

static uint64_t oldest_ns(const hl__life *life, uint64_t now_ns)
{
    uint64_t since_ns = now_ns;

    for (uint32_t i = 0; i < life->slots; i++) {
        if (life->inside[i].tid && life->inside[i].since_ns < since_ns)
            since_ns = life->inside[i].since_ns;
    }
    return now_ns - since_ns;
}

static void fill_life(const hl__life *life, hl_worker_info *info)
{
    info->pid = life->pid;
    info->state = HL_WORKER_STARTING;
    info->calls = life->answered;
    if (!life->ready_ns)
        return;
    info->start_ns = life->ready_ns - life->started_ns;
    info->state = life->calls ? HL_WORKER_BUSY : HL_WORKER_READY;
    info->busy_ns = life->calls ? oldest_ns(life, hl__now_ns()) : 0;
}

/* Both locks held. */
static row row_of(const hl__seat *seat)
{
    const hl__pool *pool = seat->pool;
    row row = {.info = {.size = sizeof(hl_worker_info),
                        .name = pool->name,
                        .event = pool->event,
                        .version = pool->version,
                        .group = pool->isolation->group ? pool->isolation->group : "",
                        .number = seat->number,
                        .state = seat->failed ? HL_WORKER_FAILED : HL_WORKER_PAUSING,
                        .failures = pool->failures,
                        .restarts = pool->restarts,
                        .waiting = pool->waiting,
                        .breaker_open = pool->breaker.open,
                        .sandbox = seat->in_force,
                        .lacking = seat->lacking,
                        .reason = seat->reason}};

    if (seat->life)
        fill_life(seat->life, &row.info);
    return row;
}

/* A pool that has ended is there until nobody can have found it; its seats are nobody's any more. */
static void add_seat(rows *rows, hl__seat *seat)
{
    row row;

    if (hl__pool_is_ending(seat->pool) && !seat->life)
        return;
    pthread_mutex_lock(&seat->pool->lock);
    row = row_of(seat);
    add(rows, &row);
    pthread_mutex_unlock(&seat->pool->lock);
}

static void add_calls(rows *rows, hl__seat *seat)
{
    const hl__life *life;
    uint64_t now_ns = hl__now_ns();
    row row;

    pthread_mutex_lock(&seat->pool->lock);
    row = row_of(seat);
    life = seat->life;
    for (uint32_t i = 0; life && i < life->slots; i++) {
        if (!life->inside[i].tid)
            continue;
        row.inside = (hl_inside_info){.size = sizeof(hl_inside_info),
                                      .tid = life->inside[i].tid,
                                      .since_ns = now_ns - life->inside[i].since_ns,
                                      .worker = life->pid};
        add(rows, &row);
    }
    pthread_mutex_unlock(&seat->pool->lock);
}

/* ---- all of them ---- */

static void add_stuck(rows *rows, const hl__supervisor *supervisor)
{
    for (const hl__life *life = supervisor->stuck; life; life = life->next_stuck) {
        row row = {.info = {.size = sizeof(hl_worker_info),
                            .name = life->name,
                            .event = "",
                            .version = "",
                            .group = "",
                            .pid = life->pid,
                            .state = HL_WORKER_STUCK,
                            .sandbox = "",
                            .lacking = "",
                            .reason = "killed, and the kernel has not let go of it"}};

        add(rows, &row);
    }
}

static void gather(hl__supervisor *supervisor, rows *rows, void (*add_row)(struct rows *rows, hl__seat *seat))
{
    for (hl__group *group = supervisor->groups; group; group = group->next) {
        for (hl__pool *pool = group->pools; pool; pool = pool->next) {
            for (uint32_t i = 0; i < pool->isolation->workers; i++)
                add_row(rows, &pool->seats[i]);
        }
    }
}

static int compare(const void *a, const void *b)
{
    const hl_worker_info *left = &(*(row *const *)a)->info;
    const hl_worker_info *right = &(*(row *const *)b)->info;
    int order = strcmp(left->name, right->name);

    return order ? order : (left->number > right->number) - (left->number < right->number);
}

/* The runtime's lock held: it keeps the supervisor, which goes only when the runtime counts as closed. */
static void gather_workers(hl_runtime *runtime, rows *rows)
{
    hl__supervisor *supervisor = hl__supervisor_known(runtime);

    if (!supervisor)
        return;
    pthread_mutex_lock(&supervisor->lock);
    gather(supervisor, rows, add_seat);
    add_stuck(rows, supervisor);
    pthread_mutex_unlock(&supervisor->lock);
}

hl_status hl_workers(hl_runtime *runtime, bool (*callback)(const hl_worker_info *, void *user), void *user)
{
    hl_status status = hl__lock(runtime, "workers");
    rows rows = {NULL, 0, 0};

    if (status != HL_OK)
        return status;
    gather_workers(runtime, &rows);
    hl__unlock(runtime);
    if (!callback)
        status = hl__fail(HL_ERR_INVALID, "workers", "callback", "The callback is NULL; give a function.");
    if (rows.len)
        qsort(rows.at, rows.len, sizeof(rows.at[0]), compare);
    for (size_t i = 0; status == HL_OK && i < rows.len && callback(&rows.at[i]->info, user); i++)
        continue;
    free_rows(&rows);
    return status;
}

void hl__inside_walk(hl_runtime *runtime, bool (*callback)(const hl_inside_info *, void *user), void *user)
{
    hl__supervisor *supervisor = hl__supervisor_known(runtime);
    rows rows = {NULL, 0, 0};

    if (!supervisor)
        return;
    pthread_mutex_lock(&supervisor->lock);
    gather(supervisor, &rows, add_calls);
    pthread_mutex_unlock(&supervisor->lock);
    for (size_t i = 0; i < rows.len && callback(&rows.at[i]->inside, user); i++)
        continue;
    free_rows(&rows);
}

/* Seats: starting a worker, hearing from it, and what is done when it has ended. On the supervisor's thread. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/error.h"
#include "worker/supervisor.h"

static void earlier(uint64_t *next_ns, uint64_t at_ns)
{
    if (at_ns < *next_ns)
        *next_ns = at_ns;
}

static uint64_t random_bits(void)
{
    uint64_t bits = 0;

    (void)!getrandom(&bits, sizeof(bits), GRND_NONBLOCK); /* without it there is no jitter */
    return bits;
}

/* ---- failing ---- */

void hl__pool_fail(hl__pool *pool, hl_status status, const char *reason)
{
    bool already;

    pthread_mutex_lock(&pool->lock);
    already = pool->failed != HL_OK || hl__pool_is_ending(pool);
    if (!already) {
        snprintf(pool->reason, sizeof(pool->reason), "%s", reason);
        __atomic_store_n(&pool->failed, status, __ATOMIC_RELEASE);
        hl__queue_wake_all(pool);
        pthread_cond_broadcast(&pool->changed);
    }
    pthread_mutex_unlock(&pool->lock);
    if (!already)
        hl__news_failed(pool);
}

/* A worker that is not started again: its pool fails with its last one. */
static void fail_seat(hl__seat *seat, hl_status status, const char *reason)
{
    hl__pool *pool = seat->pool;

    seat->failed = true;
    snprintf(seat->reason, sizeof(seat->reason), "%s", reason);
    for (uint32_t i = 0; i < pool->isolation->workers; i++) {
        if (!pool->seats[i].failed)
            return;
    }
    hl__pool_fail(pool, status, reason);
}

/* ---- beginning again ---- */

/* The next life, after a pause that grows while lives are short; or escalation. */
/* Starts it after the seat's next pause. */
static void put_off(hl__seat *seat, const char *reason, uint64_t now_ns)
{
    seat->row++;
    seat->due_ns = now_ns + hl__backoff_ns(seat->pool->isolation, seat->row, random_bits());
    snprintf(seat->reason, sizeof(seat->reason), "%s", reason);
}

static int without_stop(const char *sentence)
{
    size_t len = strlen(sentence);

    return (int)(len && sentence[len - 1] == '.' ? len - 1 : len);
}

static void begin_again(hl__seat *seat, uint64_t lived_ns, const char *reason, uint64_t now_ns)
{
    const hl_isolation *isolation = seat->pool->isolation;
    hl__group *group = seat->pool->group;
    char text[400];

    if (!hl__restarts_note(&group->restarts, now_ns, isolation->restarts_most,
                           (uint64_t)isolation->period_ms * 1000000)) {
        snprintf(text, sizeof(text), "%.*s, and %u restarts within %u ms are allowed.", without_stop(reason), reason,
                 isolation->restarts_most, isolation->period_ms);
        hl__group_fail(group, HL_ERR_PLUGIN, text, now_ns);
        return;
    }
    if (lived_ns >= (uint64_t)isolation->stable_ms * 1000000)
        seat->row = 0;
    put_off(seat, reason, now_ns);
    pthread_mutex_lock(&seat->pool->lock);
    seat->pool->restarts++;
    pthread_mutex_unlock(&seat->pool->lock);
    hl__group_cascade(seat, now_ns);
}

static bool may_begin_again(const hl__seat *seat, const hl__child_end *end)
{
    hl_restart_rule rule = seat->pool->isolation->restart;
    bool by_itself = end->known && !end->signalled && end->code == 0;

    return rule == HL_PERMANENT || (rule == HL_TRANSIENT && !by_itself);
}

/* ---- starting ---- */

static hl_status new_life(hl__seat *seat, uint64_t now_ns, hl__life **out)
{
    hl__pool *pool = seat->pool;
    hl__life *life = calloc(1, sizeof(*life));
    hl_status status;

    if (!life)
        return hl__fail_memory("worker");
    *life = (hl__life){.refs = 1, .slots = pool->slots, .pidfd = -1, .report_fd = -1, .seat = seat};
    life->child = (hl__child)HL__CHILD_NONE;
    life->started_ns = now_ns;
    life->code = pool->code;
    life->name = strdup(pool->name);
    status = life->name ? hl__channel_new(pool->slots, pool->area_bytes, &life->channel) : hl__fail_memory("worker");
    if (status == HL_OK)
        *out = life;
    else
        hl__life_unref(life);
    return status;
}

static hl_status spawn(hl__life *life, const hl__pool *pool)
{
    hl__start_spec spec = {.kind = pool->kind,
                           .library_fd = pool->library_fd,
                           .entry = pool->entry,
                           .beside = pool->beside,
                           .beside_len = pool->beside_len,
                           .sandbox = pool->isolation->sandbox,
                           .plan = pool->plan,
                           .plan_len = pool->plan_len,
                           .channel = life->channel};
    hl_status status = hl__worker_start(&spec, &life->child, &life->report_fd, &life->cgroup);

    if (status != HL_OK)
        return status;
    life->pid = life->child.pid;
    life->pidfd = life->child.pidfd < 0 ? -1 : fcntl(life->child.pidfd, F_DUPFD_CLOEXEC, 3);
    if (life->pidfd >= 0)
        return hl__supervisor_watch(pool->supervisor, life);
    return hl__fail(HL_ERR_SYSTEM, "worker", pool->name, "The worker ended before it could be watched.");
}

static void set_life(hl__seat *seat, hl__life *life)
{
    hl__pool *pool = seat->pool;

    pthread_mutex_lock(&pool->lock);
    pool->lives += (life != NULL) - (seat->life != NULL);
    seat->life = life;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
}

/* The server itself lacks something, and it was there before: descriptors, memory, processes. That is no failure of the
 * plugin, and is waited for. */
static bool is_shortage(const hl__pool *pool, hl_status status)
{
    return pool->was_ready && (status == HL_ERR_SYSTEM || status == HL_ERR_NO_MEMORY);
}

static void start(hl__seat *seat, uint64_t now_ns)
{
    hl__life *life = NULL;
    hl_status status = new_life(seat, now_ns, &life);
    char reason[256];

    if (status == HL_OK)
        status = spawn(life, seat->pool);
    if (status == HL_OK) {
        seat->reason[0] = '\0';
        set_life(seat, life);
        return;
    }
    snprintf(reason, sizeof(reason), "%s", hl_last_error()->message);
    if (life) {
        hl__supervisor_unwatch(seat->pool->supervisor, life);
        hl__child_finish(&life->child);
        hl__sandbox_cgroup_remove(life->cgroup);
        hl__life_unref(life);
    }
    if (seat->pool->isolation->restart == HL_TEMPORARY)
        fail_seat(seat, status, reason);
    else if (is_shortage(seat->pool, status))
        put_off(seat, reason, now_ns);
    else
        begin_again(seat, 0, reason, now_ns);
}

/* ---- hearing ---- */

void hl__pool_note_ready(hl__pool *pool)
{
    int32_t pid = 0;

    for (uint32_t i = 0; pid == 0 && i < pool->isolation->workers; i++) {
        const hl__life *life = pool->seats[i].life;

        if (life && life->serving)
            pid = life->pid;
    }
    __atomic_store_n(&pool->ready_pid, pid, __ATOMIC_RELEASE);
}

static void became_ready(hl__life *life, const hl__report_head *head, uint64_t now_ns)
{
    hl__seat *seat = life->seat;
    hl__pool *pool = seat->pool;
    uint32_t reached = head->reached | hl__sandbox_cgroup_reached(life->cgroup);

    hl__sandbox_describe(pool->isolation->sandbox, reached, head->landlock_abi, seat->in_force, sizeof(seat->in_force),
                         seat->lacking, sizeof(seat->lacking));
    life->ready_ns = now_ns;
    pthread_mutex_lock(&pool->lock);
    life->serving = !life->killed_ns && !life->stop_ns;
    pool->was_ready = true;
    hl__pool_note_ready(pool);
    hl__queue_wake(pool);
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
}

static void switched(hl__life *life)
{
    hl__pool *pool = life->seat->pool;

    pthread_mutex_lock(&pool->lock);
    if (life->switching)
        life->code = life->switching;
    life->switching = 0;
    hl__queue_wake(pool);
    pthread_mutex_unlock(&pool->lock);
}

/* A worker that cannot serve when its pool begins never will; later it is a death like any other. */
static void refused(hl__life *life, const hl__report_head *head, const char *text)
{
    hl__seat *seat = life->seat;
    hl__pool *pool = seat->pool;
    hl_status status = head->status < 0 ? head->status : HL_ERR_PLUGIN;

    snprintf(seat->reason, sizeof(seat->reason), "%.255s", text);
    pthread_mutex_lock(&pool->lock);
    hl__life_kill(life, HL__WHY_REFUSED);
    hl__pool_note_ready(pool);
    pthread_mutex_unlock(&pool->lock);
    if (!pool->was_ready || life->switching)
        fail_seat(seat, status, text);
}

/* It is ready once, and refuses or takes newer code when it was given some. */
static bool is_due(const hl__life *life, const hl__report_head *head)
{
    if (head->kind == HL__REPORT_READY)
        return !life->ready_ns;
    return life->switching || (head->kind == HL__REPORT_REFUSED && !life->ready_ns);
}

/* What it says from now on is not heard: it could say so much that the supervisor did nothing else. */
static void break_off(hl__life *life)
{
    hl__pool *pool = life->seat->pool;

    pthread_mutex_lock(&pool->lock);
    hl__life_kill(life, HL__WHY_MALFORMED);
    hl__pool_note_ready(pool);
    pthread_mutex_unlock(&pool->lock);
    hl__supervisor_unhear(pool->supervisor, life);
}

void hl__seat_heard(hl__life *life, uint64_t now_ns)
{
    hl__report_head head;
    char text[HL__REPORT_MAX];
    hl__heard heard = HL__HEARD_NOTHING;

    while (life->seat && (heard = hl__worker_heard(life->report_fd, &head, text)) == HL__HEARD_REPORT) {
        if (!is_due(life, &head)) {
            break_off(life);
            return;
        }
        if (head.kind == HL__REPORT_READY)
            became_ready(life, &head, now_ns);
        else if (head.kind == HL__REPORT_SWITCHED)
            switched(life);
        else
            refused(life, &head, text);
    }
    if (life->seat && heard == HL__HEARD_NONSENSE)
        break_off(life);
    if (life->seat && heard == HL__HEARD_END) { /* most often it is ending: its end tells */
        life->mute_ns = now_ns;
        hl__supervisor_unhear(life->seat->pool->supervisor, life);
    }
}

/* ---- ending ---- */

/* Reaped while callers may still be asking for it: they have a descriptor of their own. */
static void reap(hl__life *life)
{
    hl__pool *pool = life->seat->pool;

    pthread_mutex_lock(&pool->lock);
    hl__life_look(life);
    life->ended = true;
    life->serving = false;
    hl__child_finish(&life->child);
    hl__pool_note_ready(pool);
    pthread_mutex_unlock(&pool->lock);
    hl__sandbox_cgroup_remove(life->cgroup);
    life->cgroup = NULL;
}

/* What a seat does after an end that nobody wanted. */
static void after_death(hl__seat *seat, const hl__life *life, uint64_t now_ns)
{
    char how[160], text[256];

    hl__life_describe(life, how, sizeof(how));
    if (life->why == HL__WHY_REFUSED)
        snprintf(text, sizeof(text), "%s", seat->reason);
    else
        snprintf(text, sizeof(text), "Worker %d %s", life->pid, how);
    if (life->why != HL__WHY_REFUSED)
        hl__news_crashed(seat, life, text);
    if (seat->failed)
        return;
    if (may_begin_again(seat, &life->end))
        begin_again(seat, life->ready_ns ? now_ns - life->ready_ns : 0, text, now_ns);
    else
        fail_seat(seat, HL_ERR_PLUGIN, text);
}

/* What it does when its supervisor has ended the life. */
static void after_end(hl__seat *seat, uint64_t now_ns)
{
    seat->due_ns = now_ns;
    if (seat->pool->isolation->restart == HL_TEMPORARY && !seat->failed && !hl__pool_is_ending(seat->pool))
        fail_seat(seat, HL_ERR_PLUGIN, "It was ended with its group, and is not started again.");
}

void hl__seat_ended(hl__life *life, uint64_t now_ns)
{
    hl__seat *seat = life->seat;
    hl__pool *pool = seat->pool;

    hl__supervisor_unwatch(pool->supervisor, life);
    reap(life);
    if (life->why == HL__WHY_ENDING || life->why == HL__WHY_GROUP || hl__pool_is_ending(pool))
        after_end(seat, now_ns);
    else
        after_death(seat, life, now_ns);
    set_life(seat, NULL);
    hl__life_unref(life);
}

/* The kernel does not let go of it: its callers are sent away, and another one takes its place. */
static void set_aside(hl__life *life, uint64_t now_ns)
{
    hl__seat *seat = life->seat;
    hl__pool *pool = seat->pool;
    char text[256];

    snprintf(text, sizeof(text), "Worker %d was killed and does not end; it was set aside", life->pid);
    hl__news_crashed(seat, life, text);
    hl__channel_disturb(life->channel);
    set_life(seat, NULL);
    hl__stuck_keep(pool->supervisor, life);
    if (!hl__pool_is_ending(pool) && !seat->failed)
        begin_again(seat, 0, text, now_ns);
}

void hl__life_stop(hl__life *life, hl__why why, uint32_t grace_ms, uint64_t now_ns)
{
    hl__pool *pool = life->seat->pool;

    if (life->stop_ns)
        return;
    pthread_mutex_lock(&pool->lock);
    life->serving = false;
    if (life->why == HL__WHY_NONE)
        life->why = why;
    life->stop_ns = now_ns; /* a call that leaves asks for it */
    hl__pool_note_ready(pool);
    pthread_mutex_unlock(&pool->lock);
    life->grace_ns = (uint64_t)grace_ms * 1000000;
    life->cascading = why == HL__WHY_GROUP;
}

/* One step further, when its time has come: told, asked (SIGTERM), killed. Returns when to look again. The pool's lock
 * held. */
static uint64_t stop_further(hl__life *life, uint64_t now_ns)
{
    uint64_t grace_ns = life->grace_ns;

    if (!life->told_ns) {
        if (life->calls > 0 && now_ns < life->stop_ns + grace_ns)
            return life->stop_ns + grace_ns;
        life->told_ns = now_ns;
        (void)!hl__worker_order(life->channel, life->report_fd, HL__ORDER_END,
                                -1); /* who does not hear is asked and killed */
    }
    if (!life->asked && now_ns >= life->told_ns + grace_ns / 2) {
        life->asked = true;
        hl__life_signal(life, SIGTERM);
    }
    if (now_ns < life->told_ns + grace_ns)
        return life->told_ns + (life->asked ? grace_ns : grace_ns / 2);
    hl__life_kill(life, life->why);
    return now_ns + HL__STUCK_NS;
}

static uint64_t kill_waiting(hl__life *life, hl__why why, uint64_t now_ns)
{
    hl__life_kill(life, why);
    return now_ns + HL__STUCK_NS;
}

/* Who has closed its report socket is ending, or will never say that it is ready. */
static uint64_t get_ready(hl__life *life, uint64_t since_ns, uint64_t now_ns)
{
    uint64_t until_ns = since_ns + HL__START_NS;

    if (life->mute_ns)
        earlier(&until_ns, life->mute_ns + HL__TAKE_NS);
    return now_ns < until_ns ? until_ns : kill_waiting(life, HL__WHY_UNREADY, now_ns);
}

/* An idle worker takes an order at once. One that does not, as it was stopped, has as long as for a call that it does
 * not answer, or a little longer; the load function of the newer code has as much time as at a start. */
static uint64_t take_newer_code(hl__life *life, uint64_t now_ns)
{
    uint64_t deadline_ns = life->seat->pool->deadline_ns;
    uint64_t until_ns = life->switching_ns + HL__START_NS;

    earlier(&until_ns, life->switching_ns + (deadline_ns > HL__TAKE_NS ? deadline_ns : HL__TAKE_NS));
    if (hl__worker_took_orders(life->report_fd))
        return get_ready(life, life->switching_ns, now_ns);
    return now_ns < until_ns ? until_ns : kill_waiting(life, HL__WHY_DEAF, now_ns);
}

/* A worker that cannot be told is killed; the next one begins with the newer code. */
static uint64_t give_newer_code(hl__life *life, uint64_t now_ns)
{
    hl__pool *pool = life->seat->pool;

    if (life->switching)
        return take_newer_code(life, now_ns);
    if (!life->serving || life->code == pool->code || life->calls > 0)
        return UINT64_MAX;
    life->switching = pool->code;
    life->switching_ns = now_ns;
    if (hl__worker_order(life->channel, life->report_fd, HL__ORDER_SWITCH, pool->library_fd) != HL_OK)
        return kill_waiting(life, HL__WHY_DEAF, now_ns);
    return take_newer_code(life, now_ns);
}

/* Returns when to look again. The pool's lock held. */
static uint64_t further(hl__life *life, uint64_t now_ns)
{
    if (life->killed_ns)
        return life->killed_ns + HL__STUCK_NS;
    if (life->stop_ns)
        return stop_further(life, now_ns);
    if (!life->ready_ns)
        return get_ready(life, life->started_ns, now_ns);
    return give_newer_code(life, now_ns);
}

static void life_turn(hl__life *life, uint64_t now_ns, uint64_t *next_ns)
{
    hl__seat *seat = life->seat;
    hl__pool *pool = seat->pool;
    uint64_t again_ns;
    bool stuck;

    if (hl__pool_is_ending(pool))
        hl__life_stop(life, HL__WHY_ENDING, pool->grace_ms, now_ns);
    pthread_mutex_lock(&pool->lock);
    again_ns = further(life, now_ns);
    stuck = life->killed_ns && now_ns >= life->killed_ns + HL__STUCK_NS;
    hl__pool_note_ready(pool);
    pthread_mutex_unlock(&pool->lock);
    if (stuck) {
        set_aside(life, now_ns);
        again_ns = seat->due_ns;
    }
    earlier(next_ns, again_ns);
}

void hl__seat_turn(hl__seat *seat, uint64_t now_ns, uint64_t *next_ns)
{
    if (seat->life) {
        life_turn(seat->life, now_ns, next_ns);
        return;
    }
    if (seat->failed || hl__pool_is_ending(seat->pool))
        return;
    if (now_ns < seat->due_ns) {
        earlier(next_ns, seat->due_ns);
        return;
    }
    if (!hl__group_lets_start(seat))
        return;
    start(seat, now_ns);
    if (!seat->life) /* its group may have failed with it, and seats that were looked at before have to end */
        earlier(next_ns, seat->failed ? now_ns : seat->due_ns);
}

/* A call of a worker, from the queue to the answer: the path of every request. Two short locks, no allocation. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "worker/supervisor.h"

#define ACTION HL__WORKER_ACTION

/* One call on its way. */
typedef struct turn {
    hl__pool *pool;
    const hl__pool_call *call;
    uint64_t deadline_ns;
    hl__life *life; /* that it has a slot of; referenced */
    int slot;
    uint64_t now_ns; /* when it last looked */
    bool entered;    /* counts as one of the pool's calls */
    bool trial;      /* the one call that the breaker lets through */
    bool again;      /* its worker died before it had begun */
} turn;

/* How a call went, for those who count. */
typedef enum outcome { ANSWERED, FAILED, NOT_MADE } outcome;

static __thread int32_t own_tid;

static int32_t tid(void)
{
    if (HL_UNLIKELY(own_tid == 0))
        own_tid = (int32_t)gettid();
    return own_tid;
}

/* ---- forked processes: the workers are the parent's -------------------------------------------------------------- */

static unsigned forks; /* that lead to this process; written in a forked child only, while it has one thread */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void after_fork_child(void)
{
    forks++;
    own_tid = 0;
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, after_fork_child);
}

unsigned hl__pool_forks(void)
{
    pthread_once(&once, watch_forks);
    return forks;
}

/* ---- a place in a worker ---- */

static bool takes_calls(const hl__pool *pool, const hl__life *life)
{
    return life && life->serving && life->calls < life->slots && life->code == pool->code;
}

static hl__life *least_busy(const hl__pool *pool)
{
    hl__life *best = NULL;

    for (uint32_t i = 0; i < pool->isolation->workers; i++) {
        hl__life *life = pool->seats[i].life;

        if (takes_calls(pool, life) && (!best || life->calls < best->calls))
            best = life;
    }
    return best;
}

static bool claim(turn *turn)
{
    hl__life *life = least_busy(turn->pool);
    int slot = life ? hl__channel_claim(life->channel) : -1;

    if (slot < 0)
        return false;
    life->calls++;
    life->inside[slot] = (hl__inside){tid(), turn->now_ns};
    turn->life = hl__life_ref(life);
    turn->slot = slot;
    return true;
}

static hl_status refuse_failed(const hl__pool *pool)
{
    if (pool->ending)
        return hl__fail(HL_ERR_NOT_LOADED, ACTION, pool->name, "The workers of \"%s\" are being ended.", pool->name);
    return hl__fail(HL_ERR_NOT_LOADED, ACTION, pool->name,
                    "The workers of \"%s\" have failed: %s Restart it when the cause is gone.", pool->name,
                    pool->reason);
}

static hl_status refuse_late(const hl__pool *pool)
{
    return hl__fail(HL_ERR_TIMEOUT, ACTION, pool->name, "No worker of \"%s\" was free before the call's deadline.",
                    pool->name);
}

static hl_status wait_in_queue(turn *turn)
{
    hl__pool *pool = turn->pool;
    hl__waiter waiter;
    hl_status status = HL_OK;
    bool in_time = true;

    hl__queue_enter(pool, &waiter, turn->again);
    for (;;) {
        if (pool->ending || pool->failed != HL_OK)
            status = refuse_failed(pool);
        else if (pool->first_waiter == &waiter && claim(turn))
            break;
        else if (!in_time)
            status = refuse_late(pool);
        if (status != HL_OK)
            break;
        in_time = hl__queue_wait(pool, &waiter, turn->deadline_ns);
        turn->now_ns = hl__now_ns();
    }
    hl__queue_leave(pool, &waiter);
    return status;
}

static hl_status take_place(turn *turn)
{
    hl__pool *pool = turn->pool;

    if (HL_UNLIKELY(pool->ending || pool->failed != HL_OK))
        return refuse_failed(pool);
    if (!pool->first_waiter && claim(turn))
        return HL_OK;
    return wait_in_queue(turn);
}

/* ---- coming and going ---- */

static hl_status refuse_full(const hl__pool *pool)
{
    if (pool->isolation->when_full == HL_RUN_INLINE)
        return HL_ERR_UNSUPPORTED;
    return hl__fail(
        HL_ERR_LIMIT, ACTION, pool->name,
        "All workers of \"%s\" are busy and %u calls wait already; allow more of either, or longer waiting.",
        pool->name, pool->isolation->queue);
}

static hl_status admit(turn *turn)
{
    hl__pool *pool = turn->pool;
    const hl_isolation *isolation = pool->isolation;

    if (HL_UNLIKELY(pool->breaker.open) && !hl__breaker_admits(&pool->breaker, turn->now_ns, &turn->trial))
        return hl__fail(HL_ERR_LIMIT, ACTION, pool->name,
                        "The breaker of \"%s\" is open after %u failures in a row; calls are tried again later.",
                        pool->name, pool->breaker.row);
    if (pool->calls < isolation->workers + isolation->queue || isolation->when_full == HL_WAIT)
        return HL_OK;
    hl__breaker_excused(&pool->breaker, turn->trial);
    return refuse_full(pool);
}

static hl_status enter(turn *turn)
{
    hl__pool *pool = turn->pool;
    hl_status status;

    pthread_mutex_lock(&pool->lock);
    status = admit(turn);
    turn->entered = status == HL_OK;
    __atomic_store_n(&pool->calls, pool->calls + turn->entered, __ATOMIC_RELAXED);
    pool->failures += !turn->entered;
    if (status == HL_OK)
        status = take_place(turn);
    pthread_mutex_unlock(&pool->lock);
    return status;
}

/* The supervisor waits for a worker to have no calls before it ends it or gives it newer code. */
static void give_up_place(turn *turn)
{
    hl__pool *pool = turn->pool;
    hl__life *life = turn->life;

    if (!life)
        return;
    life->inside[turn->slot].tid = 0;
    if (!life->serving) /* whoever hears of its death does not find it ready any more */
        hl__pool_note_ready(pool);
    if (--life->calls == 0 && (life->code != pool->code || life->stop_ns))
        hl__supervisor_wake(pool->supervisor);
    hl__queue_wake(pool);
}

static void tell_breaker(turn *turn, outcome outcome)
{
    hl__pool *pool = turn->pool;

    if (outcome == NOT_MADE)
        hl__breaker_excused(&pool->breaker, turn->trial);
    else if (HL_UNLIKELY(outcome == FAILED || pool->breaker.row))
        hl__breaker_told(&pool->breaker, pool->isolation, outcome == FAILED, hl__now_ns());
}

static void leave(turn *turn, outcome outcome)
{
    hl__pool *pool = turn->pool;

    pthread_mutex_lock(&pool->lock);
    give_up_place(turn);
    if (outcome == ANSWERED) {
        turn->life->answered++;
        __atomic_store_n(&pool->answered, pool->answered + 1, __ATOMIC_RELAXED);
    }
    if (!turn->again) {
        __atomic_store_n(&pool->calls, pool->calls - 1, __ATOMIC_RELAXED);
        pool->failures += outcome == FAILED;
        tell_breaker(turn, outcome);
    }
    pthread_mutex_unlock(&pool->lock);
    hl__life_unref(turn->life);
    turn->life = NULL;
}

/* ---- how a call ends ---- */

static bool another_begun(const turn *turn)
{
    const hl__life *life = turn->life;

    for (uint32_t i = 0; i < life->slots; i++) {
        if ((int)i != turn->slot && life->inside[i].tid && hl__channel_begun(life->channel, (int)i))
            return true;
    }
    return false;
}

/* Who has not begun is behind another call, whose own deadline will come; unless the worker does nothing at all. */
static hl_status over_deadline(turn *turn)
{
    hl__pool *pool = turn->pool;
    hl__life *life = turn->life;
    bool withdrawn, killed;

    pthread_mutex_lock(&pool->lock);
    withdrawn = hl__channel_withdraw(life->channel, turn->slot);
    killed = !withdrawn || !another_begun(turn);
    if (killed)
        hl__life_kill(life, HL__WHY_LATE);
    if (withdrawn)
        hl__channel_release(life->channel, turn->slot);
    pthread_mutex_unlock(&pool->lock);
    if (killed)
        hl__supervisor_wake(pool->supervisor);
    return hl__fail(HL_ERR_TIMEOUT, ACTION, pool->name,
                    "Worker %d of \"%s\" did not answer before the call's deadline%s.", life->pid, pool->name,
                    killed ? " and was killed" : ", busy with another call");
}

static hl_status broke_rules(turn *turn)
{
    pthread_mutex_lock(&turn->pool->lock);
    hl__life_kill(turn->life, HL__WHY_MALFORMED);
    pthread_mutex_unlock(&turn->pool->lock);
    hl__supervisor_wake(turn->pool->supervisor);
    return hl__fail(HL_ERR_PLUGIN, ACTION, turn->pool->name,
                    "The reply of worker %d of \"%s\" broke the channel's rules, and it was killed.", turn->life->pid,
                    turn->pool->name);
}

/* The worker has died or was set aside. What it had not begun is given to another one. */
static hl_status died(turn *turn)
{
    hl__pool *pool = turn->pool;
    hl__life *life = turn->life;
    char how[160];
    bool ending;

    pthread_mutex_lock(&pool->lock);
    hl__life_look(life);
    life->serving = false;
    hl__life_describe(life, how, sizeof(how));
    ending = pool->ending;
    turn->again = !hl__channel_begun(life->channel, turn->slot);
    pthread_mutex_unlock(&pool->lock);
    if (turn->again)
        return HL_OK;
    if (turn->call->begun)
        *turn->call->begun = true;
    return hl__fail(ending ? HL_ERR_NOT_LOADED : HL_ERR_PLUGIN, ACTION, pool->name, "Worker %d of \"%s\" %s.",
                    life->pid, pool->name, how);
}

/* Who runs on its caller's processor is moved away; its pid is its own as long as it was not reaped. */
static void part(const turn *turn, int processor)
{
    hl__life *life = turn->life;

    pthread_mutex_lock(&turn->pool->lock);
    if (!life->ended && turn->now_ns >= life->parted_ns + HL__PART_AGAIN_NS) {
        if (!life->parted_ns)
            life->processors = hl__spin_processors(life->pid);
        __atomic_store_n(&life->parted_ns, turn->now_ns, __ATOMIC_RELAXED);
        hl__spin_part(life->pid, &life->processors, processor);
    }
    pthread_mutex_unlock(&turn->pool->lock);
}

/* Where nobody looks, a worker is woken soonest on its caller's processor, which falls free as the caller sleeps. The
 * kernel leaves two processes that wake each other on two processors once they are there. On a busy machine the kernel
 * knows better, and a worker is only let go. */
static void gather(const turn *turn, int processor)
{
    hl__life *life = turn->life;

    pthread_mutex_lock(&turn->pool->lock);
    if (!life->ended && turn->now_ns >= life->gathered_ns + HL__GATHER_AGAIN_NS) {
        cpu_set_t all = life->parted_ns ? life->processors : hl__spin_processors(life->pid);

        __atomic_store_n(&life->gathered_ns, turn->now_ns, __ATOMIC_RELAXED);
        if (life->parted_ns)
            hl__spin_unpart(life->pid, &all);
        __atomic_store_n(&life->parted_ns, 0, __ATOMIC_RELAXED);
        if (hl__spin_allowed())
            hl__spin_gather(life->pid, &all, processor);
    }
    pthread_mutex_unlock(&turn->pool->lock);
}

static bool may_gather(const turn *turn, bool together)
{
    const hl__life *life = turn->life;

    return ((!together && hl__spin_allowed()) || __atomic_load_n(&life->parted_ns, __ATOMIC_RELAXED)) &&
           turn->now_ns >= __atomic_load_n(&life->gathered_ns, __ATOMIC_RELAXED) + HL__GATHER_AGAIN_NS;
}

static hl__wait_end wait_reply(const turn *turn, hl__reply_head *reply)
{
    hl__life *life = turn->life;
    uint32_t look_ns = hl__spin_allowed() ? turn->pool->look_ns : 0;
    bool looks = look_ns && hl__channel_would_look(life->channel);
    int processor = sched_getcpu();
    bool together = hl__channel_processor(life->channel) == processor;

    if (looks && together)
        part(turn, processor);
    else if (!looks && may_gather(turn, together))
        gather(turn, processor);
    return hl__channel_wait(life->channel, turn->slot, life->pidfd, turn->deadline_ns, look_ns, reply);
}

/* Writes the request and hands it over; a negative status of fill is the caller's own affair. */
static hl_status post(turn *turn)
{
    const hl__pool_call *call = turn->call;
    hl__channel *channel = turn->life->channel;
    hl__request_head head = {call->function, call->flags, 0, call->part, turn->deadline_ns};
    int64_t len = call->fill(call->user, hl__channel_area(channel, turn->slot), turn->pool->area_bytes, &head.part);

    if (len < 0) {
        hl__channel_release(channel, turn->slot);
        return (hl_status)len;
    }
    head.len = (uint32_t)len;
    hl__channel_post(channel, turn->slot, &head);
    return HL_OK;
}

static hl_status take(turn *turn, const hl__reply_head *reply)
{
    hl__channel *channel = turn->life->channel;
    hl_status status = turn->call->take(turn->call->user, reply, hl__channel_area(channel, turn->slot));

    hl__channel_release(channel, turn->slot);
    return status;
}

static hl_status attempt(turn *turn)
{
    hl__reply_head reply;
    hl_status status = post(turn);

    if (status != HL_OK) {
        leave(turn, NOT_MADE);
        return status;
    }
    switch (wait_reply(turn, &reply)) {
    case HL__REPLIED:
        status = take(turn, &reply);
        leave(turn, status == HL_OK ? ANSWERED : FAILED);
        return status;
    case HL__LATE:
        status = over_deadline(turn);
        break;
    case HL__MALFORMED:
        status = broke_rules(turn);
        break;
    default:
        status = died(turn);
    }
    leave(turn, FAILED);
    return status;
}

static hl_status take_place_again(turn *turn)
{
    hl_status status;

    pthread_mutex_lock(&turn->pool->lock);
    status = take_place(turn);
    turn->again = false;
    pthread_mutex_unlock(&turn->pool->lock);
    return status;
}

static hl_status run(turn *turn)
{
    hl_status status = enter(turn);

    if (!turn->entered)
        return status;
    while (status == HL_OK) {
        status = attempt(turn);
        if (!turn->again)
            return status;
        status = take_place_again(turn);
    }
    leave(turn, FAILED); /* it found no place */
    return status;
}

hl_status hl__pool_call_worker(hl__pool *pool, const hl__pool_call *call)
{
    turn turn = {.pool = pool, .call = call, .deadline_ns = call->deadline_ns};

    if (HL_UNLIKELY(pool->supervisor->forks != forks))
        return hl__fail(HL_ERR_NOT_LOADED, ACTION, pool->name,
                        "The workers of \"%s\" belong to the parent process; open a runtime in the child.", pool->name);
    turn.now_ns = hl__now_ns();
    if (turn.deadline_ns == 0)
        turn.deadline_ns = turn.now_ns + pool->deadline_ns;
    if (HL_UNLIKELY(!__atomic_load_n(&pool->supervisor->sampling, __ATOMIC_RELAXED)) && pool->look_ns)
        hl__supervisor_sample(pool->supervisor);
    return run(&turn);
}

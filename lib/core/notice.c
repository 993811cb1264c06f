/* Notices, status functions and log lines: queued where they arise, delivered in order on the control thread, or into
 * the queues of eventfd subscribers at once. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/error.h"
#include "core/runtime.h"

#define QUEUE_DEFAULT 4096

/* A notice with its strings, shared by the queues it is in. */
typedef struct shared_notice {
    uint32_t refs;
    hl_notice notice;
    hl_plugin_info plugin;
    char *event;
    char *reason;
} shared_notice;

/* Something for the control thread to deliver: exactly one of notice, binding, line. */
typedef struct delivery {
    struct delivery *next;
    shared_notice *notice;
    hl__binding *binding;
    hl_plugin_status before, after;
    char *line;
    hl_log_level level;
    const char *component;
} delivery;

struct hl_subscription {
    struct hl__notices *notices;
    hl_subscription *next;
    hl_notice_fn *callback; /* NULL: by eventfd */
    void *user;
    uint64_t since; /* notices up to this one are not for it */
    bool ended;
    int fd;
    shared_notice **queue; /* a ring */
    size_t queue_len, first, used;
    uint64_t lost;
    shared_notice *shown; /* what hl_notice_next gave last */
    hl_notice lost_notice;
};

struct hl__notices {
    pthread_mutex_t lock; /* guards all below; taken inside the runtime's lock, never the other way round */
    pthread_cond_t idle;  /* the running callback returned */
    hl_runtime *runtime;
    hl_subscription *subscriptions;
    hl_subscription *running;
    uint64_t sequence;
    delivery *first, **end;
};

/* ---- shared notices ---- */

static void unref(shared_notice *shared)
{
    if (!shared || __atomic_sub_fetch(&shared->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    hl_plugin_info_cleanup(&shared->plugin);
    free(shared->event);
    free(shared->reason);
    free(shared);
}

static shared_notice *share(hl_runtime *runtime, const hl_notice *notice, const hl__record *record, uint64_t sequence)
{
    shared_notice *shared = calloc(1, sizeof(*shared));

    if (!shared)
        return NULL;
    shared->refs = 1;
    shared->notice = *notice;
    shared->event = strdup(notice->event ? notice->event : "");
    shared->reason = strdup(notice->reason ? notice->reason : "");
    if (!shared->event || !shared->reason || (record && hl__info_copy(runtime, record, &shared->plugin) != HL_OK)) {
        unref(shared);
        return NULL;
    }
    shared->notice.size = sizeof(hl_notice);
    shared->notice.sequence = sequence;
    shared->notice.event = shared->event;
    shared->notice.reason = shared->reason;
    shared->notice.plugin = record ? &shared->plugin : NULL;
    return shared;
}

/* ---- queueing ---- */

static void push(struct hl__notices *notices, const delivery *what)
{
    delivery *added = malloc(sizeof(*added));

    if (!added) {
        unref(what->notice);
        free(what->line);
        hl__binding_unref(what->binding);
        return;
    }
    *added = *what;
    added->next = NULL;
    *notices->end = added;
    notices->end = &added->next;
}

static void signal_fd(int fd)
{
    uint64_t one = 1;
    ssize_t written = write(fd, &one, sizeof(one));

    (void)written; /* a full counter is readable already */
}

/* Once a notice was lost, all are until the loss has been told: else it would be told after what came later. */
static void push_to_fd(hl_subscription *to, shared_notice *shared)
{
    if (to->used == to->queue_len || to->lost) {
        to->lost++;
        return;
    }
    __atomic_add_fetch(&shared->refs, 1, __ATOMIC_RELAXED);
    to->queue[(to->first + to->used++) % to->queue_len] = shared;
    signal_fd(to->fd);
}

/* Returns whether a callback wants it too. */
static bool push_to_subscriptions(struct hl__notices *notices, shared_notice *shared)
{
    bool callbacks = false;

    for (hl_subscription *at = notices->subscriptions; at; at = at->next) {
        if (at->ended)
            continue;
        if (at->callback)
            callbacks = true;
        else
            push_to_fd(at, shared);
    }
    return callbacks;
}

void hl__notify(hl_runtime *runtime, const hl_notice *notice, const hl__record *record)
{
    struct hl__notices *notices = runtime->notices;
    shared_notice *shared = NULL;
    bool callbacks = false;

    pthread_mutex_lock(&notices->lock);
    notices->sequence++;
    if (notices->subscriptions)
        shared = share(runtime, notice, record, notices->sequence);
    if (shared)
        callbacks = push_to_subscriptions(notices, shared);
    if (callbacks)
        push(notices, &(delivery){.notice = shared});
    else
        unref(shared);
    pthread_mutex_unlock(&notices->lock);
    if (callbacks)
        hl__wake(runtime);
}

void hl__notify_status(hl_runtime *runtime, hl__binding *binding, hl_plugin_status before, hl_plugin_status after)
{
    pthread_mutex_lock(&runtime->notices->lock);
    push(runtime->notices, &(delivery){.binding = hl__binding_ref(binding), .before = before, .after = after});
    pthread_mutex_unlock(&runtime->notices->lock);
    hl__wake(runtime);
}

void hl__log(hl_runtime *runtime, hl_log_level level, const char *component, const char *format, ...)
{
    va_list arguments;
    char *line;

    if (!runtime->options.log)
        return;
    va_start(arguments, format);
    if (vasprintf(&line, format, arguments) < 0)
        line = NULL;
    va_end(arguments);
    if (!line)
        return;
    pthread_mutex_lock(&runtime->notices->lock);
    push(runtime->notices, &(delivery){.line = line, .level = level, .component = component});
    pthread_mutex_unlock(&runtime->notices->lock);
    hl__wake(runtime);
}

bool hl__notices_wanted(hl_runtime *runtime)
{
    bool wanted;

    pthread_mutex_lock(&runtime->notices->lock);
    wanted = runtime->notices->subscriptions != NULL;
    pthread_mutex_unlock(&runtime->notices->lock);
    return wanted;
}

/* ---- delivering, on the control thread ---- */

static hl_subscription *next_for(hl_subscription *at, uint64_t sequence)
{
    while (at && (at->ended || !at->callback || at->since >= sequence))
        at = at->next;
    return at;
}

static void remove_ended(struct hl__notices *notices)
{
    hl_subscription **at = &notices->subscriptions;

    while (*at) {
        hl_subscription *gone = *at;

        if (!gone->ended || gone == notices->running) {
            at = &gone->next;
            continue;
        }
        *at = gone->next;
        free(gone);
    }
}

/* Calls each subscriber without the lock; one that ends meanwhile stays in the list until the walk is over. */
static void deliver_notice(struct hl__notices *notices, const shared_notice *shared)
{
    hl_subscription *at = next_for(notices->subscriptions, shared->notice.sequence);

    while (at) {
        notices->running = at;
        pthread_mutex_unlock(&notices->lock);
        at->callback(&shared->notice, at->user);
        pthread_mutex_lock(&notices->lock);
        notices->running = NULL;
        pthread_cond_broadcast(&notices->idle);
        at = next_for(at->next, shared->notice.sequence);
    }
    remove_ended(notices);
}

static void deliver_rest(hl_runtime *runtime, const delivery *what)
{
    if (what->binding) {
        what->binding->on_status(what->binding->self, what->before, what->after);
        hl__binding_unref(what->binding);
    }
    if (what->line) {
        runtime->options.log(runtime->options.log_user, what->level, what->component, what->line);
        free(what->line);
    }
}

static delivery *pop(struct hl__notices *notices)
{
    delivery *first = notices->first;

    if (!first)
        return NULL;
    notices->first = first->next;
    if (!notices->first)
        notices->end = &notices->first;
    return first;
}

void hl__notices_turn(hl_runtime *runtime)
{
    struct hl__notices *notices = runtime->notices;
    delivery *what;

    pthread_mutex_lock(&notices->lock);
    while ((what = pop(notices)) != NULL) {
        if (what->notice) {
            deliver_notice(notices, what->notice);
            unref(what->notice);
        } else {
            pthread_mutex_unlock(&notices->lock);
            deliver_rest(runtime, what);
            pthread_mutex_lock(&notices->lock);
        }
        free(what);
    }
    pthread_mutex_unlock(&notices->lock);
}

/* ---- subscribing ---- */

static hl_status add(hl_runtime *runtime, hl_subscription *made, hl_subscription **out)
{
    hl_status status = hl__lock(runtime, "subscribe");
    struct hl__notices *notices;

    if (status != HL_OK)
        return status;
    notices = runtime->notices;
    pthread_mutex_lock(&notices->lock);
    made->notices = notices;
    made->since = notices->sequence;
    made->next = notices->subscriptions;
    notices->subscriptions = made;
    pthread_mutex_unlock(&notices->lock);
    hl__unlock(runtime);
    hl__wake(runtime); /* the store may have to be watched from now on */
    *out = made;
    return HL_OK;
}

hl_status hl_subscribe(hl_runtime *runtime, hl_notice_fn *callback, void *user, hl_subscription **out)
{
    hl_subscription *made;
    hl_status status;

    if (!callback || !out)
        return hl__fail(HL_ERR_INVALID, "subscribe", callback ? "out" : "callback", "The %s is NULL.",
                        callback ? "place for the subscription" : "callback");
    made = calloc(1, sizeof(*made));
    if (!made)
        return hl__fail_memory("subscribe");
    made->callback = callback;
    made->user = user;
    made->fd = -1;
    status = add(runtime, made, out);
    if (status != HL_OK)
        free(made);
    return status;
}

hl_status hl_subscribe_fd(hl_runtime *runtime, size_t queue_len, int *fd, hl_subscription **out)
{
    size_t len = queue_len ? queue_len : QUEUE_DEFAULT;
    hl_subscription *made;
    hl_status status;

    if (!fd || !out)
        return hl__fail(HL_ERR_INVALID, "subscribe", fd ? "out" : "fd", "The place for the result is NULL.");
    made = calloc(1, sizeof(*made));
    if (made)
        made->queue = calloc(len, sizeof(*made->queue));
    if (!made || !made->queue) {
        free(made);
        return hl__fail_memory("subscribe");
    }
    made->queue_len = len;
    made->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    status = made->fd < 0 ? hl__fail_errno(HL_ERR_SYSTEM, errno, "subscribe", "fd", "No eventfd could be made")
                          : add(runtime, made, out);
    if (status == HL_OK) {
        *fd = made->fd;
        return HL_OK;
    }
    if (made->fd >= 0)
        close(made->fd);
    free(made->queue);
    free(made);
    return status;
}

/* The loss is told in the place where it happened: after what was queued before it. */
static const hl_notice *take_next(hl_subscription *from)
{
    unref(from->shown);
    from->shown = NULL;
    if (from->used) {
        from->shown = from->queue[from->first];
        from->first = (from->first + 1) % from->queue_len;
        from->used--;
        return &from->shown->notice;
    }
    if (from->lost) {
        from->lost_notice = (hl_notice){.size = sizeof(hl_notice),
                                        .kind = HL_NOTICE_LOST,
                                        .sequence = from->notices->sequence,
                                        .event = "",
                                        .reason = "",
                                        .lost = from->lost};
        from->lost = 0;
        return &from->lost_notice;
    }
    return NULL;
}

hl_status hl_notice_next(hl_subscription *subscription, const hl_notice **out)
{
    const hl_notice *next;
    uint64_t drained;

    if (!subscription || !out || subscription->callback)
        return hl__fail(HL_ERR_INVALID, "notice_next", out ? "subscription" : "out",
                        "This needs a subscription made by hl_subscribe_fd, and a place for the notice.");
    pthread_mutex_lock(&subscription->notices->lock);
    next = take_next(subscription);
    if (!subscription->used && !subscription->lost && read(subscription->fd, &drained, sizeof(drained)) < 0)
        drained = 0; /* nothing was signalled */
    pthread_mutex_unlock(&subscription->notices->lock);
    if (!next)
        return HL_ERR_NOT_FOUND;
    *out = next;
    return HL_OK;
}

static void free_queue(hl_subscription *subscription)
{
    while (subscription->used) {
        unref(subscription->queue[subscription->first]);
        subscription->first = (subscription->first + 1) % subscription->queue_len;
        subscription->used--;
    }
    unref(subscription->shown);
    free(subscription->queue);
    subscription->queue = NULL;
    if (subscription->fd >= 0)
        close(subscription->fd);
}

void hl_unsubscribe(hl_subscription *subscription)
{
    struct hl__notices *notices;

    if (!subscription)
        return;
    notices = subscription->notices;
    pthread_mutex_lock(&notices->lock);
    free_queue(subscription);
    while (notices->running == subscription && !hl__on_control(notices->runtime))
        pthread_cond_wait(&notices->idle, &notices->lock);
    subscription->ended = true;
    if (!notices->running)
        remove_ended(notices);
    pthread_mutex_unlock(&notices->lock);
}

/* ---- life ---- */

hl_status hl__notices_new(hl_runtime *runtime)
{
    struct hl__notices *notices = calloc(1, sizeof(*notices));

    if (!notices)
        return hl__fail_memory("open");
    pthread_mutex_init(&notices->lock, NULL);
    pthread_cond_init(&notices->idle, NULL);
    notices->runtime = runtime;
    notices->end = &notices->first;
    runtime->notices = notices;
    return HL_OK;
}

/* Subscriptions left over by the user are freed with the runtime. */
void hl__notices_destroy(hl_runtime *runtime)
{
    struct hl__notices *notices = runtime->notices;

    if (!notices)
        return;
    hl__notices_turn(runtime);
    for (hl_subscription *at = notices->subscriptions; at; at = at->next) {
        if (!at->ended)
            free_queue(at);
        at->ended = true;
    }
    remove_ended(notices);
    pthread_cond_destroy(&notices->idle);
    pthread_mutex_destroy(&notices->lock);
    free(notices);
    runtime->notices = NULL;
}

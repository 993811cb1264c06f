/* A plugin library that appends a line for each exchange to the file that HTTP_ACCESS_LOG names. Shows load and unload
 * functions and a health function. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "http_event.h"

struct access_log {
    int fd;          /* -1: nowhere to write */
    uint64_t failed; /* lines that could not be written */
};

static struct access_log access_log = {-1, 0};

/* One write a line: lines of several threads do not mix in a file opened for appending. */
static hl_reply log_exchange(void *self, struct http_exchange *exchange, const void *meta)
{
    struct access_log *log = (struct access_log *)self;
    char line[512];
    int len;

    (void)meta;
    if (log->fd < 0)
        return hl_next(exchange);
    len = snprintf(line, sizeof(line), "%lld %s %s %s %u %llu %lluus\n", (long long)(exchange->time_ns / 1000000000),
                   exchange->client, exchange->method, exchange->path, exchange->status,
                   (unsigned long long)exchange->bytes, (unsigned long long)(exchange->duration_ns / 1000));
    if (len <= 0 || len >= (int)sizeof(line) || write(log->fd, line, (size_t)len) != len)
        __atomic_fetch_add(&log->failed, 1, __ATOMIC_RELAXED);
    return hl_next(exchange);
}
HL_TYPED_PLUGIN(http_log, log_exchange)

static hl_health_state health(void *self, char *reason, size_t reason_len)
{
    struct access_log *log = (struct access_log *)self;
    uint64_t failed = __atomic_load_n(&log->failed, __ATOMIC_RELAXED);

    if (log->fd < 0) {
        snprintf(reason, reason_len, "HTTP_ACCESS_LOG names no file; nothing is written");
        return HL_HEALTH_DEGRADED;
    }
    if (failed) {
        snprintf(reason, reason_len, "%llu lines could not be written", (unsigned long long)failed);
        return HL_HEALTH_FAILED;
    }
    return HL_HEALTH_OK;
}

static int load(void)
{
    const char *path = getenv("HTTP_ACCESS_LOG");

    if (!path)
        return 0;
    access_log.fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    return access_log.fd < 0 ? -1 : 0;
}

static void unload(void)
{
    if (access_log.fd >= 0)
        close(access_log.fd);
}

static const hl_plugin_spec plugins[] = {{
    .size = sizeof(hl_plugin_spec),
    .name = "access-log",
    .event = http_log_event_name,
    .call = log_exchange_call,
    .self = &access_log,
    .health = health,
    .contract = &http_log_contract,
    .priority = HL_PRIORITY_DEFAULT,
}};

HL_PLUGIN_LIBRARY_HOOKS("access-log", "1.0.0", plugins, load, unload)

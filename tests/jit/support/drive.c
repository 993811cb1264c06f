/* See drive.h. */
#include "tests/jit/support/drive.h"

#include <assert.h>
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/child.h"

drive *drive_new(const char *program, uint32_t timeout_ms, uint32_t recycle_after)
{
    hl__jit_options options = {.program = program, .timeout_ms = timeout_ms, .recycle_after = recycle_after};
    drive *d = calloc(1, sizeof(*d));

    assert(d && hl__jit_new(&options, &d->compiler) == HL_OK);
    return d;
}

void drive_release(drive *d, size_t ticket)
{
    if (d->results[ticket].compiled.code)
        d->compiler->ops->release(d->compiler, d->results[ticket].compiled.code);
    d->results[ticket].compiled.code = NULL;
}

void drive_destroy(drive *d)
{
    for (size_t i = 0; i < DRIVE_UNITS_MAX; i++)
        drive_release(d, i);
    d->compiler->ops->destroy(d->compiler);
    free(d);
}

static void done(void *user, uint64_t ticket, hl_status status, const char *reason, const hl__compiled *compiled)
{
    drive *d = user;
    drive_result *result = &d->results[ticket];

    assert(ticket < DRIVE_UNITS_MAX && (status == HL_OK) == (compiled != NULL));
    result->reports++;
    result->status = status;
    snprintf(result->reason, sizeof(result->reason), "%s", reason);
    if (compiled)
        result->compiled = *compiled;
    d->reported++;
}

/* Waits for the compiler's descriptor or its time, whichever comes first. */
static void wait_once(drive *d, uint64_t until_ns)
{
    uint64_t now = hl__child_now_ns();
    uint64_t wake = d->compiler->ops->wake_at_ns(d->compiler);
    struct pollfd fd = {d->compiler->ops->fd(d->compiler), POLLIN, 0};

    if (wake < until_ns)
        until_ns = wake;
    poll(&fd, 1, until_ns > now ? (int)((until_ns - now) / 1000000) + 1 : 0);
}

bool drive_until(drive *d, size_t reports, unsigned ms)
{
    uint64_t until_ns = hl__child_now_ns() + ms * UINT64_C(1000000);

    while (d->reported < reports) {
        if (hl__child_now_ns() >= until_ns)
            return false;
        wait_once(d, until_ns);
        d->compiler->ops->service(d->compiler, done, d);
    }
    return true;
}

hl_status drive_submit(drive *d, hl__unit *units, size_t units_len)
{
    memset(d->results, 0, units_len * sizeof(*d->results));
    d->reported = 0;
    for (size_t i = 0; i < units_len; i++)
        units[i].ticket = i;
    return d->compiler->ops->submit(d->compiler, units, units_len);
}

hl_status drive_compile(drive *d, hl__unit *units, size_t units_len)
{
    hl_status status = drive_submit(d, units, units_len);

    if (status != HL_OK)
        return status;
    assert(drive_until(d, units_len, 60000));
    return HL_OK;
}

bool drive_until_idle(drive *d, unsigned ms)
{
    uint64_t until_ns = hl__child_now_ns() + ms * UINT64_C(1000000);

    while (!d->compiler->ops->idle(d->compiler)) {
        if (hl__child_now_ns() >= until_ns)
            return false;
        wait_once(d, until_ns);
        d->compiler->ops->service(d->compiler, done, d);
    }
    return true;
}

static size_t count_entries(const char *folder, const char *prefix)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    size_t count = 0;

    while (dir && (entry = readdir(dir)))
        count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0 && entry->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return count;
}

/* The n-th child of this process, by the kernel's list. */
static int child(size_t n)
{
    char path[64];
    FILE *list;
    int pid = 0;

    snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    list = fopen(path, "re");
    if (!list)
        return 0;
    for (size_t i = 0; i <= n; i++)
        if (fscanf(list, "%d", &pid) != 1)
            pid = 0;
    fclose(list);
    return pid;
}

size_t drive_count_children(void)
{
    size_t count = 0;

    while (child(count))
        count++;
    return count;
}

int drive_helper_pid(void)
{
    for (size_t i = 0; child(i); i++) {
        char path[64];
        char name[32] = "";
        FILE *comm;

        snprintf(path, sizeof(path), "/proc/%d/comm", child(i));
        comm = fopen(path, "re");
        if (comm && fgets(name, sizeof(name), comm) && strcmp(name, "hookline-jit\n") == 0) {
            fclose(comm);
            return child(i);
        }
        if (comm)
            fclose(comm);
    }
    return 0;
}

size_t drive_count_fds(void)
{
    return count_entries("/proc/self/fd", "");
}

size_t drive_count_maps(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    size_t count = 0;
    int c;

    assert(maps);
    while ((c = fgetc(maps)) != EOF)
        count += c == '\n';
    fclose(maps);
    return count;
}

long drive_rss_kb(void)
{
    FILE *statm = fopen("/proc/self/statm", "re");
    long size = 0;
    long resident = 0;

    assert(statm && fscanf(statm, "%ld %ld", &size, &resident) == 2);
    fclose(statm);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

size_t drive_count_scratch(const char *folder)
{
    return count_entries(folder, "hookline-jit.");
}

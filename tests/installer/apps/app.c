/* The plugins of the apps that tests/installer makes: compiled again and again with other macros.
 *
 *   APP VERSION          strings
 *   PLUGINS              PLUGIN("name", "event", priority) one after the other
 *   LOAD_RESULT          what the load function returns
 *   CRASH                a constructor ends the process
 *   CRASH_IF             its load function ends the process where this environment variable is set
 *   CRASH_AS             its load function ends a process whose program has the name in this environment variable
 *   NOTE_IN              its load function adds APP to the file that this environment variable names
 *   STATE                each plugin also leaves "#N", the number of calls so far, which is carried over
 *   RESTORE_RESULT       what the restore function returns
 *   SLOW_MS              each call takes that long
 *   CONTRACT             the plugins are built for another contract than the event's
 *   NEEDS_TLS            has a destructor of a thread-local variable */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <hookline/plugin.h>

#ifndef LOAD_RESULT
#define LOAD_RESULT 0
#endif
#ifndef RESTORE_RESULT
#define RESTORE_RESULT 0
#endif
#ifndef SLOW_MS
#define SLOW_MS 0
#endif
#ifndef STATE
#define STATE 0
#endif
#ifndef CRASH
#define CRASH 0
#endif

typedef struct trail {
    char text[512];
} trail;

static int64_t calls;

static void append(trail *to, const char *text)
{
    strncat(to->text, text, sizeof(to->text) - strlen(to->text) - 1);
}

static void append_number(trail *to, int64_t number)
{
    char digits[24] = "", *at = digits + sizeof(digits) - 1;

    for (*at = '\0'; number > 0 || !*at; number /= 10)
        *--at = (char)('0' + number % 10);
    append(to, "#");
    append(to, at);
}

static hl_reply leave(void *self, void *state, const void *meta)
{
    (void)meta;
    if (SLOW_MS)
        nanosleep(&(struct timespec){.tv_nsec = SLOW_MS * 1000000L}, NULL);
    append(state, self);
    append(state, "@" VERSION);
    if (STATE)
        append_number(state, __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED));
    append(state, ",");
    return hl_next(state);
}

#ifdef NOTE_IN
static void note(void)
{
    const char *path = getenv(NOTE_IN);
    FILE *file = path ? fopen(path, "a") : NULL;

    if (!file)
        return;
    fputs(APP " ", file);
    fclose(file);
}
#endif

static int load(void)
{
#ifdef NOTE_IN
    note();
#endif
#ifdef CRASH_IF
    if (getenv(CRASH_IF))
        __builtin_trap();
#endif
#ifdef CRASH_AS
    if (getenv(CRASH_AS) && strcmp(getenv(CRASH_AS), program_invocation_short_name) == 0)
        __builtin_trap();
#endif
    return LOAD_RESULT;
}

static int64_t save(void *bytes, size_t room)
{
    if (room >= sizeof(calls))
        memcpy(bytes, &calls, sizeof(calls));
    return sizeof(calls);
}

static int restore(const void *bytes, size_t len, const char *from_version)
{
    (void)from_version;
    if (len != sizeof(calls))
        return 1;
    memcpy(&calls, bytes, len);
    return RESTORE_RESULT;
}

#if CRASH
__attribute__((constructor)) static void crash(void)
{
    __builtin_trap();
}
#endif

#ifdef NEEDS_TLS
extern int __cxa_thread_atexit_impl(void (*function)(void *), void *object, void *library);
__attribute__((used)) static int keep(void)
{
    return __cxa_thread_atexit_impl(0, 0, 0);
}
#endif

#ifdef CONTRACT
static const hl_field fields[] = {{"other", "int", 0, sizeof(int)}};
static const hl_contract contract = {sizeof(hl_contract), "struct other", sizeof(int), fields, 1, NULL, 0};
#define ITS_CONTRACT &contract
#else
#define ITS_CONTRACT NULL
#endif

#define PLUGIN(plugin_name, event_name, rank)                                                                          \
    {.size = sizeof(hl_plugin_spec),                                                                                   \
     .name = (plugin_name),                                                                                            \
     .event = (event_name),                                                                                            \
     .call = leave,                                                                                                    \
     .self = (void *)(plugin_name),                                                                                    \
     .contract = ITS_CONTRACT,                                                                                         \
     .priority = (rank)},
static const hl_plugin_spec specs[] = {PLUGINS};

HL_PLUGIN_LIBRARY_STATE(APP, VERSION, specs, load, NULL, STATE ? save : NULL, STATE ? restore : NULL)

/* Statuses as text, and the error of each thread. Used by every room. */
#include "core/error.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static __thread hl__error_copy thread_copy;
static __thread hl_error thread_error = {HL_OK, "", "", ""};

const hl_error *hl_last_error(void)
{
    return &thread_error;
}

const char *hl_status_name(hl_status status)
{
    switch (status) {
#define HL_STATUS(name, value, sentence, seeds)                                                                        \
    case name:                                                                                                         \
        return #name;
#include <hookline/status.def>
#undef HL_STATUS
    default:
        return "HL_UNKNOWN";
    }
}

const char *hl_status_text(hl_status status)
{
    switch (status) {
#define HL_STATUS(name, value, sentence, seeds)                                                                        \
    case name:                                                                                                         \
        return sentence;
#include <hookline/status.def>
#undef HL_STATUS
    default:
        return "This is not a status of Hookline.";
    }
}

/* Points the thread's error at its copy: the pointers cannot be set before the thread's storage exists. */
static hl_status publish(hl_status status)
{
    thread_copy.status = status;
    thread_error.status = status;
    thread_error.action = thread_copy.action;
    thread_error.field = thread_copy.field;
    thread_error.message = thread_copy.message;
    return status;
}

static void copy_text(char *to, size_t to_len, const char *from)
{
    snprintf(to, to_len, "%s", from ? from : "");
}

/* A sentence keeps its full stop at the end. */
static void add_reason(char *message, size_t message_len, size_t used, const char *reason)
{
    bool sentence = used > 0 && message[used - 1] == '.';
    size_t at = sentence ? used - 1 : used;

    snprintf(message + at, message_len - at, sentence ? " (%s)." : ": %s", reason);
}

/* The message is formatted aside first: its arguments may be strings of the last error itself. */
static hl_status set(hl_status status, const char *action, const char *field, const char *suffix, const char *format,
                     va_list arguments)
{
    char message[sizeof(thread_copy.message)];
    char kept_action[sizeof(thread_copy.action)];
    char kept_field[sizeof(thread_copy.field)];
    int used = vsnprintf(message, sizeof(message), format, arguments);

    if (suffix && used >= 0 && (size_t)used < sizeof(message))
        add_reason(message, sizeof(message), (size_t)used, suffix);
    copy_text(kept_action, sizeof(kept_action), action);
    copy_text(kept_field, sizeof(kept_field), field);
    memcpy(thread_copy.action, kept_action, sizeof(kept_action));
    memcpy(thread_copy.field, kept_field, sizeof(kept_field));
    memcpy(thread_copy.message, message, sizeof(message));
    return publish(status);
}

hl_status hl__fail(hl_status status, const char *action, const char *field, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    set(status, action, field, NULL, format, arguments);
    va_end(arguments);
    return status;
}

hl_status hl__fail_errno(hl_status status, int error_number, const char *action, const char *field, const char *format,
                         ...)
{
    char reason[128];
    va_list arguments;

    va_start(arguments, format);
    set(status, action, field, strerror_r(error_number, reason, sizeof(reason)), format, arguments);
    va_end(arguments);
    return status;
}

hl_status hl__fail_memory(const char *action)
{
    return hl__fail(HL_ERR_NO_MEMORY, action, "", "There is no memory left; free some or raise the limit.");
}

hl_status hl__fail_as(const char *action)
{
    copy_text(thread_copy.action, sizeof(thread_copy.action), action);
    return publish(thread_copy.status);
}

void hl__error_save(hl__error_copy *out)
{
    *out = thread_copy;
}

hl_status hl__error_restore(const hl__error_copy *copy)
{
    thread_copy = *copy;
    return publish(copy->status);
}

/* Reports of installations; see report.h and hl_install_report_cleanup. */
#include "install/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"

hl_status hl__report_begin(const char *action, hl_install_report *report)
{
    if (report->size < sizeof(*report))
        return hl__fail(HL_ERR_STRUCT_SIZE, action, "report",
                        "The report's size is %zu and should be %zu; begin with HL_INSTALL_REPORT_INIT.", report->size,
                        sizeof(*report));
    *report = (hl_install_report){.size = report->size};
    if (hl__report_set(&report->app, "") == HL_OK && hl__report_set(&report->version, "") == HL_OK &&
        hl__report_set(&report->before, "") == HL_OK && hl__report_set(&report->folder, "") == HL_OK &&
        hl__report_set(&report->sha256, "") == HL_OK && hl__report_set(&report->key, "") == HL_OK &&
        hl__report_set(&report->source, "") == HL_OK)
        return HL_OK;
    hl_install_report_cleanup(report);
    return hl__fail_memory(action);
}

hl_status hl__report_set(char **place, const char *text)
{
    char *copy = strdup(text);

    if (!copy)
        return hl__fail_memory("install");
    free(*place);
    *place = copy;
    return HL_OK;
}

static hl_status add_text(char ***rows, size_t *len, const char *format, va_list arguments)
{
    char **grown = realloc(*rows, (*len + 1) * sizeof(*grown));

    if (!grown)
        return hl__fail_memory("install");
    *rows = grown;
    if (vasprintf(&grown[*len], format, arguments) < 0)
        return hl__fail_memory("install");
    ++*len;
    return HL_OK;
}

hl_status hl__report_warn(hl_install_report *report, const char *format, ...)
{
    va_list arguments;
    hl_status status;

    va_start(arguments, format);
    status = add_text(&report->warnings, &report->warnings_len, format, arguments);
    va_end(arguments);
    return status;
}

hl_status hl__report_note(hl_install_report *report, const char *format, ...)
{
    va_list arguments;
    hl_status status;

    va_start(arguments, format);
    status = add_text(&report->isolated, &report->isolated_len, format, arguments);
    va_end(arguments);
    return status;
}

static void free_texts(char **rows, size_t len)
{
    for (size_t i = 0; i < len; i++)
        free(rows[i]);
    free(rows);
}

void hl_install_report_cleanup(hl_install_report *report)
{
    if (!report)
        return;
    free_texts(report->warnings, report->warnings_len);
    free_texts(report->isolated, report->isolated_len);
    free(report->app);
    free(report->version);
    free(report->before);
    free(report->folder);
    free(report->sha256);
    free(report->key);
    free(report->source);
    *report = (hl_install_report){.size = report->size};
}

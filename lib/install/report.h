/* Reports while they are filled in. */
#ifndef HL_INSTALL_REPORT_H
#define HL_INSTALL_REPORT_H

#include <hookline/install.h>

/* Begins a report with empty strings. HL_ERR_STRUCT_SIZE for a size that fits none, HL_ERR_NO_MEMORY. */
hl_status hl__report_begin(const char *action, hl_install_report *report);

/* Puts a copy in the place of a string of the report: HL_ERR_NO_MEMORY leaves what was there. */
hl_status hl__report_set(char **place, const char *text);
hl_status hl__report_warn(hl_install_report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds to the list of how plugins are isolated. */
hl_status hl__report_note(hl_install_report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif

/* Records as JSON and as table cells, for the verbs that list them. */
#ifndef HL_TOOLS_RECORDS_H
#define HL_TOOLS_RECORDS_H

#include "tool.h"

json_t *record_plugin(const hl_plugin_info *info);
json_t *record_event(const hl_event_info *info);
json_t *record_contract(const hl_contract *contract, uint64_t hash); /* JSON null when contract is NULL */
json_t *record_time(int64_t seconds); /* since 1970, as people and programs both read them */

/* Names separated by ", " as a new text; NULL without memory. */
char *record_names(const char *const *names);
/* Adds a whole table row of a plugin: name, [event,] status, priority, depends, extension. */
void record_row(struct table *table, const hl_plugin_info *info, bool with_event);

/* Where a plugin of record_plugin runs, in a few words. */
void record_place(const json_t *plugin, char *out, size_t out_len);

/* A line collector for hl_line_fn: user is a JSON array. */
void record_line(const char *line, void *array);
void record_print_lines(const json_t *lines, const char *indent);

#endif

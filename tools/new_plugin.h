/* The parts of `hookline new plugin`: the files' templates, and an event's contract as C. */
#ifndef HL_TOOLS_NEW_PLUGIN_H
#define HL_TOOLS_NEW_PLUGIN_H

#include "tool.h"

/* One file of a new project. @KEY@ in path and text stands for a value. */
struct new_file {
    const char *path;
    const char *text;
};

extern const struct new_file new_plugin_files[]; /* ends with a row without a path */
extern const char new_plugin_untyped[];          /* @CODE@ of the source when the event's state is not known */
extern const char new_plugin_typed[];            /* ... and when it is */

/* Writes a contract as the C declarations of `struct <id>_state` and its typed event: only when each field has a type
 * that every C program knows and fields do not overlap. NULL when it cannot be written so. The caller frees it. */
char *contract_as_c(const hl_contract *contract, const char *id);

#endif

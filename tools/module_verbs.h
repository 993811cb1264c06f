/* What the files of `hookline module` share: verbs_module.c, module_list.c, module_call.c and module_servers.c. */
#ifndef HL_TOOLS_MODULE_VERBS_H
#define HL_TOOLS_MODULE_VERBS_H

#include <hookline/modules.h>

#include "tool.h"

/* A word behind `hookline module`. argv[0] is the first argument behind it. */
typedef int module_fn(struct context *context, int argc, char **argv);

module_fn module_list, module_functions;              /* module_list.c */
module_fn module_execute, module_run;                 /* module_call.c */
module_fn module_load, module_reload, module_release; /* module_servers.c */

/* The key that an argument names: TOOL_DONE, or the exit code with the mistake told. */
int module_read_key(struct context *context, const char *text, hl_key *out);
/* The same, and opens the store to read it. */
int module_open_key(struct context *context, const char *text, hl_key *out);
/* Sends the request (its reference is taken) as a question "module" to the running servers, or to the one of --in, and
 * waits for timeout_ms. *answers is the caller's and has those who take part; *without_modules says how many have no
 * libhookline. TOOL_DONE, or an exit code with the error told. */
int module_ask(struct context *context, json_t *request, uint32_t timeout_ms, json_t **answers,
               size_t *without_modules);
/* Tells that nobody took part. TOOL_NO_SERVER. */
int module_no_server(struct context *context, size_t without_modules);
/* --timeout in milliseconds; 0 when it is not given. */
int module_read_timeout(struct context *context, uint32_t *out);
/* Tells hl_last_error, with where to look. */
int module_fail(struct context *context);

#endif

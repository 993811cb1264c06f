/* Asking the running servers, for the verbs that show what only they know. */
#ifndef HL_TOOLS_SERVERS_H
#define HL_TOOLS_SERVERS_H

#include "tool.h"

/* Sends a request (its reference is taken) to every server on context->store and gives back a JSON array of answers, by
 * pid, which the caller releases; it is empty when no server runs. A server that is there and gives no answer has one
 * all the same, with an error and "silent" true. TOOL_DONE, or an exit code with the error told. */
int servers_ask(struct context *context, json_t *request, json_t **answers);

/* The same with a time of its own. */
int servers_ask_all(struct context *context, json_t *request, uint32_t timeout_ms, json_t **answers);

/* TOOL_DONE when a server did what it was asked; else the error of one is told and TOOL_REFUSED returned,
 * TOOL_NO_SERVER when all are silent. There is at least one answer. */
int servers_check(struct context *context, const json_t *answers);

/* Both for verbs that cannot do without: no server at all is TOOL_NO_SERVER. */
int servers_need(struct context *context, json_t *request, json_t **answers);

/* Milliseconds given with --timeout, else `otherwise`. TOOL_DONE, or TOOL_USAGE when it is no number. */
int servers_timeout(struct context *context, uint32_t otherwise, uint32_t *out);

/* "Server 4242 (httpd)" into `out`; one that is silent has not said its program. */
void servers_title(const json_t *answer, char *out, size_t out_len);
/* The message of an answer's error; NULL when it has none. */
const char *servers_error(const json_t *answer);
/* An answer's status: HL_OK when it has no error. */
hl_status servers_status(const json_t *answer);

/* Values in an answer: "" and 0 where there are none. */
const char *value_text(const json_t *object, const char *key);
uint64_t value_count(const json_t *object, const char *key);
bool value_bool(const json_t *object, const char *key);

#endif

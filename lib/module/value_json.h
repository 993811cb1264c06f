/* Of JSON as values have it: what value_json.c and json_limits.c share. */
#ifndef HL_MODULE_VALUE_JSON_H
#define HL_MODULE_VALUE_JSON_H

#include <hookline/status.h>

#define HL__JSON_READ "value_from_json"
#define HL__JSON_BYTES_KEY "$bytes"

/* Refuses a text that says more than a value may hold, before memory is taken for it: HL_ERR_LIMIT. Whether it is JSON
 * at all is the parser's question. */
hl_status hl__json_check_limits(const char *json);

#endif

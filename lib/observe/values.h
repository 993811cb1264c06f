/* JSON values of answers to the control protocol. Values that could not be made (no memory) are NULL, which jansson's
 * setters take and refuse: the one check is at the end, when the text is written. */
#ifndef HL_OBSERVE_VALUES_H
#define HL_OBSERVE_VALUES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* A string of any bytes: what is not UTF-8 is shown as '?'. */
json_t *hl__text_value(const char *bytes);
void hl__put(json_t *object, const char *key, json_t *value); /* takes the reference */
void hl__put_text(json_t *object, const char *key, const char *value);
void hl__put_count(json_t *object, const char *key, uint64_t value);
void hl__put_bool(json_t *object, const char *key, bool value);

#endif

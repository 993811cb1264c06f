/* Strings of any bytes as JSON values: paths and messages need not be UTF-8. */
#ifndef HL_INSTALL_JSON_TEXT_H
#define HL_INSTALL_JSON_TEXT_H

#include <jansson.h>

/* NULL counts as "". What is not UTF-8 is shown as '?'. NULL without memory. */
json_t *hl__json_text(const char *bytes);
void hl__json_put_text(json_t *object, const char *key, const char *bytes);

#endif

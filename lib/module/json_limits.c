/* The limits of values, asked of a JSON text as it stands; see value_json.h. A parser takes up to hundreds of bytes for
 * an item that is two bytes of text, and would be done before the first value is counted. */
#include <stdbool.h>
#include <string.h>

#include "core/error.h"
#include "module/value_json.h"
#include "module/value_tree.h"

#define SPACE " \t\r\n"
#define BYTES_OBJECT "\"" HL__JSON_BYTES_KEY "\""
#define DEPTH_MAX (HL_VALUE_DEPTH_MAX + 1) /* bytes are an object here, and no map as values */

/* From a quote to behind the one that ends the string. */
static const char *behind_string(const char *at)
{
    for (at++; *at && *at != '"'; at++)
        at += at[0] == '\\' && at[1];
    return *at ? at + 1 : at;
}

/* Commas count the items of a list or an object but its first one, which this does: an empty one has none, and the text
 * of bytes is no value beside them. */
static bool begins_item(const char *bracket)
{
    const char *first = bracket + 1 + strspn(bracket + 1, SPACE);

    if (*first == ']' || *first == '}')
        return false;
    return *bracket == '[' || strncmp(first, BYTES_OBJECT, strlen(BYTES_OBJECT)) != 0;
}

static hl_status judge(size_t depth, size_t items)
{
    if (depth > DEPTH_MAX)
        return hl__fail(HL_ERR_LIMIT, HL__JSON_READ, "json",
                        "Lists and maps may be %d deep in each other; the text has them deeper.", HL_VALUE_DEPTH_MAX);
    if (items > HL_VALUE_ITEMS_MAX)
        return hl__fail(HL_ERR_LIMIT, HL__JSON_READ, "json",
                        "A value may consist of at most %zu values; the text has more.", HL_VALUE_ITEMS_MAX);
    return HL_OK;
}

hl_status hl__json_check_limits(const char *json)
{
    size_t depth = 0, items = 1;
    const char *at = json;

    while (*at && depth <= DEPTH_MAX && items <= HL_VALUE_ITEMS_MAX) {
        if (*at == '"') {
            at = behind_string(at);
            continue;
        }
        if (*at == '[' || *at == '{') {
            depth++;
            items += begins_item(at);
        } else if (*at == ']' || *at == '}') {
            depth -= depth > 0;
        } else if (*at == ',') {
            items++;
        }
        at++;
    }
    return judge(depth, items);
}

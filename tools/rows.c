/* See rows.h. */
#include "rows.h"

struct rows rows_new(const struct context *context, size_t columns, const char *const *titles)
{
    return (struct rows){context->json ? json_array() : NULL, context->json ? NULL : tool_table_new(columns, titles)};
}

int rows_end(struct context *context, struct rows *rows, int (*fail)(struct context *context), hl_status status,
             const char *key, const char *empty)
{
    if (status != HL_OK) {
        json_decref(rows->array);
        tool_table_free(rows->table);
        return fail(context);
    }
    if (context->json)
        return tool_print_json(json_pack("{s:o}", key, rows->array), TOOL_DONE);
    tool_table_print(rows->table, context, empty);
    return TOOL_DONE;
}

/* Output of the command: JSON documents, aligned tables, and the words for values. Used by every verb. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "tool.h"

/* ---- JSON ------------------------------------------------------------------------------------------------------ */

int tool_print_json(json_t *document, int code)
{
    bool written =
        document && json_dumpf(document, stdout, JSON_INDENT(2)) == 0 && putchar('\n') != EOF && fflush(stdout) == 0;

    json_decref(document);
    if (written)
        return code;
    fputs("hookline: the answer could not be written\n", stderr);
    return TOOL_REFUSED;
}

json_t *tool_text(const char *bytes)
{
    json_t *value = json_string(bytes ? bytes : "");
    char *copy;

    if (value)
        return value;
    copy = strdup(bytes);
    if (!copy)
        return NULL;
    for (char *at = copy; *at; at++)
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    value = json_string(copy);
    free(copy);
    return value;
}

/* ---- text for a terminal --------------------------------------------------------------------------------------- */

/* Reads one character at `at`: its bytes, and the columns that it takes. What cannot be shown takes one, as '?'. */
static size_t next_character(const char *at, int *columns, bool *shown)
{
    mbstate_t state;
    wchar_t wide;
    size_t len;

    memset(&state, 0, sizeof(state));
    len = mbrtowc(&wide, at, strlen(at), &state);
    if (len == 0 || len >= (size_t)-2) {
        *columns = 1;
        *shown = false;
        return 1;
    }
    *columns = wcwidth(wide);
    *shown = *columns >= 0;
    if (!*shown)
        *columns = 1;
    return len;
}

static size_t text_columns(const char *text)
{
    size_t width = 0;

    while (*text) {
        int columns;
        bool shown;

        text += next_character(text, &columns, &shown);
        width += (size_t)columns;
    }
    return width;
}

bool tool_shows(const char *text)
{
    bool shown = true;

    while (*text && shown) {
        int columns;

        text += next_character(text, &columns, &shown);
    }
    return shown;
}

void tool_print_text(FILE *file, const char *text)
{
    while (*text) {
        int columns;
        bool shown;
        size_t len = next_character(text, &columns, &shown);

        if (shown)
            fwrite(text, 1, len, file);
        else
            fputc('?', file);
        text += len;
    }
}

/* ---- tables ---------------------------------------------------------------------------------------------------- */

struct table {
    size_t columns;
    size_t rows_len;
    size_t room;  /* rows */
    char **cells; /* rows_len * columns, NULL: empty */
    size_t next;  /* column of the next cell */
    bool broken;  /* without memory */
};

static bool table_grow(struct table *table)
{
    size_t room = table->room ? table->room * 2 : 32;
    char **cells;

    if (table->rows_len < table->room)
        return true;
    cells = realloc(table->cells, room * table->columns * sizeof(*cells));
    if (!cells)
        return false;
    table->cells = cells;
    table->room = room;
    return true;
}

struct table *tool_table_new(size_t columns, const char *const *titles)
{
    struct table *table = calloc(1, sizeof(*table));

    if (!table)
        return NULL;
    table->columns = columns;
    tool_table_row(table);
    for (size_t i = 0; i < columns; i++)
        tool_table_cell(table, "%s", titles[i]);
    return table;
}

void tool_table_row(struct table *table)
{
    if (!table || table->broken)
        return;
    if (!table_grow(table)) {
        table->broken = true;
        return;
    }
    memset(table->cells + table->rows_len * table->columns, 0, table->columns * sizeof(*table->cells));
    table->rows_len++;
    table->next = 0;
}

void tool_table_cell(struct table *table, const char *format, ...)
{
    char **cell;
    va_list arguments;

    if (!table || table->broken || table->next >= table->columns)
        return;
    cell = &table->cells[(table->rows_len - 1) * table->columns + table->next++];
    va_start(arguments, format);
    if (vasprintf(cell, format, arguments) < 0) {
        *cell = NULL;
        table->broken = true;
    }
    va_end(arguments);
}

static const char *cell_text(const struct table *table, size_t row, size_t column)
{
    const char *text = table->cells[row * table->columns + column];

    return text ? text : "";
}

static size_t column_width(const struct table *table, size_t column)
{
    size_t width = 0;

    for (size_t row = 0; row < table->rows_len; row++) {
        size_t columns = text_columns(cell_text(table, row, column));

        width = columns > width ? columns : width;
    }
    return width;
}

/* Colour says at a glance what runs and what does not. */
static const char *cell_colour(size_t row, const char *text)
{
    static const struct {
        const char *word, *colour;
    } colours[] = {{"started", "\033[32m"}, {"restarted", "\033[32m"}, {"ok", "\033[32m"},     {"stopped", "\033[31m"},
                   {"failed", "\033[31m"},  {"timeout", "\033[31m"},   {"held", "\033[33m"},   {"degraded", "\033[33m"},
                   {"hanging", "\033[31m"}, {"unhealthy", "\033[31m"}, {"healthy", "\033[32m"}};

    if (row == 0)
        return "\033[1m";
    for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++)
        if (strcmp(colours[i].word, text) == 0)
            return colours[i].colour;
    return NULL;
}

static void print_cell(const struct table *table, size_t row, size_t column, size_t width, bool coloured)
{
    const char *text = cell_text(table, row, column);
    const char *colour = coloured ? cell_colour(row, text) : NULL;

    if (column > 0)
        fputs("  ", stdout);
    if (colour)
        fputs(colour, stdout);
    tool_print_text(stdout, text);
    if (colour)
        fputs("\033[0m", stdout);
    if (column + 1 < table->columns)
        printf("%*s", (int)(width - text_columns(text)), "");
}

static void print_rows(const struct table *table, bool coloured)
{
    size_t *widths = calloc(table->columns, sizeof(*widths));

    if (!widths)
        return;
    for (size_t column = 0; column < table->columns; column++)
        widths[column] = column_width(table, column);
    for (size_t row = 0; row < table->rows_len; row++) {
        for (size_t column = 0; column < table->columns; column++)
            print_cell(table, row, column, widths[column], coloured);
        putchar('\n');
    }
    free(widths);
}

void tool_table_free(struct table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->rows_len * table->columns; i++)
        free(table->cells[i]);
    free(table->cells);
    free(table);
}

void tool_table_print(struct table *table, const struct context *context, const char *empty)
{
    if (!table || table->broken)
        fputs("hookline: no memory left for the table\n", stderr);
    else if (table->rows_len > 1)
        print_rows(table, context->colour);
    else
        puts(empty);
    tool_table_free(table);
}

/* ---- words ----------------------------------------------------------------------------------------------------- */

static const char *const status_words[] = {NULL, "registered", "started", "restarted", "stopped", "held"};
#define STATUS_WORDS_LEN (sizeof(status_words) / sizeof(status_words[0]))

const char *tool_status_word(hl_plugin_status status)
{
    return status >= HL_REGISTERED && (size_t)status < STATUS_WORDS_LEN ? status_words[status] : "unknown";
}

hl_plugin_status tool_status_of_word(const char *word)
{
    for (size_t i = HL_REGISTERED; i < STATUS_WORDS_LEN; i++)
        if (strcmp(status_words[i], word) == 0)
            return (hl_plugin_status)i;
    return (hl_plugin_status)0;
}

const char *tool_engine_word(hl_engine engine)
{
    switch (engine) {
    case HL_ENGINE_COMPILED:
        return "compiled";
    case HL_ENGINE_FUSED:
        return "fused";
    default:
        return "reference";
    }
}

const char *tool_duration(uint64_t ns)
{
    static char texts[4][32];
    static unsigned turn;
    char *text = texts[turn++ % 4];

    if (ns < 1000)
        snprintf(text, sizeof(texts[0]), "%llu ns", (unsigned long long)ns);
    else if (ns < 1000000)
        snprintf(text, sizeof(texts[0]), "%.2f us", (double)ns / 1e3);
    else if (ns < 1000000000)
        snprintf(text, sizeof(texts[0]), "%.2f ms", (double)ns / 1e6);
    else
        snprintf(text, sizeof(texts[0]), "%.1f s", (double)ns / 1e9);
    return text;
}

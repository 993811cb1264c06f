/* An event's contract as C declarations, so that a new plugin fits the event without its header. See new_plugin.h. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "new_plugin.h"

#define WORD_MAX 32

/* ---- types that need no header but plugin.h --------------------------------------------------------------------- */

static bool is_known_word(const char *word)
{
    static const char *const known[] = {
        "bool",    "_Bool",    "char",     "short",    "int",      "long",    "float",     "double",
        "void",    "signed",   "unsigned", "const",    "int8_t",   "int16_t", "int32_t",   "int64_t",
        "uint8_t", "uint16_t", "uint32_t", "uint64_t", "intptr_t", "size_t",  "uintptr_t", "ptrdiff_t",
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i], word) == 0)
            return true;
    return false;
}

/* Words, spaces and stars; then perhaps "[N]" once. */
static bool is_known_type(const char *type)
{
    const char *at = type;
    char word[WORD_MAX];

    while (*at && *at != '[') {
        size_t len = strcspn(at, " *[");

        if (len == 0) {
            at++;
            continue;
        }
        if (len >= sizeof(word))
            return false;
        memcpy(word, at, len);
        word[len] = '\0';
        if (!is_known_word(word))
            return false;
        at += len;
    }
    if (*at == '[')
        at += 1 + strspn(at + 1, "0123456789");
    return at > type && (!*at || strcmp(at, "]") == 0);
}

static bool is_identifier(const char *name)
{
    if (!isalpha((unsigned char)*name) && *name != '_')
        return false;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && *name != '_')
            return false;
    return true;
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

static int by_offset(const void *a, const void *b)
{
    const hl_field *const *left = a, *const *right = b;

    return ((*left)->offset > (*right)->offset) - ((*left)->offset < (*right)->offset);
}

/* The fields in the order of their offsets; NULL when they cannot be one struct's members. */
static const hl_field **sort_fields(const hl_contract *contract)
{
    const hl_field **sorted = calloc(contract->fields_len + 1, sizeof(*sorted));
    uint64_t end = 0;

    if (!sorted)
        return NULL;
    for (size_t i = 0; i < contract->fields_len; i++)
        sorted[i] = &contract->fields[i];
    qsort(sorted, contract->fields_len, sizeof(*sorted), by_offset);
    for (size_t i = 0; i < contract->fields_len; i++) {
        const hl_field *field = sorted[i];

        if (field->offset < end || !is_known_type(field->type) || !is_identifier(field->name))
            goto bad;
        end = (uint64_t)field->offset + field->size;
    }
    if (contract->fields_len > 0 && end <= contract->state_size)
        return sorted;
bad:
    free(sorted);
    return NULL;
}

static void write_gap(FILE *out, uint64_t from, uint64_t to)
{
    if (to > from)
        fprintf(out, "    unsigned char hidden_%llu[%llu];\n", (unsigned long long)from,
                (unsigned long long)(to - from));
}

static void write_member(FILE *out, const hl_field *field)
{
    size_t base = strcspn(field->type, "[");
    bool pointer = base > 0 && field->type[base - 1] == '*';

    fprintf(out, "    %.*s%s%s%s;\n", (int)base, field->type, pointer ? "" : " ", field->name, field->type + base);
}

static void write_struct(FILE *out, const hl_contract *contract, const hl_field *const *sorted, const char *id)
{
    uint64_t end = 0;

    fprintf(out, "struct %s_state {\n", id);
    for (size_t i = 0; i < contract->fields_len; i++) {
        write_gap(out, end, sorted[i]->offset);
        write_member(out, sorted[i]);
        end = (uint64_t)sorted[i]->offset + sorted[i]->size;
    }
    write_gap(out, end, contract->state_size);
    fprintf(out, "};\n_Static_assert(sizeof(struct %s_state) == %llu, \"the state has its server's size\");\n\n", id,
            (unsigned long long)contract->state_size);
}

static void write_event(FILE *out, const hl_contract *contract, const char *id)
{
    fprintf(out, "HL_TYPED_EVENT(%s, EVENT_NAME, struct %s_state", id, id);
    for (size_t i = 0; i < contract->fields_len; i++)
        fprintf(out, ",\n               HL_FIELD(struct %s_state, %s, %s)", id, contract->fields[i].type,
                contract->fields[i].name);
    fprintf(out, ")\n");
}

char *contract_as_c(const hl_contract *contract, const char *id)
{
    const hl_field **sorted = sort_fields(contract);
    char *text = NULL;
    size_t len;
    FILE *out = sorted ? open_memstream(&text, &len) : NULL;

    if (out) {
        write_struct(out, contract, sorted, id);
        write_event(out, contract, id);
        if (fclose(out) != 0) {
            free(text);
            text = NULL;
        }
    }
    free(sorted);
    return text;
}

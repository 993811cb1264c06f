/* The hash of a contract, and the explanation of how two contracts differ. Both look at the same things: the state's
 * size, and each field's name, type, offset and size, in whatever order the fields are listed. */
#include "core/contract.h"

#include <stdio.h>
#include <string.h>

#include "core/error.h"

#define FNV_BASIS UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

static uint64_t hash_byte(uint64_t hash, unsigned char byte)
{
    return (hash ^ byte) * FNV_PRIME;
}

/* Byte by byte from the low end, so that the hash in a store means the same on every machine. */
static uint64_t hash_number(uint64_t hash, uint64_t number)
{
    for (int i = 0; i < 8; i++)
        hash = hash_byte(hash, (unsigned char)(number >> (8 * i)));
    return hash;
}

/* With its end mark, so that the border between two strings counts. */
static uint64_t hash_string(uint64_t hash, const char *string)
{
    size_t len = strlen(string);

    for (size_t i = 0; i <= len; i++)
        hash = hash_byte(hash, (unsigned char)string[i]);
    return hash;
}

static uint64_t hash_field(const hl_field *field)
{
    uint64_t hash = FNV_BASIS;

    hash = hash_string(hash, field->name);
    hash = hash_string(hash, field->type);
    hash = hash_number(hash, field->offset);
    return hash_number(hash, field->size);
}

/* Rows are summed: their order is a matter of taste, not of the ABI. */
uint64_t hl_contract_hash(const hl_contract *contract)
{
    uint64_t rows = 0;
    uint64_t hash;

    for (size_t i = 0; i < contract->fields_len; i++)
        rows += hash_field(&contract->fields[i]);
    hash = hash_number(FNV_BASIS, contract->state_size);
    hash = hash_number(hash, contract->fields_len);
    hash = hash_number(hash, rows);
    return hash ? hash : 1;
}

/* Room for the differences that still leaves hl__fail's message its first and last sentence. */
#define TEXT_MAX 560
#define DIFFERENCE_MAX 260

typedef struct differences {
    size_t len;
    size_t count;
    size_t left_out;
    char text[TEXT_MAX];
} differences;

static void differ(differences *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void differ(differences *out, const char *format, ...)
{
    char line[DIFFERENCE_MAX];
    const char *mark = out->count ? "; " : "";
    va_list args;
    size_t need;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    out->count++;
    need = strlen(mark) + strlen(line);
    if (out->left_out || out->len + need >= sizeof(out->text)) {
        out->left_out++;
        return;
    }
    memcpy(out->text + out->len, mark, strlen(mark));
    memcpy(out->text + out->len + strlen(mark), line, strlen(line) + 1);
    out->len += need;
}

static const hl_field *find_field(const hl_contract *contract, const char *name)
{
    for (size_t i = 0; i < contract->fields_len; i++)
        if (strcmp(contract->fields[i].name, name) == 0)
            return &contract->fields[i];
    return NULL;
}

static void compare_field(differences *out, const hl_field *event, const hl_field *plugin)
{
    if (!plugin) {
        differ(out, "the plugin lacks field '%.64s'", event->name);
        return;
    }
    if (strcmp(event->type, plugin->type) != 0)
        differ(out, "field '%.64s' is of type %.64s in the event, %.64s in the plugin", event->name, event->type,
               plugin->type);
    if (event->offset != plugin->offset)
        differ(out, "field '%.64s' is at offset %u in the event, %u in the plugin", event->name, event->offset,
               plugin->offset);
    if (event->size != plugin->size)
        differ(out, "field '%.64s' has %u bytes in the event, %u in the plugin", event->name, event->size,
               plugin->size);
}

static void compare_fields(differences *out, const hl_contract *event, const hl_contract *plugin)
{
    for (size_t i = 0; i < event->fields_len; i++)
        compare_field(out, &event->fields[i], find_field(plugin, event->fields[i].name));
    for (size_t i = 0; i < plugin->fields_len; i++)
        if (!find_field(event, plugin->fields[i].name))
            differ(out, "the event lacks the plugin's field '%.64s'", plugin->fields[i].name);
}

hl_status hl__contract_compare(const hl_contract *event, const hl_contract *plugin, const char *event_name,
                               const char *plugin_name)
{
    differences found = {0};
    char more[48] = "";

    if (!event || !plugin || hl_contract_hash(event) == hl_contract_hash(plugin))
        return HL_OK;
    if (event->state_size != plugin->state_size)
        differ(&found, "the state has %llu bytes in the event, %llu in the plugin",
               (unsigned long long)event->state_size, (unsigned long long)plugin->state_size);
    compare_fields(&found, event, plugin);
    if (!found.count)
        differ(&found, "one of them lists a field more than once");
    if (found.left_out)
        snprintf(more, sizeof(more), "; and %zu differences more", found.left_out);
    return hl__fail(HL_ERR_CONTRACT, "compare contracts", "contract",
                    "Plugin '%.120s' was built for another contract of event '%.120s': %s%s. "
                    "Build the plugin again with the event's current header.",
                    plugin_name, event_name, found.text, more);
}

/* Making, sharing and comparing records. Used by every room that handles plugins. */
#include "core/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/error.h"

/* ---- one block for a struct and its strings ---- */

typedef struct arena {
    char *next;
} arena;

static const char *put(arena *block, const char *text)
{
    size_t length = strlen(text ? text : "") + 1;
    char *copy = block->next;

    memcpy(copy, text ? text : "", length);
    block->next += length;
    return copy;
}

static size_t text_bytes(const char *text)
{
    return strlen(text ? text : "") + 1;
}

/* ---- plugin records ---- */

static size_t record_bytes(const hl__record *from)
{
    size_t bytes = sizeof(hl__record) + (from->depends_len + 1) * sizeof(char *);

    for (size_t i = 0; i < from->depends_len; i++)
        bytes += text_bytes(from->depends[i]);
    return bytes + text_bytes(from->name) + text_bytes(from->event) + text_bytes(from->extension) +
           text_bytes(from->extra) + text_bytes(from->library) + text_bytes(from->library_stamp) +
           text_bytes(from->version) + text_bytes(from->isolation) + text_bytes(from->asked) + text_bytes(from->hold);
}

hl__record *hl__record_new(const hl__record *from)
{
    hl__record *record = malloc(record_bytes(from));
    const char **depends;
    arena block;

    if (!record)
        return NULL;
    /* all but refs, which other threads change meanwhile */
    memcpy(record->id, from->id, sizeof(*record) - offsetof(hl__record, id));
    record->refs = 1;
    depends = (const char **)(record + 1);
    block.next = (char *)(depends + from->depends_len + 1);
    for (size_t i = 0; i < from->depends_len; i++)
        depends[i] = put(&block, from->depends[i]);
    depends[from->depends_len] = NULL;
    record->depends = depends;
    record->name = put(&block, from->name);
    record->event = put(&block, from->event);
    record->extension = put(&block, from->extension);
    record->extra = put(&block, from->extra);
    record->library = put(&block, from->library);
    record->library_stamp = put(&block, from->library_stamp);
    record->version = put(&block, from->version);
    record->isolation = put(&block, from->isolation);
    record->asked = put(&block, from->asked);
    record->hold = put(&block, from->hold);
    return record;
}

hl__record *hl__record_ref(const hl__record *record)
{
    hl__record *shared = (hl__record *)(uintptr_t)record;

    __atomic_add_fetch(&shared->refs, 1, __ATOMIC_RELAXED);
    return shared;
}

void hl__record_unref(const hl__record *record)
{
    hl__record *shared = (hl__record *)(uintptr_t)record;

    if (shared && __atomic_sub_fetch(&shared->refs, 1, __ATOMIC_ACQ_REL) == 0)
        free(shared);
}

static bool same_depends(const hl__record *a, const hl__record *b)
{
    if (a->depends_len != b->depends_len)
        return false;
    for (size_t i = 0; i < a->depends_len; i++) {
        if (strcmp(a->depends[i], b->depends[i]) != 0)
            return false;
    }
    return true;
}

bool hl__record_same(const hl__record *a, const hl__record *b)
{
    return strcmp(a->id, b->id) == 0 && strcmp(a->name, b->name) == 0 && strcmp(a->event, b->event) == 0 &&
           strcmp(a->extension, b->extension) == 0 && strcmp(a->extra, b->extra) == 0 && same_depends(a, b) &&
           a->priority == b->priority && a->status == b->status && strcmp(a->library, b->library) == 0 &&
           strcmp(a->library_stamp, b->library_stamp) == 0 && strcmp(a->version, b->version) == 0 &&
           a->contract_hash == b->contract_hash && strcmp(a->isolation, b->isolation) == 0 &&
           strcmp(a->asked, b->asked) == 0 && strcmp(a->hold, b->hold) == 0;
}

/* ---- statuses as words ---- */

static const char *const status_words[] = {
    [HL_REGISTERED] = "registered", [HL_STARTED] = "started", [HL_RESTARTED] = "restarted",
    [HL_STOPPED] = "stopped",       [HL_HELD] = "held",
};
#define STATUS_WORDS (sizeof(status_words) / sizeof(status_words[0]))

const char *hl__status_word(hl_plugin_status status)
{
    return (size_t)status < STATUS_WORDS && status_words[status] ? status_words[status] : "unknown";
}

hl_plugin_status hl__status_of_word(const char *word)
{
    for (size_t i = 1; i < STATUS_WORDS; i++) {
        if (strcmp(word, status_words[i]) == 0)
            return (hl_plugin_status)i;
    }
    return (hl_plugin_status)0;
}

/* ---- event definitions ---- */

static size_t contract_bytes(const hl_contract *contract)
{
    size_t bytes = sizeof(hl_contract) + contract->fields_len * sizeof(hl_field) + text_bytes(contract->type);

    for (size_t i = 0; i < contract->fields_len; i++)
        bytes += text_bytes(contract->fields[i].name) + text_bytes(contract->fields[i].type);
    return bytes;
}

static const hl_contract *put_contract(arena *block, const hl_contract *from)
{
    hl_contract *contract = (hl_contract *)block->next;
    hl_field *fields = (hl_field *)(contract + 1);

    block->next = (char *)(fields + from->fields_len);
    memset(contract, 0, sizeof(*contract));
    memcpy(contract, from, from->size < sizeof(*contract) ? from->size : sizeof(*contract));
    contract->size = sizeof(hl_contract);
    contract->type = put(block, from->type);
    contract->fields = fields;
    for (size_t i = 0; i < from->fields_len; i++) {
        fields[i] = from->fields[i];
        fields[i].name = put(block, from->fields[i].name);
        fields[i].type = put(block, from->fields[i].type);
    }
    return contract;
}

hl__event_def *hl__event_def_new(const char *name, unsigned flags, const hl_contract *contract)
{
    size_t bytes = sizeof(hl__event_def) + text_bytes(name) + (contract ? contract_bytes(contract) : 0);
    hl__event_def *def = malloc(bytes);
    arena block;

    if (!def)
        return NULL;
    *def = (hl__event_def){.refs = 1, .flags = flags};
    block.next = (char *)(def + 1);
    if (contract) {
        def->contract = put_contract(&block, contract);
        def->contract_hash = hl_contract_hash(contract);
        def->has_codec = def->contract->codec != NULL;
    }
    def->name = put(&block, name);
    return def;
}

bool hl__event_def_carries_alike(const hl__event_def *a, const hl__event_def *b)
{
    const hl_contract *left = a ? a->contract : NULL, *right = b ? b->contract : NULL;

    if (!left || !right)
        return left == right;
    return a->contract_hash == b->contract_hash && a->has_codec == b->has_codec && left->codec == right->codec &&
           left->meta_size == right->meta_size;
}

hl__event_def *hl__event_def_ref(const hl__event_def *def)
{
    hl__event_def *shared = (hl__event_def *)(uintptr_t)def;

    __atomic_add_fetch(&shared->refs, 1, __ATOMIC_RELAXED);
    return shared;
}

void hl__event_def_unref(const hl__event_def *def)
{
    hl__event_def *shared = (hl__event_def *)(uintptr_t)def;

    if (shared && __atomic_sub_fetch(&shared->refs, 1, __ATOMIC_ACQ_REL) == 0)
        free(shared);
}

/* ---- identity ---- */

hl_status hl__uuid_new(char out[HL__UUID_TEXT])
{
    unsigned char raw[16];

    if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
        return hl__fail(HL_ERR_SYSTEM, "uuid", "", "The system gave no random bytes.");
    raw[6] = (unsigned char)((raw[6] & 0x0f) | 0x40);
    raw[8] = (unsigned char)((raw[8] & 0x3f) | 0x80);
    for (size_t i = 0, at = 0; i < sizeof(raw); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out[at++] = '-';
        snprintf(out + at, 3, "%02x", raw[i]);
        at += 2;
    }
    return HL_OK;
}

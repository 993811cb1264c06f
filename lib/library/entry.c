/* Copies hookline_plugin, its specs and their contracts out of a library file, following pointers the way the dynamic
 * linker will set them. The file is untrusted: every address, count and string is checked. Called by hl__library_read.
 *
 * Struct sizes: an ABI number fixes the meaning of what it has; a struct may grow at its end within one ABI. So a
 * larger one is read as far as this build knows it, and a smaller one is refused; the entry and contracts, which have
 * grown within this ABI, may have their first size. */
#include "library/entry.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"

#define STRUCT_MAX 4096
#define NAME_MAX_LEN 255
#define OPTIONAL_MARK 1 /* the byte before an optional dependency's name */
#define EXTRA_MAX_LEN 65536
#define SPECS_MAX 4096
#define DEPENDS_MAX 255
#define FIELDS_MAX 1024
#define COPIED_MAX (UINT64_C(16) << 20)
#define CONTRACT_SIZE_LEAST offsetof(hl_contract, codec) /* bytes: before states could be carried to workers */

struct hl__entry_block {
    struct hl__entry_block *next;
    max_align_t data[];
};

/* Where the reading is, for messages: "specs[3].contract.fields[2].name". */
typedef struct place {
    hl__entry *entry;
    const hl__elf *elf;
    const char *text;
} place;

static hl_status fail(const place *at, hl_status status, const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static hl_status fail(const place *at, hl_status status, const char *field, const char *format, ...)
{
    char path[128];
    char message[512];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    snprintf(path, sizeof(path), "%s%s%s", at->text, at->text[0] ? "." : "", field);
    return hl__fail(status, HL__ELF_ACTION, path, "%s: %s %s", at->elf->path, path, message);
}

static void *allocate(hl__entry *entry, size_t len)
{
    struct hl__entry_block *block = (struct hl__entry_block *)calloc(1, sizeof(*block) + len);

    if (!block)
        return NULL;
    block->next = entry->blocks;
    entry->blocks = block;
    return block->data;
}

/* Many records may point at one large piece of the file: what is copied is limited as a whole. */
static hl_status take(const place *at, const char *field, size_t len, void **out)
{
    if (len > COPIED_MAX - at->entry->used_bytes)
        return fail(at, HL_ERR_LIMIT, field, "brings the records of the library over %llu bytes.",
                    (unsigned long long)COPIED_MAX);
    at->entry->used_bytes += len;
    *out = allocate(at->entry, len);
    return *out ? HL_OK : hl__fail_memory(HL__ELF_ACTION);
}

/* Reads the pointer at an address; *target is 0 for NULL. */
static hl_status follow(const place *at, const char *field, uint64_t address, uint64_t *target)
{
    hl__elf_pointer pointer = hl__elf_pointer_at(at->elf, address);

    *target = 0;
    switch (pointer.kind) {
    case HL__ELF_NULL:
        return HL_OK;
    case HL__ELF_INSIDE:
        *target = pointer.address;
        if (hl__elf_room(at->elf, pointer.address))
            return HL_OK;
        return fail(at, HL_ERR_INVALID, field, "points to memory that has no content in the file; make it constant.");
    case HL__ELF_OUTSIDE:
        return fail(at, HL_ERR_INVALID, field, "points into another library; it must be constant data of this one.");
    case HL__ELF_COMPUTED:
        return fail(at, HL_ERR_INVALID, field, "is computed when the library is loaded; it must be constant data.");
    case HL__ELF_FIXED:
        break;
    }
    return fail(at, HL_ERR_INVALID, field, "is a number, not an address in the library.");
}

static hl_status copy_string(const place *at, const char *field, uint64_t address, size_t max, const char **out)
{
    size_t len = 0;
    const char *string = hl__elf_string(at->elf, address, max, &len);
    void *copy = NULL;
    hl_status status;

    if (!string)
        return fail(at, HL_ERR_INVALID, field, "is no string of at most %zu bytes.", max);
    status = take(at, field, len + 1, &copy);
    if (status != HL_OK)
        return status;
    memcpy(copy, string, len);
    *out = (const char *)copy;
    return HL_OK;
}

/* The string that the pointer at `address` points to; *out is left alone for NULL. */
static hl_status read_string(const place *at, const char *field, uint64_t address, size_t max, const char **out)
{
    uint64_t target;
    hl_status status = follow(at, field, address, &target);

    return status == HL_OK && target ? copy_string(at, field, target, max, out) : status;
}

static hl_status read_required(const place *at, const char *field, uint64_t address, const char **out)
{
    hl_status status = read_string(at, field, address, NAME_MAX_LEN, out);

    return status == HL_OK && !*out ? fail(at, HL_ERR_INVALID, field, "is missing.") : status;
}

/* Fields are read by name, so that a larger struct of a newer build is read alike. */
#define READ_NUMBER(elf, address, type, member, out)                                                                   \
    memcpy((out),                                                                                                      \
           (const char *)hl__elf_at((elf), (address), offsetof(type, member) + sizeof(*(out))) +                       \
               offsetof(type, member),                                                                                 \
           sizeof(*(out)))

static hl_status read_field(const place *parent, uint64_t address, size_t index, hl_field *out)
{
    char text[96];
    place at = {parent->entry, parent->elf, text};
    hl_status status;

    snprintf(text, sizeof(text), "%s.fields[%zu]", parent->text, index);
    if (!hl__elf_at(at.elf, address, sizeof(*out)))
        return fail(parent, HL_ERR_INVALID, "fields", "ends in the middle of a field.");
    READ_NUMBER(at.elf, address, hl_field, offset, &out->offset);
    READ_NUMBER(at.elf, address, hl_field, size, &out->size);
    status = read_required(&at, "name", address + offsetof(hl_field, name), &out->name);
    if (status == HL_OK)
        status = read_required(&at, "type", address + offsetof(hl_field, type), &out->type);
    return status;
}

static hl_status read_fields(const place *at, uint64_t address, hl_contract *contract)
{
    uint64_t target;
    void *fields = NULL;
    hl_status status = follow(at, "fields", address + offsetof(hl_contract, fields), &target);

    READ_NUMBER(at->elf, address, hl_contract, fields_len, &contract->fields_len);
    if (status != HL_OK || contract->fields_len == 0)
        return status;
    if (!target || contract->fields_len > FIELDS_MAX)
        return fail(at, HL_ERR_INVALID, "fields", "must have the %zu fields it promises, of at most %d.",
                    contract->fields_len, FIELDS_MAX);
    status = take(at, "fields", contract->fields_len * sizeof(hl_field), &fields);
    for (size_t i = 0; status == HL_OK && i < contract->fields_len; i++)
        status = read_field(at, target + i * sizeof(hl_field), i, (hl_field *)fields + i);
    contract->fields = (const hl_field *)fields;
    return status;
}

static hl_status check_struct(const place *at, const char *field, uint64_t size, uint64_t least)
{
    if (size >= least && size <= STRUCT_MAX && size % sizeof(void *) == 0)
        return HL_OK;
    return fail(at, HL_ERR_ABI, field,
                "is %llu bytes, this Hookline knows %llu. Build the library again with this Hookline's headers.",
                (unsigned long long)size, (unsigned long long)least);
}

/* The codec is code, and of no use outside the library: only whoever maps it has one. */
static hl_status read_meta_size(const place *at, uint64_t address, hl_contract *contract)
{
    bool has = contract->size >= sizeof(*contract);

    if (has && !hl__elf_at(at->elf, address, sizeof(*contract)))
        return fail(at, HL_ERR_INVALID, "size", "reaches beyond the file's data.");
    if (has)
        READ_NUMBER(at->elf, address, hl_contract, meta_size, &contract->meta_size);
    contract->size = sizeof(*contract);
    return HL_OK;
}

static hl_status read_contract(const place *parent, uint64_t address, const hl_contract **out)
{
    char text[64];
    place at = {parent->entry, parent->elf, text};
    void *copy = NULL;
    hl_contract *contract;
    hl_status status;

    snprintf(text, sizeof(text), "%s.contract", parent->text);
    if (!hl__elf_at(at.elf, address, CONTRACT_SIZE_LEAST))
        return fail(parent, HL_ERR_INVALID, "contract", "is not whole in the file.");
    status = take(parent, "contract", sizeof(*contract), &copy);
    if (status != HL_OK)
        return status;
    contract = (hl_contract *)copy;
    READ_NUMBER(at.elf, address, hl_contract, size, &contract->size);
    READ_NUMBER(at.elf, address, hl_contract, state_size, &contract->state_size);
    status = check_struct(&at, "size", contract->size, CONTRACT_SIZE_LEAST);
    if (status == HL_OK)
        status = read_meta_size(&at, address, contract);
    if (status == HL_OK)
        status = read_required(&at, "type", address + offsetof(hl_contract, type), &contract->type);
    if (status == HL_OK)
        status = read_fields(&at, address, contract);
    *out = contract;
    return status;
}

static hl_status count_depends(const place *at, uint64_t address, size_t *len)
{
    for (*len = 0; *len <= DEPENDS_MAX; ++*len) {
        uint64_t word = address + *len * sizeof(hl__elf_address);

        if (!hl__elf_at(at->elf, word, sizeof(hl__elf_address)))
            return fail(at, HL_ERR_INVALID, "depends", "does not end with NULL.");
        if (hl__elf_pointer_at(at->elf, word).kind == HL__ELF_NULL)
            return HL_OK;
    }
    return fail(at, HL_ERR_INVALID, "depends", "has more than %d names, or does not end with NULL.", DEPENDS_MAX);
}

static hl_status read_depends(const place *at, uint64_t address, const char *const **out)
{
    size_t len;
    void *copy = NULL;
    const char **names;
    hl_status status = count_depends(at, address, &len);

    if (status == HL_OK)
        status = take(at, "depends", (len + 1) * sizeof(*names), &copy);
    if (status != HL_OK)
        return status;
    names = (const char **)copy;
    for (size_t i = 0; status == HL_OK && i < len; i++)
        status =
            read_string(at, "depends", address + i * sizeof(hl__elf_address), NAME_MAX_LEN + OPTIONAL_MARK, &names[i]);
    *out = (const char *const *)names;
    return status;
}

static hl_status read_strings(const place *at, uint64_t address, hl_plugin_spec *spec)
{
    hl_status status = read_required(at, "name", address + offsetof(hl_plugin_spec, name), &spec->name);

    if (status == HL_OK)
        status = read_required(at, "event", address + offsetof(hl_plugin_spec, event), &spec->event);
    if (status == HL_OK)
        status =
            read_string(at, "extension", address + offsetof(hl_plugin_spec, extension), NAME_MAX_LEN, &spec->extension);
    if (status == HL_OK)
        status = read_string(at, "extra", address + offsetof(hl_plugin_spec, extra), EXTRA_MAX_LEN, &spec->extra);
    if (status == HL_OK && !spec->extension)
        spec->extension = at->entry->name;
    return status;
}

/* Functions may come from anywhere; whether there is one is all that can be known. */
static hl_status check_call(const place *at, uint64_t address)
{
    hl__elf_kind kind = hl__elf_pointer_at(at->elf, address + offsetof(hl_plugin_spec, call)).kind;

    if (kind != HL__ELF_NULL && kind != HL__ELF_FIXED)
        return HL_OK;
    return fail(at, HL_ERR_INVALID, "call", "is missing; a plugin needs its function.");
}

/* Specs of a library usually share their events' contracts: each is copied once. */
static const hl_contract *copied_contract(const hl__entry *entry, const uint64_t *addresses, size_t len,
                                          uint64_t address)
{
    for (size_t i = len; i-- > 0;)
        if (addresses[i] == address)
            return entry->specs[i].contract;
    return NULL;
}

static hl_status take_contract(const place *at, uint64_t address, size_t index, uint64_t *addresses)
{
    hl_plugin_spec *spec = &at->entry->specs[index];
    uint64_t *target = &addresses[index];
    hl_status status = follow(at, "contract", address + offsetof(hl_plugin_spec, contract), target);

    if (status != HL_OK || !*target)
        return status;
    spec->contract = copied_contract(at->entry, addresses, index, *target);
    return spec->contract ? HL_OK : read_contract(at, *target, &spec->contract);
}

static hl_status read_spec(const place *parent, uint64_t address, size_t index, uint64_t *contracts)
{
    char text[32];
    place at = {parent->entry, parent->elf, text};
    hl_plugin_spec *spec = &at.entry->specs[index];
    uint64_t depends;
    hl_status status;

    snprintf(text, sizeof(text), "specs[%zu]", index);
    spec->size = sizeof(*spec);
    READ_NUMBER(at.elf, address, hl_plugin_spec, priority, &spec->priority);
    status = read_strings(&at, address, spec);
    if (status == HL_OK)
        status = check_call(&at, address);
    if (status == HL_OK)
        status = follow(&at, "depends", address + offsetof(hl_plugin_spec, depends), &depends);
    if (status == HL_OK && depends)
        status = read_depends(&at, depends, &spec->depends);
    return status == HL_OK ? take_contract(&at, address, index, contracts) : status;
}

/* The first spec's size is the distance between all of them. */
static hl_status read_distance(const place *at, uint64_t address, uint64_t *distance)
{
    size_t size;

    if (!hl__elf_at(at->elf, address, sizeof(hl_plugin_spec)))
        return fail(at, HL_ERR_INVALID, "specs", "is not whole in the file.");
    READ_NUMBER(at->elf, address, hl_plugin_spec, size, &size);
    *distance = size;
    return check_struct(at, "specs[0].size", size, sizeof(hl_plugin_spec));
}

static hl_status check_spec_place(const place *at, uint64_t address, size_t index, uint64_t distance)
{
    char text[48];
    size_t size;

    snprintf(text, sizeof(text), "specs[%zu].size", index);
    if (!hl__elf_at(at->elf, address, distance))
        return fail(at, HL_ERR_INVALID, "specs_len", "is %zu, but the file has only %zu specs.", at->entry->specs_len,
                    index);
    READ_NUMBER(at->elf, address, hl_plugin_spec, size, &size);
    if (size == distance)
        return HL_OK;
    return fail(at, HL_ERR_ABI, text, "is %zu, that of the first is %llu; all must be alike.", size,
                (unsigned long long)distance);
}

static hl_status read_each_spec(const place *at, uint64_t address, uint64_t distance)
{
    uint64_t *contracts = (uint64_t *)calloc(at->entry->specs_len, sizeof(*contracts));
    hl_status status = contracts ? HL_OK : hl__fail_memory(HL__ELF_ACTION);

    for (size_t i = 0; status == HL_OK && i < at->entry->specs_len; i++, address += distance) {
        status = check_spec_place(at, address, i, distance);
        if (status == HL_OK)
            status = read_spec(at, address, i, contracts);
    }
    free(contracts);
    return status;
}

static hl_status read_specs(const place *at, uint64_t address)
{
    hl__entry *entry = at->entry;
    uint64_t target;
    uint64_t distance = 0;
    void *specs = NULL;
    hl_status status = follow(at, "specs", address + offsetof(hl_plugin_entry, specs), &target);

    READ_NUMBER(at->elf, address, hl_plugin_entry, specs_len, &entry->specs_len);
    if (status != HL_OK)
        return status;
    if (entry->specs_len == 0 || entry->specs_len > SPECS_MAX)
        return fail(at, HL_ERR_INVALID, "specs_len", "is %zu; a library has 1 to %d plugins.", entry->specs_len,
                    SPECS_MAX);
    if (!target)
        return fail(at, HL_ERR_INVALID, "specs", "is missing.");
    status = read_distance(at, target, &distance);
    if (status == HL_OK)
        status = take(at, "specs", entry->specs_len * sizeof(*entry->specs), &specs);
    entry->specs = (hl_plugin_spec *)specs;
    return status == HL_OK ? read_each_spec(at, target, distance) : status;
}

static hl_status fail_abi(const hl__elf *elf, uint32_t abi)
{
    return hl__fail(HL_ERR_ABI, HL__ELF_ACTION, "abi",
                    "%s is built for Hookline ABI %u, this is ABI %d. Build the library again with this Hookline's "
                    "headers.",
                    elf->path, abi, HL_ABI);
}

/* Size and ABI number are where every ABI has them; the rest is looked at only when they fit. */
static hl_status check_entry(const place *at, uint64_t address)
{
    uint32_t head[2];
    const void *bytes = hl__elf_at(at->elf, address, sizeof(head));
    hl_status status;

    if (!bytes)
        return hl__fail(HL_ERR_NO_ENTRY, HL__ELF_ACTION, HL__ENTRY_SYMBOL,
                        "%s exports " HL__ENTRY_SYMBOL " without content in the file, so code makes it when the "
                        "library is loaded; it must be constant data (HL_PLUGIN_LIBRARY).",
                        at->elf->path);
    memcpy(head, bytes, sizeof(head));
    if (head[1] != HL_ABI)
        return fail_abi(at->elf, head[1]);
    status = check_struct(at, "size", head[0], HL__ENTRY_SIZE_LEAST);
    if (status == HL_OK && !hl__elf_at(at->elf, address, head[0]))
        return fail(at, HL_ERR_TRUNCATED, "size", "reaches beyond the file's data.");
    at->entry->abi = head[1];
    return status;
}

static hl_status fail_no_entry(const hl__elf *elf)
{
    return hl__fail(HL_ERR_NO_ENTRY, HL__ELF_ACTION, HL__ENTRY_SYMBOL,
                    "%s exports no data named " HL__ENTRY_SYMBOL
                    ". Add HL_PLUGIN_LIBRARY(name, version, specs), and see "
                    "that no linker script or version script hides it.",
                    elf->path);
}

hl_status hl__entry_read(hl__entry *entry, const hl__elf *elf)
{
    place at = {entry, elf, ""};
    uint64_t address;
    hl_status status;

    memset(entry, 0, sizeof(*entry));
    if (!hl__elf_symbol(elf, HL__ENTRY_SYMBOL, &address))
        return fail_no_entry(elf);
    status = check_entry(&at, address);
    if (status == HL_OK)
        status = read_required(&at, "name", address + offsetof(hl_plugin_entry, name), &entry->name);
    if (status == HL_OK)
        status =
            read_string(&at, "version", address + offsetof(hl_plugin_entry, version), NAME_MAX_LEN, &entry->version);
    if (status == HL_OK && !entry->version)
        entry->version = "";
    return status == HL_OK ? read_specs(&at, address) : status;
}

void hl__entry_cleanup(hl__entry *entry)
{
    while (entry->blocks) {
        struct hl__entry_block *next = entry->blocks->next;

        free(entry->blocks);
        entry->blocks = next;
    }
}

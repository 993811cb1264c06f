/* Copies hookline_module out of a file, following pointers the way the dynamic linker will set them. The file is
 * untrusted: every address, count and text is checked. Called for every piece of code before it is kept. */
#include "module/elf_entry.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/validate.h"
#include "library/elf.h"

#define TEXT_MAX 255
#define ENTRY_MAX 4096 /* bytes: within one ABI the entry may grow at its end */

/* Where the reading is, for messages: "functions[3].name". */
typedef struct place {
    const hl__elf *elf;
    const char *text;
} place;

static hl_status fail(const place *at, hl_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

static hl_status fail(const place *at, hl_status status, const char *format, ...)
{
    char message[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    return hl__fail(status, HL__ELF_ACTION, at->text, "%s: %s of " HL__MODULE_SYMBOL " %s", at->elf->path, at->text,
                    message);
}

/* Reads the pointer at an address; *target is 0 for NULL. */
static hl_status follow(const place *at, uint64_t address, uint64_t *target)
{
    hl__elf_pointer pointer = hl__elf_pointer_at(at->elf, address);

    *target = 0;
    if (pointer.kind == HL__ELF_NULL)
        return HL_OK;
    if (pointer.kind != HL__ELF_INSIDE || !hl__elf_room(at->elf, pointer.address))
        return fail(at, HL_ERR_INVALID, "must be constant data of this file.");
    *target = pointer.address;
    return HL_OK;
}

/* *out stays NULL for NULL. */
static hl_status read_text(const place *at, uint64_t address, char **out)
{
    uint64_t target;
    size_t len = 0;
    const char *text;
    hl_status status = follow(at, address, &target);

    if (status != HL_OK || !target)
        return status;
    text = hl__elf_string(at->elf, target, TEXT_MAX, &len);
    if (!text)
        return fail(at, HL_ERR_INVALID, "is no text of at most %d bytes.", TEXT_MAX);
    *out = strndup(text, len);
    return *out ? HL_OK : hl__fail_memory(HL__ELF_ACTION);
}

static hl_status read_required(const place *at, uint64_t address, char **out)
{
    hl_status status = read_text(at, address, out);

    if (status != HL_OK)
        return status;
    return *out ? hl__check_name(HL__ELF_ACTION, at->text, *out) : fail(at, HL_ERR_INVALID, "is missing.");
}

static hl_status read_optional(const place *at, uint64_t address, char **out)
{
    hl_status status = read_text(at, address, out);

    if (status != HL_OK)
        return status;
    if (*out && **out)
        return hl__check_name(HL__ELF_ACTION, at->text, *out);
    free(*out);
    *out = strdup("");
    return *out ? HL_OK : hl__fail_memory(HL__ELF_ACTION);
}

/* ---- functions --------------------------------------------------------------------------------------------------- */

static hl_status check_once(const place *at, const hl__code_document *out, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(out->functions[i].name, out->functions[index].name) == 0)
            return fail(at, HL_ERR_INVALID, "is \"%s\", as that of function %zu; each name may be there once.",
                        out->functions[i].name, i);
    }
    return HL_OK;
}

/* The function itself may come from anywhere; whether there is one is all that can be known. */
static hl_status check_call(const hl__elf *elf, uint64_t address, size_t index)
{
    hl__elf_kind kind = hl__elf_pointer_at(elf, address + offsetof(hl_module_function, call)).kind;
    char text[48];

    if (kind != HL__ELF_NULL && kind != HL__ELF_FIXED)
        return HL_OK;
    snprintf(text, sizeof(text), "functions[%zu].call", index);
    return fail(&(place){elf, text}, HL_ERR_INVALID, "is missing; give the function.");
}

static hl_status read_function(const hl__elf *elf, uint64_t address, size_t index, hl__code_document *out)
{
    char name[48], doc[48];
    hl_status status;

    snprintf(name, sizeof(name), "functions[%zu].name", index);
    snprintf(doc, sizeof(doc), "functions[%zu].doc", index);
    if (!hl__elf_at(elf, address, sizeof(hl_module_function)))
        return fail(&(place){elf, "functions_len"}, HL_ERR_INVALID, "promises more than the file's %zu functions.",
                    index);
    status =
        read_required(&(place){elf, name}, address + offsetof(hl_module_function, name), &out->functions[index].name);
    if (status == HL_OK)
        status = check_once(&(place){elf, name}, out, index);
    if (status == HL_OK)
        status = check_call(elf, address, index);
    if (status == HL_OK)
        status =
            read_optional(&(place){elf, doc}, address + offsetof(hl_module_function, doc), &out->functions[index].doc);
    return status;
}

static hl_status read_functions(const hl__elf *elf, uint64_t address, size_t len, hl__code_document *out)
{
    place at = {elf, "functions"};
    uint64_t target;
    hl_status status = follow(&at, address, &target);

    if (status != HL_OK)
        return status;
    if (len == 0 || len > HL__MODULE_FUNCTIONS_MAX)
        return fail(&(place){elf, "functions_len"}, HL_ERR_INVALID, "is %zu; a module has 1 to %d functions.", len,
                    HL__MODULE_FUNCTIONS_MAX);
    if (!target)
        return fail(&at, HL_ERR_INVALID, "is missing.");
    out->functions = (hl__code_function *)calloc(len, sizeof(*out->functions));
    if (!out->functions)
        return hl__fail_memory(HL__ELF_ACTION);
    out->functions_len = len;
    for (size_t i = 0; status == HL_OK && i < len; i++)
        status = read_function(elf, target + i * sizeof(hl_module_function), i, out);
    return status;
}

/* ---- the entry --------------------------------------------------------------------------------------------------- */

static hl_status fail_no_entry(const hl__elf *elf)
{
    return hl__fail(HL_ERR_NO_ENTRY, HL__ELF_ACTION, HL__MODULE_SYMBOL,
                    "%s exports no constant data named " HL__MODULE_SYMBOL
                    ". Add HL_MODULE(name, version, functions), and see that nothing hides it.",
                    elf->path);
}

/* Size and ABI number are where every ABI has them; the rest is looked at only when they fit. */
static hl_status check_entry(const hl__elf *elf, uint64_t address)
{
    const void *bytes = hl__elf_at(elf, address, 2 * sizeof(uint32_t));
    uint32_t head[2];

    if (!bytes)
        return fail_no_entry(elf);
    memcpy(head, bytes, sizeof(head));
    if (head[1] != HL_ABI)
        return fail(&(place){elf, "abi"}, HL_ERR_ABI,
                    "is %u, this Hookline's is %d. Build the module again with this Hookline's headers.", head[1],
                    HL_ABI);
    if (head[0] < sizeof(hl_module_entry) || head[0] > ENTRY_MAX || head[0] % sizeof(void *))
        return fail(&(place){elf, "size"}, HL_ERR_ABI,
                    "is %u, this Hookline knows %zu. Build the module again with this Hookline's headers.", head[0],
                    sizeof(hl_module_entry));
    if (!hl__elf_at(elf, address, head[0]))
        return fail(&(place){elf, "size"}, HL_ERR_TRUNCATED, "reaches beyond the file's data.");
    return HL_OK;
}

static hl_status read_entry(const hl__elf *elf, hl__code_document *out)
{
    uint64_t address;
    size_t len;
    hl_status status;

    if (!hl__elf_symbol(elf, HL__MODULE_SYMBOL, &address))
        return fail_no_entry(elf);
    status = check_entry(elf, address);
    if (status == HL_OK)
        status = read_required(&(place){elf, "name"}, address + offsetof(hl_module_entry, name), &out->name);
    if (status == HL_OK)
        status = hl__module_name_check(HL__ELF_ACTION, "name", out->name);
    if (status == HL_OK)
        status = read_optional(&(place){elf, "version"}, address + offsetof(hl_module_entry, version), &out->version);
    if (status != HL_OK)
        return status;
    memcpy(&len,
           (const char *)hl__elf_at(elf, address, sizeof(hl_module_entry)) + offsetof(hl_module_entry, functions_len),
           sizeof(len));
    return read_functions(elf, address + offsetof(hl_module_entry, functions), len, out);
}

hl_status hl__module_entry_read(const char *path, const void *bytes, size_t len, hl__code_document *out)
{
    hl__elf elf;
    hl_status status;

    memset(out, 0, sizeof(*out));
    status = hl__elf_open(&elf, path, bytes, len);
    if (status == HL_OK)
        status = read_entry(&elf, out);
    hl__elf_close(&elf);
    return status;
}

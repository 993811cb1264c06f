/* Checks of what callers hand in (RG-16, OD-01). Pure functions; used by every public verb. */
#include "core/validate.h"

#include <string.h>

#include "core/depends.h"
#include "core/error.h"

/* Length of the UTF-8 sequence at `text` if it is well formed and no control character, else 0. */
static size_t utf8_character(const unsigned char *text)
{
    size_t length;
    uint32_t code;

    if (text[0] < 0x80)
        return text[0] < 0x20 || text[0] == 0x7f ? 0 : 1;
    if ((text[0] & 0xe0) == 0xc0) {
        length = 2;
        code = text[0] & 0x1f;
    } else if ((text[0] & 0xf0) == 0xe0) {
        length = 3;
        code = text[0] & 0x0f;
    } else if ((text[0] & 0xf8) == 0xf0) {
        length = 4;
        code = text[0] & 0x07;
    } else {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (text[i] & 0x3f);
    }
    if (code < 0xa0 || (length == 3 && code < 0x800) || (length == 4 && code < 0x10000) || code > 0x10ffff ||
        (code >= 0xd800 && code <= 0xdfff))
        return 0;
    return length;
}

/* 0 when `text` is well-formed UTF-8 without control characters, else the 1-based place of the offending byte. */
static size_t bad_byte(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    while (*at) {
        size_t length = utf8_character(at);

        if (length == 0)
            return (size_t)(at - (const unsigned char *)text) + 1;
        at += length;
    }
    return 0;
}

hl_status hl__check_name(const char *action, const char *field, const char *name)
{
    size_t length, bad;

    if (!name)
        return hl__fail(HL_ERR_INVALID, action, field, "The %s is NULL; give a name of 1 to 255 bytes.", field);
    length = strnlen(name, HL__NAME_MAX + 1);
    if (length == 0)
        return hl__fail(HL_ERR_INVALID, action, field, "The %s is empty; give a name of 1 to 255 bytes.", field);
    if (length > HL__NAME_MAX)
        return hl__fail(HL_ERR_INVALID, action, field, "The %s is longer than 255 bytes; shorten it.", field);
    bad = bad_byte(name);
    if (bad)
        return hl__fail(HL_ERR_INVALID, action, field,
                        "Byte %zu of the %s is a control character or not UTF-8; use printable UTF-8 only.", bad,
                        field);
    return HL_OK;
}

hl_status hl__check_flags(const char *action, unsigned flags, unsigned known)
{
    if (flags & ~known)
        return hl__fail(HL_ERR_FLAGS, action, "flags", "Flags 0x%x are unknown to this call; it takes 0x%x.",
                        flags & ~known, known);
    return HL_OK;
}

hl_status hl__copy_struct(const char *action, const char *field, void *to, size_t to_size, const void *from,
                          size_t least)
{
    const unsigned char *bytes = from;
    size_t size;

    if (!from)
        return hl__fail(HL_ERR_INVALID, action, field, "The %s is NULL; give a struct made with its INIT macro.",
                        field);
    memcpy(&size, from, sizeof(size));
    if (size < least || size > to_size + 4096)
        return hl__fail(HL_ERR_STRUCT_SIZE, action, field,
                        "The %s has size %zu; this library knows %zu to %zu. Initialise it with its INIT macro.", field,
                        size, least, to_size);
    for (size_t i = to_size; i < size; i++) {
        if (bytes[i])
            return hl__fail(HL_ERR_STRUCT_SIZE, action, field,
                            "The %s is of a newer version (size %zu) and uses fields that this library (size %zu) does "
                            "not know; update the library.",
                            field, size, to_size);
    }
    memcpy(to, from, size < to_size ? size : to_size);
    memcpy(to, &to_size, sizeof(to_size));
    return HL_OK;
}

static hl_status check_text(const char *action, const char *field, const char *text, size_t most)
{
    if (strnlen(text, most + 1) > most)
        return hl__fail(HL_ERR_INVALID, action, field, "The %s is longer than %zu bytes; shorten it.", field, most);
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        size_t length = *at == '\n' || *at == '\t' ? 1 : utf8_character(at);

        if (length == 0)
            return hl__fail(HL_ERR_INVALID, action, field,
                            "Byte %zu of the %s is a control character or not UTF-8; use UTF-8 text.",
                            (size_t)((const char *)at - text) + 1, field);
        at += length;
    }
    return HL_OK;
}

static hl_status check_depends(const char *action, const char *const *depends)
{
    size_t count = 0;

    for (; depends && depends[count]; count++) {
        hl_status status;

        if (count == HL__DEPENDS_MAX)
            return hl__fail(HL_ERR_INVALID, action, "depends", "A plugin may depend on at most %d others.",
                            HL__DEPENDS_MAX);
        status = hl__check_name(action, "depends", hl__depends_name(depends[count]));
        if (status != HL_OK)
            return status;
        for (size_t i = 0; i < count; i++) {
            if (strcmp(hl__depends_name(depends[i]), hl__depends_name(depends[count])) == 0)
                return hl__fail(HL_ERR_INVALID, action, "depends", "\"%s\" is listed twice; list it once.",
                                hl__depends_name(depends[i]));
        }
    }
    return HL_OK;
}

static hl_status check_codec(const char *action, const hl_codec *codec)
{
    if (codec->size != sizeof(hl_codec))
        return hl__fail(HL_ERR_STRUCT_SIZE, action, "contract.codec", "The codec has size %zu; this library knows %zu.",
                        codec->size, sizeof(hl_codec));
    if (!codec->encode || !codec->decode || !codec->release)
        return hl__fail(HL_ERR_INVALID, action, "contract.codec",
                        "The codec lacks one of its functions; it needs encode, decode and release.");
    return HL_OK;
}

hl_status hl__check_contract(const char *action, const hl_contract *contract)
{
    if (contract->size < offsetof(hl_contract, codec) || contract->size > sizeof(hl_contract))
        return hl__fail(HL_ERR_STRUCT_SIZE, action, "contract",
                        "The contract has size %zu; this library knows %zu to %zu.", contract->size,
                        offsetof(hl_contract, codec), sizeof(hl_contract));
    if (!contract->type || (contract->fields_len && !contract->fields))
        return hl__fail(HL_ERR_INVALID, action, "contract", "The contract lacks its type or its fields.");
    for (size_t i = 0; i < contract->fields_len; i++) {
        const hl_field *field = &contract->fields[i];

        if (!field->name || !field->type)
            return hl__fail(HL_ERR_INVALID, action, "contract", "Field %zu of the contract lacks its name or type.", i);
        if (contract->state_size && (uint64_t)field->offset + field->size > contract->state_size)
            return hl__fail(HL_ERR_INVALID, action, "contract", "Field \"%s\" lies outside the state's %llu bytes.",
                            field->name, (unsigned long long)contract->state_size);
    }
    return contract->size >= offsetof(hl_contract, meta_size) && contract->codec ? check_codec(action, contract->codec)
                                                                                 : HL_OK;
}

static hl_status check_fields(const char *action, const hl_plugin_spec *spec)
{
    hl_status status = hl__check_name(action, "name", spec->name);

    if (status == HL_OK)
        status = hl__check_name(action, "event", spec->event);
    if (status == HL_OK && !spec->call)
        status = hl__fail(HL_ERR_INVALID, action, "call", "Plugin \"%s\" has no call function; give one.", spec->name);
    if (status == HL_OK && (spec->priority < 0 || spec->priority > 100))
        status = hl__fail(HL_ERR_INVALID, action, "priority", "Priority %d of \"%s\" is outside 0..100.",
                          spec->priority, spec->name);
    if (status == HL_OK && spec->extension)
        status = hl__check_name(action, "extension", spec->extension);
    if (status == HL_OK && spec->extra)
        status = check_text(action, "extra", spec->extra, HL__EXTRA_MAX);
    if (status == HL_OK)
        status = check_depends(action, spec->depends);
    if (status == HL_OK && spec->contract)
        status = hl__check_contract(action, spec->contract);
    return status;
}

hl_status hl__check_spec(const char *action, const hl_plugin_spec *spec, hl_plugin_spec *out)
{
    hl_plugin_spec read = HL_PLUGIN_INIT(NULL, NULL, NULL);
    hl_status status = hl__copy_struct(action, "spec", &read, sizeof(read), spec, offsetof(hl_plugin_spec, self));

    out->size = 0;
    if (status != HL_OK)
        return status;
    *out = read;
    return check_fields(action, out);
}

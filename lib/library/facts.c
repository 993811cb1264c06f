/* See facts.h. Everything comes from a file that is not trusted: counts and strings are checked. */
#include "library/facts.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"

#ifndef STB_GNU_UNIQUE
#define STB_GNU_UNIQUE 10
#endif

static hl_status damaged(const hl__elf *elf, const char *field, const char *what)
{
    return hl__fail(HL_ERR_NOT_ELF, HL__ELF_ACTION, field, "%s is damaged: %s.", elf->path, what);
}

/* A string of the dynamic string table; NULL when the offset is none. */
static const char *string_at(const hl__elf *elf, uint64_t offset)
{
    const char *string;

    if (offset >= elf->strings.len)
        return NULL;
    string = (const char *)elf->strings.bytes + offset;
    return memchr(string, '\0', elf->strings.len - offset) ? string : NULL;
}

static hl_status copy(const hl__elf *elf, const char *field, uint64_t offset, char **out)
{
    const char *string = string_at(elf, offset);

    if (!string || strlen(string) >= PATH_MAX)
        return damaged(elf, field, "a name in its dynamic section is none");
    free(*out);
    *out = strdup(string);
    return *out ? HL_OK : hl__fail_memory(HL__ELF_ACTION);
}

/* ---- the dynamic section ----------------------------------------------------------------------------------------- */

static hl_status add_needed(hl__facts *facts, const hl__elf *elf, uint64_t offset)
{
    char **grown;

    if (facts->needed_len == HL__NEEDED_MAX)
        return hl__fail(HL_ERR_LIMIT, HL__ELF_ACTION, "DT_NEEDED", "%s needs more than %d libraries.", elf->path,
                        HL__NEEDED_MAX);
    grown = (char **)realloc(facts->needed, (facts->needed_len + 1) * sizeof(*grown));
    if (!grown)
        return hl__fail_memory(HL__ELF_ACTION);
    facts->needed = grown;
    facts->needed[facts->needed_len++] = NULL;
    return copy(elf, "DT_NEEDED", offset, &facts->needed[facts->needed_len - 1]);
}

static hl_status take_dynamic(hl__facts *facts, const hl__elf *elf, const hl__elf_dynamic *row, bool *has_runpath)
{
    switch (row->d_tag) {
    case DT_NEEDED:
        return add_needed(facts, elf, row->d_un.d_val);
    case DT_RUNPATH:
        *has_runpath = true;
        return copy(elf, "DT_RUNPATH", row->d_un.d_val, &facts->search);
    case DT_RPATH:
        return *has_runpath ? HL_OK : copy(elf, "DT_RPATH", row->d_un.d_val, &facts->search);
    case DT_FLAGS_1:
        facts->stays = row->d_un.d_val & DF_1_NODELETE;
        return HL_OK;
    default:
        return HL_OK;
    }
}

static hl_status read_dynamic(hl__facts *facts, const hl__elf *elf)
{
    hl_status status = HL_OK;
    bool has_runpath = false;
    hl__elf_dynamic row;

    for (uint64_t i = 0; status == HL_OK && hl__elf_dynamic_at(elf, i, &row); i++)
        status = take_dynamic(facts, elf, &row, &has_runpath);
    return status;
}

/* ---- symbols ----------------------------------------------------------------------------------------------------- */

static bool is_thread_atexit(const hl__elf_sym *symbol, const char *name)
{
    return symbol->st_shndx == SHN_UNDEF &&
           (strcmp(name, "__cxa_thread_atexit_impl") == 0 || strcmp(name, "__cxa_thread_atexit") == 0);
}

static hl_status take_symbol(hl__facts *facts, const hl__elf *elf, const hl__elf_sym *symbol)
{
    const char *name = string_at(elf, symbol->st_name);

    if (!name)
        return HL_OK;
    if (!facts->unique && symbol->st_shndx != SHN_UNDEF && ELF64_ST_BIND(symbol->st_info) == STB_GNU_UNIQUE)
        return copy(elf, "symbol", symbol->st_name, &facts->unique);
    if (!facts->thread_atexit && is_thread_atexit(symbol, name))
        return copy(elf, "symbol", symbol->st_name, &facts->thread_atexit);
    return HL_OK;
}

static hl_status read_symbols(hl__facts *facts, const hl__elf *elf)
{
    uint64_t count = hl__elf_symbols_len(elf);
    hl_status status = HL_OK;
    hl__elf_sym symbol;

    for (uint64_t i = 1; status == HL_OK && i < count && hl__elf_symbol_at(elf, i, &symbol); i++)
        status = take_symbol(facts, elf, &symbol);
    return status;
}

hl_status hl__facts_read(hl__facts *facts, const hl__elf *elf)
{
    hl_status status;

    memset(facts, 0, sizeof(*facts));
    status = read_dynamic(facts, elf);
    return status == HL_OK ? read_symbols(facts, elf) : status;
}

void hl__facts_cleanup(hl__facts *facts)
{
    for (size_t i = 0; i < facts->needed_len; i++)
        free(facts->needed[i]);
    free(facts->needed);
    free(facts->search);
    free(facts->unique);
    free(facts->thread_atexit);
    memset(facts, 0, sizeof(*facts));
}

/* ---- where needed libraries may lie ------------------------------------------------------------------------------ */

/* How long the $ORIGIN at the beginning of text is; 0: there is none. */
static size_t origin_len(const char *text)
{
    if (strncmp(text, "${ORIGIN}", 9) == 0)
        return 9;
    return strncmp(text, "$ORIGIN", 7) == 0 ? 7 : 0;
}

/* One entry of a search list as a folder. False when it does not fit or has another token. */
static bool expand(const char *entry, size_t len, const char *folder, char *out, size_t out_len)
{
    size_t at = 0;

    for (size_t i = 0; i < len;) {
        size_t origin = origin_len(entry + i);
        const char *part = origin ? folder : entry + i;
        size_t part_len = origin ? strlen(folder) : 1;

        if ((!origin && entry[i] == '$') || at + part_len >= out_len)
            return false;
        memcpy(out + at, part, part_len);
        at += part_len;
        i += origin ? origin : 1;
    }
    out[at] = '\0';
    return true;
}

void hl__facts_places(const hl__facts *facts, const char *folder, const char *name, bool origin_only, hl__place_fn *fn,
                      void *user)
{
    const char *entry = facts->search;
    bool more = entry != NULL;

    while (more) {
        size_t len = strcspn(entry, ":");
        bool with_token = memchr(entry, '$', len) != NULL;
        char place[PATH_MAX];
        char path[2 * PATH_MAX];

        if (with_token || !origin_only) {
            bool known = expand(entry, len, folder, place, sizeof(place));

            snprintf(path, sizeof(path), "%s/%s", known ? place : "", name);
            more = fn(user, known ? path : NULL);
        }
        more = more && entry[len] == ':';
        entry += len + 1;
    }
}

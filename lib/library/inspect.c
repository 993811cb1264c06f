/* Reading a plugin library as a file. Called by hl_library_inspect's users, by hl_register_library and by the loader. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "library/entry.h"
#include "library/file.h"
#include "library/library_file.h"

static hl_status read_entry(hl__library_file *file, const unsigned char *bytes)
{
    hl__elf elf;
    hl_status status = hl__elf_open(&elf, file->path, bytes, file->identity.size_bytes);

    if (status == HL_OK)
        status = hl__entry_read(&file->entry, &elf);
    hl__elf_close(&elf);
    return status;
}

static hl_status read_file(hl__library_file *file, const char *path)
{
    unsigned char *bytes = NULL;
    hl_status status = hl__path_absolute(path, &file->path);

    if (status == HL_OK)
        status = hl__file_open(file->path, &file->fd, &file->identity);
    if (status == HL_OK)
        status = hl__file_bytes(file->fd, &file->identity, file->path, &bytes);
    if (status == HL_OK)
        status = read_entry(file, bytes);
    free(bytes);
    return status;
}

static void fill_info(hl__library_file *file)
{
    hl__identity_stamp(&file->identity, file->stamp);
    file->info =
        (hl_library_info){sizeof(hl_library_info), file->path,        file->entry.name,     file->entry.version,
                          file->entry.abi,         file->entry.specs, file->entry.specs_len};
}

hl_status hl__library_read(const char *path, hl__library_file **out)
{
    hl__library_file *file = (hl__library_file *)calloc(1, sizeof(*file));
    hl_status status;

    if (!file)
        return hl__fail_memory(HL__ELF_ACTION);
    file->fd = -1;
    status = read_file(file, path);
    if (status != HL_OK) {
        hl__library_file_free(file);
        return status;
    }
    fill_info(file);
    *out = file;
    return HL_OK;
}

void hl__library_file_free(hl__library_file *file)
{
    if (!file)
        return;
    hl__entry_cleanup(&file->entry);
    if (file->fd >= 0)
        close(file->fd);
    free(file->path);
    free(file);
}

const hl_library_info *hl__library_info(const hl__library_file *file)
{
    return &file->info;
}

const char *hl__library_stamp(const hl__library_file *file)
{
    return file->stamp;
}

hl_status hl_library_inspect(const char *path, void (*callback)(const hl_library_info *, void *user), void *user)
{
    hl__library_file *file = NULL;
    hl_status status;

    if (!callback)
        return hl__fail(HL_ERR_INVALID, "inspect library", "callback", "The callback is NULL; give a function.");
    status = hl__library_read(path, &file);
    if (status != HL_OK)
        return hl__fail_as("inspect library");
    callback(&file->info, user);
    hl__library_file_free(file);
    return HL_OK;
}

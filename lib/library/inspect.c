/* Reading a plugin library as a file. Called by hl_library_inspect's users, by hl_register_library and by the
 * loader. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "core/extension.h"
#include "library/entry.h"
#include "library/file.h"
#include "library/library_file.h"

static hl_status read_entry(hl__library_file *file, const unsigned char *bytes)
{
    hl__elf elf;
    hl_status status = hl__elf_open(&elf, file->path, bytes, file->identity.size_bytes);

    if (status == HL_OK)
        status = hl__entry_read(&file->entry, &elf);
    if (status == HL_OK)
        status = hl__facts_read(&file->facts, &elf);
    hl__elf_close(&elf);
    return status;
}

/* Who has the descriptor has the content from here on: it is what the dynamic linker will map. Only a write into the
 * file itself could change it, and installed files are not writable; a writer who makes them so again, and puts the
 * time of the file back, is not found out. */
static hl_status check_content(hl__library_file *file, const char *stamp)
{
    const hl__extension *extension = hl__extension_get();

    if (!extension)
        return hl__fail(
            HL_ERR_LIBRARY, HL__ELF_ACTION, "library",
            "%s belongs to an installed app, but this program is linked with libhookline-core; installed apps "
            "need libhookline.",
            file->path);
    if (strlen(stamp) >= sizeof(file->content))
        return hl__fail(HL_ERR_CHECKSUM, HL__ELF_ACTION, "stamp", "The stamp of %s is no checksum.", file->path);
    strcpy(file->content, stamp);
    return extension->check_content(file->fd, file->path, stamp);
}

static hl_status read_file(hl__library_file *file, const char *path, const char *content)
{
    unsigned char *bytes = NULL;
    hl_status status = hl__path_absolute(path, &file->path);

    if (status == HL_OK)
        status = hl__file_open(file->path, &file->fd, &file->identity);
    if (status == HL_OK && content)
        status = check_content(file, content);
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

static hl_status read_library(const char *path, const char *content, hl__library_file **out)
{
    hl__library_file *file = (hl__library_file *)calloc(1, sizeof(*file));
    hl_status status;

    if (!file)
        return hl__fail_memory(HL__ELF_ACTION);
    file->fd = -1;
    status = read_file(file, path, content);
    if (status != HL_OK) {
        hl__library_file_free(file);
        return status;
    }
    fill_info(file);
    *out = file;
    return HL_OK;
}

hl_status hl__library_read(const char *path, hl__library_file **out)
{
    return read_library(path, NULL, out);
}

hl_status hl__library_read_content(const char *path, const char *stamp, hl__library_file **out)
{
    return read_library(path, stamp, out);
}

void hl__library_file_free(hl__library_file *file)
{
    if (!file)
        return;
    hl__entry_cleanup(&file->entry);
    hl__facts_cleanup(&file->facts);
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

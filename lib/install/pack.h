/* The steps of packing a folder: what goes in, and the archive's bytes. Used by pack.c only. */
#ifndef HL_INSTALL_PACK_H
#define HL_INSTALL_PACK_H

#include "install/archive.h"
#include "install/manifest.h"

#define HL__PACK_ACTION "pack"

/* What goes into a package: the manifest first, then everything else sorted by path. */
typedef struct hl__pack_list {
    hl__package_file *rows; /* without hashes */
    size_t len, room;
} hl__pack_list;

hl_status hl__pack_collect(int folder, const hl__archive_limits *limits, const hl__manifest *manifest,
                           hl__pack_list *out);
void hl__pack_list_free(hl__pack_list *list);

/* Each library of the manifest is there, can be read, and has exactly the plugins that the manifest lists. `path` is
 * the folder's. HL_ERR_MANIFEST, and those of hl_library_inspect. */
hl_status hl__pack_check_libraries(const char *path, const hl__manifest *manifest, const hl__pack_list *list);

/* Writes the archive: one folder `top`, nothing in it that depends on who packs, when, or from where. */
hl_status hl__pack_write(int folder, const hl__pack_list *list, const char *top, int out);

#endif

/* Reading package archives with libarchive, as the work of a stranger. One walk looks at every member before
 * anything is written; a second one unpacks. Both refuse the whole archive at the first member that breaks a rule:
 * HL_ERR_ARCHIVE naming the member and the rule, HL_ERR_LIMIT naming the limit. */
#ifndef HL_INSTALL_ARCHIVE_H
#define HL_INSTALL_ARCHIVE_H

#include <hookline/status.h>

#include "install/digest.h"

typedef struct hl__archive_limits {
    uint64_t entries;        /* members, and folders that they imply */
    uint64_t unpacked_bytes; /* of all members */
    uint64_t name_bytes;     /* of one member's path */
    uint64_t ratio;          /* unpacked bytes for one byte of the archive, once there are 16 MiB unpacked */
} hl__archive_limits;

/* What a policy has that says nothing. */
#define HL__ARCHIVE_LIMITS_INIT                                                                                        \
    {                                                                                                                  \
        10000, (uint64_t)4 << 30, 512, 200                                                                             \
    }

/* A regular file of a package. */
typedef struct hl__package_file {
    char *path; /* relative, without the folder that all may lie in */
    char sha256[HL__SHA256_TEXT];
    uint64_t bytes;
    bool executable;
} hl__package_file;

typedef struct hl__package_files {
    hl__package_file *rows; /* sorted by path */
    size_t len;
    uint64_t bytes;
} hl__package_files;

/* False ends the walk with HL_ERR_CANCELLED. Bytes of the archive that have been read, of all. */
typedef bool hl__archive_progress_fn(void *user, uint64_t done, uint64_t total);

/* Walks the archive in `fd` from its begin and gives the manifest's text (owned by the caller). Allowed members:
 * folders and regular files, names of the package as SE-10 and SE-11 say; no links, devices, sparse files, setuid,
 * setgid or sticky bits, duplicates, names that differ only in letter case; hookline.json once, at the top or one
 * folder deep, and then all in that folder. Other files than those that the manifest speaks of may lie anywhere. Tar
 * (plain, or compressed once with gzip, bzip2, xz or zstd) and zip. */
hl_status hl__archive_examine(int fd, const hl__archive_limits *limits, char **manifest, size_t *manifest_len);

/* Unpacks into the open folder `folder`, which is empty and nobody else's. Files get mode 0444 (0555 where executable),
 * folders 0755; owners, times, attributes and access lists of the archive are not taken. Every file and folder has been
 * synced when it returns HL_OK. `files` gets what was written, hashed as it was written; freed with
 * hl__package_files_free, also after a failure. */
hl_status hl__archive_unpack(int fd, int folder, const hl__archive_limits *limits, hl__archive_progress_fn *progress,
                             void *user, hl__package_files *files);

/* The same for a folder on disk: its manifest, which is checked here already, and a copy of what belongs to a
 * package (see package_folder.h). The same rules. */
hl_status hl__folder_examine(int from, const hl__archive_limits *limits, char **manifest, size_t *manifest_len);
hl_status hl__folder_copy(int from, int folder, const hl__archive_limits *limits, hl__archive_progress_fn *progress,
                          void *user, hl__package_files *files);

/* Hashes the files of an unpacked package anew and compares: HL_ERR_CHECKSUM naming the first that differs, is
 * missing or is too much. */
hl_status hl__package_files_check(int folder, const hl__package_files *expected);
/* One checksum over the paths and contents of all files: what a folder is known by. */
hl_status hl__package_files_digest(const hl__package_files *files, char out[HL__SHA256_TEXT]);
void hl__package_files_free(hl__package_files *files);

#endif

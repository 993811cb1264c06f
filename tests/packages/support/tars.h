/* Archives made member by member, the bad ones too, with libarchive's writer. */
#ifndef HL_TEST_PACKAGES_TARS_H
#define HL_TEST_PACKAGES_TARS_H

#include "tests/packages/support/place.h"

typedef struct tar_member {
    const char *path;
    char kind;           /* 'f' (0 too) file, 'd' folder, 'l' symbolic link, 'h' hard link, 'c' 'b' devices, 'p' pipe */
    unsigned mode;       /* 0: 0644, of folders 0755 */
    const char *target;  /* of links */
    const char *content; /* NULL: none */
    bool sparse;         /* the content is followed by a hole of a MiB */
} tar_member;

/* All below write the file and return it open. The format is "pax", "gnutar", "ustar" or "zip", the filter "none",
 * "gzip", "bzip2", "xz" or "zstd". */
int tar_make(const char *path, const char *format, const char *filter, const tar_member *members, size_t len);

/* A file of any bytes through a filter, piece by piece. */
typedef struct tar_raw tar_raw;
tar_raw *tar_raw_begin(const char *path, const char *filter);
void tar_raw_add(tar_raw *raw, const void *bytes, size_t len);
/* A header by hand: 'g' and the like, and names and sizes as one likes. */
void tar_raw_header(tar_raw *raw, const char *name, char kind, uint64_t size);
int tar_raw_end(tar_raw *raw);

/* A pax tar in gzip, "package" in the case's folder. */
#define tar(...)                                                                                                       \
    tar_make(place_path("package"), "pax", "gzip", (const tar_member[]){__VA_ARGS__},                                  \
             sizeof((const tar_member[]){__VA_ARGS__}) / sizeof(tar_member))

/* What makes a package of a tar. */
#define TAR_MANIFEST                                                                                                   \
    {                                                                                                                  \
        .path = "hookline.json", .content = "{}"                                                                       \
    }

#endif

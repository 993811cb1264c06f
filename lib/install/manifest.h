/* hookline.json: what a package says about itself. Nothing in it is believed before it was checked.
 *
 *   {"app": "shop", "version": "1.2.0", "abi": 1, "architecture": "x86_64", "libc": "gnu",
 *    "libraries": [{"file": "lib/shop.so", "plugins": ["shop-prices", "shop-stock"]}],
 *    "requires": {"accounts": ">=2.0 <3"}, "optional": {"mail": "*"}, "conflicts": {"old_shop": "*"},
 *    "capabilities": ["network"], "data": "priv", "description": "..."}
 *
 * A plugin may also be {"name": "shop-stock", "isolation": {...}}, and a library may have "isolation" for all of its
 * plugins that have none of their own: the JSON form of hookline/isolation.h.
 *
 * Required: app, version, abi, architecture, libc, libraries. Unknown fields are kept as warnings. */
#ifndef HL_INSTALL_MANIFEST_H
#define HL_INSTALL_MANIFEST_H

#include "install/version.h"

#define HL__MANIFEST_NAME "hookline.json"
#define HL__MANIFEST_BYTES_MAX ((size_t)1 << 20)
#define HL__MANIFEST_DEPTH_MAX 16
#define HL__MANIFEST_ITEMS_MAX 1024 /* of any list in it */

typedef struct hl__manifest_library {
    char *file;       /* "lib/....so": relative, below lib/, no "..", no empty parts */
    char **plugins;   /* names */
    char **isolation; /* of each, as JSON (hl__isolation_write); "" where the manifest says nothing */
    size_t plugins_len;
} hl__manifest_library;

typedef struct hl__manifest_need {
    char *app;
    char *range;
    bool optional; /* checked only where the app is installed */
} hl__manifest_need;

typedef struct hl__manifest {
    char *app;
    char *version_text;
    hl__version version;
    uint32_t abi;
    char *architecture; /* as uname -m: "x86_64", "aarch64" */
    char *libc;         /* "gnu" or "musl" */
    char *description;  /* "" when none */
    char *data;         /* protected data folder, relative; "" when none */
    hl__manifest_library *libraries;
    size_t libraries_len;
    hl__manifest_need *needs;
    size_t needs_len;
    hl__manifest_need *conflicts;
    size_t conflicts_len;
    char **capabilities;
    size_t capabilities_len;
    char **warnings; /* for people: unknown fields */
    size_t warnings_len;
} hl__manifest;

/* Parses and checks the text of a manifest, given with its length. Duplicate keys, wrong types, too much depth and too
 * many items are refused: HL_ERR_MANIFEST with the field's path ("libraries[0].file"), HL_ERR_VERSION, HL_ERR_LIMIT,
 * HL_ERR_NO_MEMORY. *out is freed with hl__manifest_cleanup, also after a failure. */
hl_status hl__manifest_parse(const char *text, size_t len, hl__manifest *out);
void hl__manifest_cleanup(hl__manifest *manifest);
/* Free a malloc'ed array and what its rows hold. */
void hl__manifest_names_free(char **names, size_t len);
void hl__manifest_needs_free(hl__manifest_need *needs, size_t len);

/* Whether it is for this Hookline and this machine: HL_ERR_ABI, HL_ERR_ARCHITECTURE. */
hl_status hl__manifest_fits(const hl__manifest *manifest);

#endif

/* Single values of a manifest: is the type right, the size allowed? And its larger parts. Used by manifest.c and the
 * files of those parts. */
#ifndef HL_INSTALL_MANIFEST_FIELDS_H
#define HL_INSTALL_MANIFEST_FIELDS_H

#include <jansson.h>

#include "install/manifest.h"

#define HL__MANIFEST_ACTION "install"
#define HL__FIELD_MAX 128
#define HL__FIELD_TEXT_MAX 255

/* HL_ERR_MANIFEST with the field's path; the message goes on after "The manifest's FIELD ". */
hl_status hl__field_wrong(const char *field, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A string of 1 to `most` bytes without control characters. *out is owned. */
hl_status hl__field_text(const char *field, const json_t *value, size_t most, char **out);
/* The rule of hl__app_name_check, told as a rule of the manifest. */
hl_status hl__field_app_name(const char *field, const char *name);
/* Sorts the names and refuses one that is there twice. */
hl_status hl__field_different(const char *field, const char **names, size_t len);
/* An object or array with at most HL__MANIFEST_ITEMS_MAX items. */
hl_status hl__field_items(const char *field, const json_t *value, json_type type);

/* Keeps a warning for each field of the object that is not in the NULL-terminated list; `path` is "" or
 * "libraries[0].". The number of warnings is bounded, the last one tells that there are more. */
hl_status hl__field_unknown(hl__manifest *manifest, const char *path, const json_t *object, const char *const *known);

/* The parts that have files of their own. */
hl_status hl__manifest_read_libraries(const json_t *object, hl__manifest *out);
hl_status hl__manifest_read_relations(const json_t *object, hl__manifest *out);
hl_status hl__manifest_read_capabilities(const json_t *object, hl__manifest *out);

#endif

/* Checking an installation's spec field by field, before anything is done; see spec.h. */
#include "install/spec.h"

#include "core/error.h"
#include "core/validate.h"
#include "install/digest.h"
#include "install/version.h"

#define KNOWN_FLAGS (HL_WAIT_COMPILED | HL_WAIT_IDLE | HL_INSTALL_LOCKED | HL_INSTALL_VERIFY_ONLY | HL_INSTALL_NO_START)

bool hl__install_spec_is_local(const hl_install_spec *spec)
{
    return spec->type == HL_SOURCE_PATH;
}

bool hl__install_spec_is_github(const hl_install_spec *spec)
{
    return spec->type == HL_SOURCE_GITHUB_TAG || spec->type == HL_SOURCE_GITHUB_LATEST;
}

/* A field that another type of source has (DL-05). */
static hl_status check_belongs(const char *action, const char *field, const char *value, bool belongs)
{
    if (!value || belongs)
        return HL_OK;
    return hl__fail(HL_ERR_INVALID, action, field, "This type of source has no %s; leave the field NULL.", field);
}

static hl_status check_source(const char *action, const hl_install_spec *spec)
{
    bool github = hl__install_spec_is_github(spec);
    hl_status status;

    if (spec->type < HL_SOURCE_PATH || spec->type > HL_SOURCE_GITHUB_LATEST)
        return hl__fail(HL_ERR_INVALID, action, "type", "The source type %d is none; give one of HL_SOURCE_...",
                        (int)spec->type);
    if (!spec->location || !spec->location[0])
        return hl__fail(HL_ERR_INVALID, action, "location", "The location is empty; say where the package is.");
    if (spec->type == HL_SOURCE_GITHUB_TAG && (!spec->tag || !spec->tag[0]))
        return hl__fail(HL_ERR_INVALID, action, "tag", "A source of this type needs the release's tag.");
    status = check_belongs(action, "tag", spec->tag, spec->type == HL_SOURCE_GITHUB_TAG);
    return status == HL_OK ? check_belongs(action, "asset", spec->asset, github) : status;
}

static hl_status check_wishes(const char *action, const hl_install_spec *spec)
{
    hl__version version;
    hl_status status = HL_OK;

    if (spec->app)
        status = hl__app_name_check(action, "app", spec->app);
    if (status == HL_OK && spec->version)
        status = hl__version_parse(action, "version", spec->version, &version);
    if (status == HL_OK && spec->sha256 && !hl__digest_is_text(spec->sha256))
        status = hl__fail(HL_ERR_INVALID, action, "sha256", "A checksum has 64 hexadecimal digits.");
    return status;
}

hl_status hl__install_spec_check(const char *action, const hl_install_spec *spec, hl_install_spec *out)
{
    hl_status status;

    *out = (hl_install_spec)HL_INSTALL_INIT((hl_source_type)0, NULL);
    if (!spec)
        return hl__fail(HL_ERR_INVALID, action, "spec", "The spec is NULL; begin with HL_INSTALL_INIT.");
    status = hl__copy_struct(action, "spec", out, sizeof(*out), spec, sizeof(*out));
    if (status == HL_OK)
        status = hl__check_flags(action, out->flags, KNOWN_FLAGS);
    if (status == HL_OK)
        status = check_source(action, out);
    return status == HL_OK ? check_wishes(action, out) : status;
}

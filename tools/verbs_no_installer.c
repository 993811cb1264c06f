/* The verbs for packages and modules in a build without the libraries that they need: they say so. */
#include "verbs.h"

static int unsupported(struct context *context)
{
    return tool_error(
        context, TOOL_REFUSED, HL_ERR_UNSUPPORTED, "",
        "This build has neither packages nor modules. Build Hookline where libcurl, libarchive, OpenSSL and "
        "libcbor are.");
}

#define WITHOUT_INSTALLER(verb)                                                                                        \
    int verb(struct context *context, int argc, char **argv)                                                           \
    {                                                                                                                  \
        (void)argc;                                                                                                    \
        (void)argv;                                                                                                    \
        return unsupported(context);                                                                                   \
    }

WITHOUT_INSTALLER(verb_install)
WITHOUT_INSTALLER(verb_uninstall)
WITHOUT_INSTALLER(verb_rollback)
WITHOUT_INSTALLER(verb_retry)
WITHOUT_INSTALLER(verb_gc)
WITHOUT_INSTALLER(verb_apps)
WITHOUT_INSTALLER(verb_jobs)
WITHOUT_INSTALLER(verb_pack)
WITHOUT_INSTALLER(verb_verify)
WITHOUT_INSTALLER(verb_lock)
WITHOUT_INSTALLER(verb_bundle)
WITHOUT_INSTALLER(verb_module)

void apps_offer(struct context *context, const char *prefix, void (*offer)(const char *name, const char *prefix))
{
    (void)context;
    (void)prefix;
    (void)offer;
}

void keys_offer(struct context *context, const char *prefix, void (*offer)(const char *name, const char *prefix))
{
    (void)context;
    (void)prefix;
    (void)offer;
}

int install_log_print(struct context *context)
{
    return unsupported(context);
}

int install_log_verify(struct context *context)
{
    return unsupported(context);
}

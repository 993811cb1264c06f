/* Whether a package is for this Hookline and this machine, as far as its manifest tells. Its libraries are read
 * later. */
#include <string.h>
#include <sys/utsname.h>

#include "core/error.h"
#include "install/manifest.h"

#define ACTION "install"

#ifdef __GLIBC__
#define LIBC "gnu"
#else
#define LIBC "musl"
#endif

/* What this process runs as: on a 64-bit kernel a 32-bit process is told of the kernel. */
#if defined(__x86_64__) && !defined(__ILP32__)
#define ARCHITECTURE "x86_64"
#elif defined(__aarch64__) && !defined(__ILP32__)
#define ARCHITECTURE "aarch64"
#endif

static const char *architecture(struct utsname *names)
{
#ifdef ARCHITECTURE
    (void)names;
    return ARCHITECTURE;
#else
    return uname(names) == 0 ? names->machine : "";
#endif
}

hl_status hl__manifest_fits(const hl__manifest *manifest)
{
    struct utsname names;
    const char *here = architecture(&names);

    if (manifest->abi != HL_ABI)
        return hl__fail(HL_ERR_ABI, ACTION, "abi",
                        "The package is for Hookline ABI %u; this is ABI %d. Use a package "
                        "that was built for it.",
                        manifest->abi, HL_ABI);
    if (strcmp(manifest->architecture, here) != 0)
        return hl__fail(HL_ERR_ARCHITECTURE, ACTION, "architecture",
                        "The package is for %s; this machine is %s. Use a package that was built for it.",
                        manifest->architecture, here);
    if (strcmp(manifest->libc, LIBC) != 0)
        return hl__fail(HL_ERR_ARCHITECTURE, ACTION, "libc",
                        "The package is for the C library \"%s\"; here it is \"%s\". Use a package that was built for "
                        "it.",
                        manifest->libc, LIBC);
    return HL_OK;
}

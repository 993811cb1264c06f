/* The upgrade of `hookline demo` in a build without libhookline: it says so, and leaves it out. */
#include "demo.h"

bool demo_packages_run(struct demo *demo)
{
    demo_say(demo, "this build has no installer: the upgrade of a package is left out");
    return true;
}

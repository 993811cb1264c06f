/* The install case of hookline bench, and modules in its worker case, in a build without libhookline: it says so, and
 * they are left out. */
#include "bench.h"
#include "bench_worker.h"

int bench_install(bench *b)
{
    bench_say(b, "This build has no installer: the install case is left out.");
    return TOOL_DONE;
}

int bench_modules(bench *b, bench_isolated *unused)
{
    (void)unused;
    bench_say(b, "This build has no modules: they are left out.");
    return TOOL_DONE;
}

int bench_install_large_child(bench *b, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return tool_usage(b->context, "this build has no installer");
}

int bench_install_replay_child(bench *b, int argc, char **argv)
{
    return bench_install_large_child(b, argc, argv);
}

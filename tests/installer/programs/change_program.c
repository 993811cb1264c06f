/* Changes apps of a store and ends: change_program STORE install|uninstall|rollback|locked PACKAGE-OR-APP-OR-LOCKFILE.
 * Exits with 0, or with minus the status. Prints how many calls it made that change something, where fault_at is
 * preloaded. */
#include <dlfcn.h>
#include <signal.h>
#include <sys/prctl.h>

#include "tests/installer/support/app.h"

static hl_status change(hl_runtime *runtime, const char *action, const char *what)
{
    if (strcmp(action, "install") == 0)
        return test_install(runtime, what, NULL);
    if (strcmp(action, "locked") == 0)
        return hl_install_locked(runtime, what, NULL, NULL);
    if (strcmp(action, "uninstall") == 0)
        return hl_uninstall(runtime, what, 0, NULL);
    return hl_rollback(runtime, what, 0, NULL);
}

int main(int argc, char **argv)
{
    hl_options options = HL_OPTIONS_INIT;
    void (*begin)(void);
    unsigned long (*end)(void);
    hl_runtime *runtime;
    hl_status status;

    *(void **)&begin = dlsym(RTLD_DEFAULT, "fault_begin");
    *(void **)&end = dlsym(RTLD_DEFAULT, "fault_end");
    options.engine = HL_ENGINE_REFERENCE;
    options.store = argv[1];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (argc < 4 || hl_open(&options, &runtime) != HL_OK)
        return 99;
    if (begin)
        begin();
    status = change(runtime, argv[2], argv[3]);
    if (end)
        printf("%lu\n", end());
    hl_close(runtime);
    return -status;
}

/* A stranger's server that installs an app into itself, and says what is installed. */
#include <hookline/hookline.h>
#include <stdio.h>

static bool show(const hl_app_info *app, void *user)
{
    (void)user;
    printf("%s %s ", app->app, app->version);
    return true;
}

int main(int argc, char **argv)
{
    hl_options options = HL_OPTIONS_INIT;
    hl_install_report report = HL_INSTALL_REPORT_INIT;
    hl_runtime *runtime;
    hl_event *sum;
    int total = 0;

    if (argc < 3)
        return 2;
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_PATH, argv[2]);
    options.store = argv[1];
    if (hl_open(&options, &runtime) || hl_event_open(runtime, "sum", &sum) || hl_install(runtime, &spec, &report) ||
        hl_installed(runtime, show, NULL)) {
        fprintf(stderr, "%s: %s\n", hl_last_error()->action, hl_last_error()->message);
        return 1;
    }
    hl_call(sum, &total, NULL);
    printf("total %d\n", total);
    hl_install_report_cleanup(&report);
    hl_close(runtime);
    return 0;
}

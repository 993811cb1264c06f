/* The same server after a restart. It calls nothing of the installer itself: what is installed runs all the same. */
#include <hookline/hookline.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    hl_options options = HL_OPTIONS_INIT;
    hl_runtime *runtime;
    hl_event *sum;
    int total = 0;

    if (argc < 2)
        return 2;
    options.store = argv[1];
    if (hl_open(&options, &runtime) || hl_event_open(runtime, "sum", &sum)) {
        fprintf(stderr, "%s: %s\n", hl_last_error()->action, hl_last_error()->message);
        return 1;
    }
    hl_call(sum, &total, NULL);
    printf("total %d\n", total);
    hl_close(runtime);
    return 0;
}

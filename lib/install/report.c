/* What an installation tells its caller. */
#include <stdlib.h>

#include <hookline/install.h>

void hl_install_report_cleanup(hl_install_report *report)
{
    if (!report)
        return;
    free(report->app);
    free(report->version);
    free(report->before);
    free(report->folder);
    free(report->sha256);
    free(report->key);
    free(report->source);
    for (size_t i = 0; i < report->warnings_len; i++)
        free(report->warnings[i]);
    free(report->warnings);
    *report = (hl_install_report){.size = sizeof(*report)};
}

/* How installations are shown: a bar while they run, a report when they are done. */
#ifndef HL_TOOLS_INSTALL_REPORT_H
#define HL_TOOLS_INSTALL_REPORT_H

#include <hookline/install.h>

#include "tool.h"

/* A progress bar on stderr; nothing with --json or where stderr is no terminal. */
struct install_bar {
    const struct context *context;
    hl_install_step step;
    uint64_t shown_ns; /* when it was drawn last */
    bool drawn;
};

/* hl_progress_fn with an install_bar. */
bool install_bar_move(void *bar, hl_install_step step, uint64_t done, uint64_t total);
void install_bar_end(struct install_bar *bar);

/* The clock that programs compare times by. */
uint64_t install_now_ns(void);
/* Tells what was done to an app; `done` is a word such as "installed". Returns an enum tool_exit. */
int install_report_print(struct context *context, const char *done, uint64_t asked_ns, const hl_install_report *report);

/* Prints the installed apps. */
int apps_print(struct context *context);

/* The spec of a source as users name it, with the options that were given. source may be NULL. */
void install_spec(struct context *context, const char *source, hl_install_spec *out);

#endif

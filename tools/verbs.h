/* The functions that the table of verbs names, by the file that they are in. Included by main.c and those files. */
#ifndef HL_TOOLS_VERBS_H
#define HL_TOOLS_VERBS_H

#include "tool.h"

typedef int verb_fn(struct context *context, int argc, char **argv);

verb_fn verb_events, verb_plugins, verb_dependents, verb_order, verb_graph, verb_inspect; /* verbs_list.c */
verb_fn verb_show, verb_explain;                                                          /* verbs_show.c */
verb_fn verb_dump, verb_health, verb_profile;                                             /* verbs_server.c */
verb_fn verb_register, verb_start, verb_stop, verb_restart, verb_enable, verb_unregister; /* verbs_change.c */
verb_fn verb_store, verb_log;                                                             /* verbs_store.c */
/* All of these are in verbs_no_installer.c instead where there is no installer. */
verb_fn verb_install, verb_uninstall, verb_rollback, verb_retry, verb_gc; /* verbs_install.c */
verb_fn verb_apps, verb_jobs;                                             /* verbs_apps.c */
verb_fn verb_pack, verb_verify, verb_lock, verb_bundle;                   /* verbs_package.c */
verb_fn verb_module;                                                      /* verbs_module.c */
verb_fn verb_watch;                                                       /* verbs_watch.c */
verb_fn verb_top, verb_crashes, watch_event;                              /* verbs_top.c */
verb_fn verb_isolate;                                                     /* verbs_isolate.c */
verb_fn verb_new;                                                         /* new_plugin.c */
verb_fn verb_help, verb_version;                                          /* help.c */
verb_fn verb_complete, verb_completion;                                   /* completion.c */

/* Waits until the running servers have taken over changes, an array of {"name", "revision"}; *settled becomes the array
 * of their pids (verbs_change.c). */
int change_settle(struct context *context, const json_t *changes, json_t *settled);

/* What `log --installs` and `log --verify` do (verbs_apps.c). */
int install_log_print(struct context *context);
int install_log_verify(struct context *context);

/* Offers the names of the installed apps to shell completion (verbs_apps.c). */
void apps_offer(struct context *context, const char *prefix, void (*offer)(const char *name, const char *prefix));

/* Offers the registered keys of modules to shell completion (verbs_module.c). */
void keys_offer(struct context *context, const char *prefix, void (*offer)(const char *name, const char *prefix));

int help_on_verb(struct context *context, const struct verb *verb);

#endif

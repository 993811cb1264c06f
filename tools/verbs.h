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
verb_fn verb_watch;                                                                       /* verbs_watch.c */
verb_fn verb_new;                                                                         /* new_plugin.c */
verb_fn verb_help, verb_version;                                                          /* help.c */
verb_fn verb_complete, verb_completion;                                                   /* completion.c */

int help_on_verb(struct context *context, const struct verb *verb);

#endif

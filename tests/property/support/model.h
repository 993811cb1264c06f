/* An independent model of the registry: plain arrays, every rule in its most naive form, nothing shared with the
 * library. The property test runs it beside the library and compares everything that can be seen. */
#ifndef HL_TEST_PROPERTY_MODEL_H
#define HL_TEST_PROPERTY_MODEL_H

#include <stdbool.h>

#define MODEL_PLUGINS 9
#define MODEL_EVENTS 3

enum model_status { ABSENT, REGISTERED, STARTED, RESTARTED, STOPPED, HELD };

struct model_plugin {
    enum model_status status;
    int event;
    int priority;
    unsigned depends;  /* bit i: on plugin i */
    unsigned optional; /* those of them that order and never hold */
    int asked;         /* the isolation that registration asks for */
    int word;          /* the operator's; 0: none */
    bool crashed;      /* Hookline itself keeps it held */
};

struct model {
    struct model_plugin plugins[MODEL_PLUGINS];
    bool libraries; /* the plugins come from libraries, and may run in workers */
};

/* Isolations are numbers: 0 is none, then come those of the server's process, and those from IN_WORKER on are of
 * workers. */
#define IN_WORKER 3
#define MODEL_ISOLATIONS 5

enum model_verb { REGISTER, START, STOP, RESTART, ENABLE, UNREGISTER, ISOLATE, HOLD };
enum model_scope { ONE, EVENT, ALL };

struct model_op {
    enum model_verb verb;
    enum model_scope scope;
    int subject;                   /* plugin, or event for EVENT */
    struct model_plugin candidate; /* REGISTER */
    bool start;                    /* REGISTER */
    int word;                      /* ISOLATE; 0: the operator's word is taken back */
};

enum model_outcome { DONE, NOT_FOUND, WRONG_STATUS, UNMET, CYCLE, NO_WORKERS };

/* Applies the operation, or leaves the model as it is and says why. */
enum model_outcome model_apply(struct model *model, const struct model_op *op);

/* Whose word counts. */
int model_isolation(const struct model *model, int plugin);

/* Writes the plugins of an event's chain in the order in which they run; returns how many. */
int model_chain(const struct model *model, int event, int chain[MODEL_PLUGINS]);

#endif

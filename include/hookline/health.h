/* Health and profile (HL-01..HL-08). Health observes; it never changes a chain (CA-18). */
#ifndef HOOKLINE_HEALTH_H
#define HOOKLINE_HEALTH_H

#include <hookline/registry.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How a plugin's health function ended (HL-02, EC-04). */
typedef enum hl_probe_result {
    HL_PROBE_OK = 0,
    HL_PROBE_DEGRADED = 1,
    HL_PROBE_FAILED = 2,
    HL_PROBE_TIMEOUT = 3,    /* no answer in time; it goes on alone and is not started twice */
    HL_PROBE_BAD_RETURN = 4, /* not one of hl_health_state */
    HL_PROBE_NONE = 5,       /* the plugin has no health function: unknown, which is not unhealthy */
    HL_PROBE_NO_CODE = 6,    /* no code in this process */
    HL_PROBE_HANGING = 7     /* an earlier probe has not come back yet */
} hl_probe_result;

typedef struct hl_plugin_health {
    size_t size;
    const char *name;
    const char *event;
    hl_plugin_status status;
    bool in_chain; /* in the published chain */
    bool loaded;   /* this process has its code */
    hl_probe_result probe;
    const char *reason; /* from the probe, or why it is not in the chain; "" */
    uint64_t probe_ns;
    bool healthy;  /* in the chain, loaded, and probe OK or NONE */
    bool expected; /* counts for its event: not stopped, not merely registered */
} hl_plugin_health;

typedef struct hl_event_health {
    size_t size;
    const char *name;
    bool opened; /* this process dispatches it */
    hl_engine engine;
    bool available;                  /* a dispatch would run its plugins */
    size_t plugins_len;              /* all of the event, held and stopped ones too (HL-07) */
    const hl_plugin_health *plugins; /* in chain order, then the others by name */
    bool empty;                      /* no plugin at all: neither healthy nor not */
    bool healthy;                    /* available, not empty, every expected plugin healthy */
} hl_event_health;

/* Reports on one plugin, one event, every event. Probes run at the same time, those of all events too, each on its own
 * thread; one that takes longer than timeout_ms (0: 1,000) costs only its own report. The report is borrowed for the
 * callback's time. The callback returns false to end the walk. HL_ERR_NOT_FOUND. [not-in-plugin] */
HL_API HL_MUST_USE hl_status hl_health_plugin(hl_runtime *runtime, const char *name, uint32_t timeout_ms,
                                              bool (*callback)(const hl_plugin_health *, void *user), void *user);
HL_API HL_MUST_USE hl_status hl_health_event(hl_runtime *runtime, const char *event, uint32_t timeout_ms,
                                             bool (*callback)(const hl_event_health *, void *user), void *user);
HL_API HL_MUST_USE hl_status hl_health(hl_runtime *runtime, uint32_t timeout_ms,
                                       bool (*callback)(const hl_event_health *, void *user), void *user);

/* One plugin's share of a profiled run. */
typedef struct hl_profile_row {
    size_t size;
    const char *name;
    uint64_t elapsed_ns;
    int64_t verdict;
} hl_profile_row;

/* Runs the event's chain once on `state`, timing each plugin, in order, honouring halt and failure, and reports
 * a row for each plugin that ran. It is a real dispatch with real effects; where the contract has a state size it runs
 * on a copy, so that the state is spared. *reply is what hl_call would have given; may be NULL. [any-thread] */
HL_API HL_MUST_USE hl_status hl_profile(hl_event *event, void *state, const void *meta,
                                        bool (*callback)(const hl_profile_row *, void *user), void *user,
                                        hl_reply *reply);

#ifdef __cplusplus
}
#endif
#endif

/* Asking the servers that run on a store, from another process. Each runtime on an LMDB store listens on a socket in
 * the store's directory, which only the store's owner may use. */
#ifndef HOOKLINE_CONTROL_H
#define HOOKLINE_CONTROL_H

#include <hookline/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Sends a request to each server on the store and hands over each answer, both JSON texts. The requests:
 *
 *   {"ask":"status"}                              pid, program, counters, events with engine and generation
 *   {"ask":"show"|"explain"|"profile"|"health","event":NAME}     health without event: all; "timeout_ms" for its probes
 *   {"ask":"dump","event":NAME,"stage":"plan"|"steps"|"code"}
 *   {"ask":"settle","plugins":[{"name":NAME,"revision":N}],"timeout_ms":N}      answers when these records (revision 0:
 *                                                 their removal) have arrived, and chains are compiled or never will be
 *   {"ask":"prepare","libraries":[{"path":P,"stamp":S,"replaces_path":P,"replaces_stamp":S}]}      loads them and keeps
 *                                                 them for a minute, so that a commit that names them finds them loaded
 *   {"ask":"release","libraries":[...]}           lets go of what was prepared; records that were committed meanwhile
 *                                                 have its code then. Both: "except_pid":PID leaves that process out
 *   {"ask":"libraries"}                           paths and stamps of what is mapped
 *   {"ask":"top"}                                 hl_inside and hl_workers
 *   {"ask":"crashes"}                             hl_crashes: how workers and servers died
 *   {"ask":"watch","event":NAME,"on":BOOLEAN}     hl_watch
 *   {"ask":"module","do":"load"|"reload"|"release","key":UUID}      as the hl_module_ function of that name: "worker",
 *                                                 the process id of the key's worker, 0 when it has none
 *   {"ask":"module","do":"execute","key":UUID,"function":NAME,"args":TEXT,"timeout_ms":N}      hl_module_execute:
 *                                                 "result"; both are JSON texts, args a list. Each with "in":PID: only
 *                                                 that process does it, the others answer "meant":false
 *   {"ask":"modules"}                             the keys that are loaded there: module, worker, calls, holders
 * Servers without libhookline do not know the last three: HL_ERR_UNSUPPORTED, field "ask".
 * An answer has "pid", and "error" with status and message when the server could not do it. Servers that do not answer
 * within timeout_ms (0: 2,000) are left out. HL_ERR_PEER when none answered. [any-thread] */
HL_API HL_MUST_USE hl_status hl_control_ask(const char *store, const char *request, uint32_t timeout_ms,
                                            bool (*callback)(const char *answer, void *user), void *user);
/* The same, and tells of each server that was there and gave no answer: "pid", "silent":true, and an "error" with
 * HL_ERR_TIMEOUT, or HL_ERR_PEER when it ended or too many wait for it already. What it was asked to do it may still
 * do. HL_ERR_PEER when no server is there. [any-thread] */
HL_API HL_MUST_USE hl_status hl_control_ask_all(const char *store, const char *request, uint32_t timeout_ms,
                                                bool (*callback)(const char *answer, void *user), void *user);

#ifdef __cplusplus
}
#endif
#endif

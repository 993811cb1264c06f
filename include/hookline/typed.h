/* Typed events: one declaration, shared by the server and its plugins, gives an event its C type and its contract.
 * Calling the event, or writing a plugin for it, with another type does not compile, in C and in C++, and costs
 * nothing over hl_call. The counterpart of the reference behaviours (VR-05).
 *
 *     struct request { int fd; uint32_t status; char path[128]; };
 *     HL_TYPED_EVENT(request, "request", struct request,
 *                    HL_FIELD(struct request, int, fd), HL_FIELD(struct request, uint32_t, status))
 *
 * A plugin:                                              The server (with hookline.h):
 *     static hl_reply limit(void *self,                      HL_TYPED_CALLS(request)
 *         struct request *state, const void *meta);          request_event ev;
 *     HL_TYPED_PLUGIN(request, limit)                        status = request_open(rt, &ev);
 *     ... HL_TYPED_PLUGIN_INIT("limit", request, limit)      reply  = request_call(ev, &req, NULL);
 */
#ifndef HOOKLINE_TYPED_H
#define HOOKLINE_TYPED_H

#include <hookline/plugin.h>

#ifdef __cplusplus
#define HL__SAME_TYPE(a, b) (0 * sizeof(*(1 ? (__typeof__(a) *)0 : (__typeof__(b) *)0)))
#define HL__TYPED_ARG(id, state_type) typedef state_type *id##_arg;
#define HL__TYPED_PTR(arg) (arg)
#define HL__TYPED_CHECK(id, fn)
#else
/* C only warns about a wrong pointer type; these make it an error. */
#define HL__SAME_TYPE(a, b) (0 * sizeof(char[__builtin_types_compatible_p(__typeof__(a), __typeof__(b)) ? 1 : -1]))
#define HL__TYPED_ARG(id, state_type)                                                                                  \
    typedef union {                                                                                                    \
        state_type *typed;                                                                                             \
    } id##_arg __attribute__((transparent_union));
#define HL__TYPED_PTR(arg) ((arg).typed)
#define HL__TYPED_CHECK(id, fn)                                                                                        \
    _Static_assert(__builtin_types_compatible_p(__typeof__(&fn), id##_fn *), #fn " is not a " #id "_fn");
#endif

/* One row of a contract. The member must have exactly the type given: another one does not compile. An array is given
 * as HL_FIELD(struct request, char[128], path). */
#define HL_FIELD(state_type, member_type, member)                                                                      \
    {                                                                                                                  \
#member, #member_type,                                                                                         \
            (uint32_t)(offsetof(state_type, member) + HL__SAME_TYPE(member_type, ((state_type *)0)->member)),          \
            (uint32_t)sizeof(__typeof__(member_type))                                                                  \
    }

/* Declares contract, state type and plugin function type of an event. Use it once a translation unit. */
#define HL_TYPED_EVENT(id, event_name, state_type, ...) HL__TYPED_EVENT(id, event_name, state_type, NULL, __VA_ARGS__)

/* The same for a state that has pointers: `codec`, the address of a constant hl_codec, carries it to workers and back
 * (hookline/isolation.h). */
#define HL_TYPED_EVENT_CODEC(id, event_name, state_type, codec, ...)                                                   \
    HL__TYPED_EVENT(id, event_name, state_type, codec, __VA_ARGS__)

#define HL__TYPED_EVENT(id, event_name, state_type, codec, ...)                                                        \
    typedef state_type id##_state;                                                                                     \
    typedef hl_reply id##_fn(void *self, state_type *state, const void *meta);                                         \
    HL__TYPED_ARG(id, state_type)                                                                                      \
    static const char id##_event_name[] HL_UNUSED = event_name;                                                        \
    static const hl_field id##_fields[] HL_UNUSED = {__VA_ARGS__};                                                     \
    static const hl_contract id##_contract HL_UNUSED = {sizeof(hl_contract),                                           \
                                                        #state_type,                                                   \
                                                        sizeof(state_type),                                            \
                                                        id##_fields,                                                   \
                                                        sizeof(id##_fields) / sizeof(id##_fields[0]),                  \
                                                        codec,                                                         \
                                                        0};

/* Makes a plugin function of a typed one; the compiler inlines it, so it costs nothing. */
#define HL_TYPED_PLUGIN(id, fn)                                                                                        \
    HL__TYPED_CHECK(id, fn)                                                                                            \
    static hl_reply fn##_call(void *self, void *state, const void *meta)                                               \
    {                                                                                                                  \
        id##_fn *typed = fn;                                                                                           \
        return typed(self, (id##_state *)state, meta);                                                                 \
    }

/* HL_PLUGIN_INIT for a function declared with HL_TYPED_PLUGIN: event and contract come from the declaration. */
#define HL_TYPED_PLUGIN_INIT(plugin_name, id, fn)                                                                      \
    {                                                                                                                  \
        sizeof(hl_plugin_spec), (plugin_name), id##_event_name, fn##_call, NULL, NULL, NULL, NULL, NULL, NULL, NULL,   \
            NULL, &id##_contract, HL_PRIORITY_DEFAULT                                                                  \
    }

/* The server's side: id_event, id_open and id_call. Needs hookline/event.h and hookline/call.h. */
#define HL_TYPED_CALLS(id)                                                                                             \
    typedef struct id##_event {                                                                                        \
        hl_event *event;                                                                                               \
    } id##_event;                                                                                                      \
    HL__TYPED_ARG(id##_handle, id##_event)                                                                             \
    HL_MUST_USE HL_UNUSED static inline hl_status id##_open(hl_runtime *runtime, id##_handle_arg out)                  \
    {                                                                                                                  \
        hl_event_spec spec = HL_EVENT_INIT(id##_event_name);                                                           \
        spec.contract = &id##_contract;                                                                                \
        return hl_event_define(runtime, &spec, &HL__TYPED_PTR(out)->event);                                            \
    }                                                                                                                  \
    HL_UNUSED static inline hl_reply id##_call(id##_event event, id##_arg state, const void *meta)                     \
    {                                                                                                                  \
        return hl_call(event.event, HL__TYPED_PTR(state), meta);                                                       \
    }

#endif

/* The state that the plugin library "engines-guest" is called with: how to see it, and to act, from inside its call. */
#ifndef HL_TEST_ENGINES_GUEST_H
#define HL_TEST_ENGINES_GUEST_H

typedef struct guest_state {
    const void *code;        /* set: where the plugin's code is */
    int inside;              /* set, atomic: 1 while the call is inside */
    int stay;                /* atomic: the call stays while it is not 0 */
    void (*act)(void *with); /* called by the plugin, may be NULL */
    void *with;
} guest_state;

#endif

/* What the event's state asks the plugins of doomed_program and of the library processes-crasher to do. */
#ifndef HL_TEST_PROCESSES_CRASHER_H
#define HL_TEST_PROCESSES_CRASHER_H

enum crash {
    CRASH_NOT = 0,
    CRASH_IN_LIBRARY,
    CRASH_IN_LIBC,
    CRASH_IN_HOST,
    CRASH_ABORT,
    CRASH_OVERFLOW,
    CRASH_REPAIRED
};

#endif

/* Marks what libhookline-core shares with libhookline and nobody else. Both have the same version; nothing of it is
 * part of the ABI. */
#ifndef HL_CORE_SHARED_H
#define HL_CORE_SHARED_H

#define HL__SHARED __attribute__((visibility("default")))

#endif

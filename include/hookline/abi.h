/* Version, ABI number, and the few attributes that the other headers use. Included by all of them.
 *
 * Thread tags. Each function's comment ends with one; debug builds assert them.
 *   [any-thread]     from any thread, at any time between hl_open and hl_close, from inside a plugin too
 *   [dispatch]       as [any-thread], and wait-free: no lock, no system call, no allocation after a thread's first call
 *   [not-in-plugin]  may wait for dispatches to end: refused with HL_ERR_IN_PLUGIN from inside a plugin's call
 *   [plugin]         written by the plugin author; runs on whatever thread dispatches
 *   [control]        called by Hookline on its control thread: must not wait for Hookline, must return soon */
#ifndef HOOKLINE_ABI_H
#define HOOKLINE_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The one place that states the version: CMake, pkg-config and the command read it from here. */
#define HL_VERSION_MAJOR 0
#define HL_VERSION_MINOR 1
#define HL_VERSION_PATCH 0

/* What a plugin library must have been built with: raised only when an old library could misbehave. */
#define HL_ABI 1

#if defined(__GNUC__)
#define HL_API __attribute__((visibility("default")))
#define HL_MUST_USE __attribute__((warn_unused_result))
#define HL_UNUSED __attribute__((unused))
#define HL_UNLIKELY(x) __builtin_expect(!!(x), 0)
#else
#error "Hookline needs gcc or clang"
#endif

#endif

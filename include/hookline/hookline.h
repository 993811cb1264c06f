/* Everything a server needs. */
#ifndef HOOKLINE_HOOKLINE_H
#define HOOKLINE_HOOKLINE_H

#include <hookline/abi.h>
#include <hookline/call.h>
#include <hookline/control.h>
#include <hookline/event.h>
#include <hookline/health.h>
#include <hookline/inspect.h>
#include <hookline/install.h>
#include <hookline/isolation.h>
#include <hookline/library.h>
#include <hookline/notice.h>
#include <hookline/plugin.h>
#include <hookline/registry.h>
#include <hookline/runtime.h>
#include <hookline/status.h>
#include <hookline/store.h>
#include <hookline/supervise.h>
#include <hookline/txn.h>
#include <hookline/typed.h>

#endif

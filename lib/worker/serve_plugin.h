/* The service of hookline-worker, for its main. */
#ifndef HL_WORKER_SERVE_PLUGIN_H
#define HL_WORKER_SERVE_PLUGIN_H

#include "worker/start.h"

extern const hl__service hl__plugin_service;

#endif

/* The site over HTTP, by libmicrohttpd. */
#ifndef HTTP_H
#define HTTP_H

#include "site.h"

struct http;

/* Serves on 127.0.0.1. Port 0 takes any that is free. NULL with errno set when the port cannot be had. */
struct http *http_start(struct site *site, uint16_t port, unsigned threads);
uint16_t http_port(const struct http *http);

/* Takes no new connections, lets running requests end (for at most two seconds), and closes. NULL is a no-op. */
void http_stop(struct http *http);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's interface, docs/formats/api.md: HTTP/1.1 on a Unix socket and on loopback.
 *
 * Trust: requests come from anybody who reaches the sockets. Sizes are bounded before memory is
 * taken, paths are compared as sent (nothing is decoded), signatures are checked before anything
 * else is done for whoever signs. */
#pragma once

#include "daemon.h"

struct http;

/* socket: the path of the Unix socket, made anew; -EADDRINUSE where somebody answers there. port:
 * -1 none, 0 any; *ret_port is the one it is. */
int http_open(struct daemon *g, const char *socket, int port, struct http **ret, int *ret_port,
              struct diag *d) MUST_USE;
/* No new connections. */
void http_quiesce(struct http *h);
/* Waits for what is under way. NULL-safe. */
void http_close(struct http *h);

/* SPDX-License-Identifier: Apache-2.0 */
/* A member and its owner in one ordinary process: requests go straight into call_serve(). With
 * fs/test_host.h for the rest. For tests and fuzz targets. */
#pragma once

#include "fs/test_host.h"
#include "proc/call_client.h"
#include "proc/call_server.h"

extern struct os_thread loopback_member;
extern struct call_server loopback_server;
extern unsigned loopback_rounds; /* requests so far */
void loopback_start(void);
/* fs/'s call of that number, by the owner for the member when remote, or right here. */
int64_t loopback_call(bool remote, uint64_t number, const uint64_t args[CALL_ARGS]);

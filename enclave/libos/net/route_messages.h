/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of rtnetlink(7): which links and addresses there are. What is there is the loopback,
 * as interfaces.c has it for SIOCGIF*; nothing can be changed, so nothing is ever announced.
 * Source: net/netlink/af_netlink.c, net/core/rtnetlink.c.
 *
 * Trust: requests are the workload's. */
#pragma once

#include "base/attr.h"

#define ROUTE_REQUEST_MAX 2048u /* bytes of a datagram of requests; the C library sends 20 */

/* One datagram of answers. False: no room; nothing further is answered. */
typedef bool (*route_put)(void *context, const void *data, size_t size);

/* Answers a datagram of requests. port: of the socket that asks. may_change: whether it may try to
 * change something, which fails with EOPNOTSUPP rather than EPERM then. */
void route_answer(const void *requests, size_t size, uint32_t port, bool may_change, route_put put,
                  void *context);

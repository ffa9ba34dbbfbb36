/* SPDX-License-Identifier: Apache-2.0 */
/* The one interface that there is, as every way of asking tells of it. */
#pragma once

#define LOOPBACK_NAME     "lo"
#define LOOPBACK_NUMBER   1
#define LOOPBACK_FLAGS    0x49u /* IFF_UP, IFF_LOOPBACK, IFF_RUNNING */
#define LOOPBACK_HARDWARE 772   /* ARPHRD_LOOPBACK */
#define LOOPBACK_MTU      65536
#define LOOPBACK_QUEUE    1000

/* SPDX-License-Identifier: Apache-2.0 */
/* The network beyond the enclave, as both sides of the boundary speak of it: which endpoints a
 * manifest lists, and the records in the hostcalls net_*.
 *
 * Sockets have numbers of the enclave's choosing, below 2^32 - 1: one at a time for each remainder
 * modulo NET_SOCKETS_MAX, so that what is told late of a number is not taken for its successor's.
 * Addresses of IPv4 are kept as ::ffff:a.b.c.d. Numbers are little endian, as everything in a
 * hostcall slot. */
#pragma once

#include "base/attr.h"
#include "base/bytes.h"

/* What the host holds for a run, at most: ENFILE. Connections wait for accept() in it. */
#define NET_SOCKETS_MAX 2048u

/* One line of a manifest's network: these addresses, these ports, this protocol. */
struct manifest_endpoint {
    uint8_t ip[16];
    bool v6, udp;
    uint8_t prefix;       /* bits of the address that count: 0..32 or 0..128 */
    uint16_t first, last; /* ports, inclusive; not 0 */
};
/* Does one of them cover it? ip: IPv4 as ::ffff:a.b.c.d, which IPv6 endpoints never cover. */
bool network_allows(const struct manifest_endpoint *endpoints, size_t count, bool udp,
                    const uint8_t ip[16], uint16_t port);

struct net_address {
    uint8_t ip[16];
    uint16_t port;
    uint8_t v6; /* 0 or 1: of which family the socket is */
    uint8_t reserved[5];
};
_Static_assert(sizeof(struct net_address) == 24, "in hostcall slots");

/* net_accept: who came, and which of this host's addresses it came to. */
struct net_accepted {
    struct net_address peer, local;
};

/* Kinds and wishes of a socket that is made: bits of an argument. */
enum net_kind {
    NET_UDP = 1,
    NET_V6 = 2,
    NET_V6_ONLY = 4,
    NET_REUSE_ADDRESS = 8,
    NET_REUSE_PORT = 16,
    NET_BROADCAST = 32,
    NET_KIND_BITS = 63,
};
enum net_send_flag { NET_MORE = 1, NET_URGENT = 2, NET_TO = 4 /* an address comes first */ };
enum net_receive_flag { NET_FROM = 1 /* an address comes first */, NET_RECEIVE_URGENT = 2 };

/* net_wait, what it is told: of these streams the host may receive when bytes come, once, and bring
 * them along with the news. received: how often net_receive has got something from that socket: a
 * host that counts more of it does not take the record to heart, which was overtaken. */
struct net_arm {
    uint32_t socket, received;
};
#define NET_ARMS_MAX 256u

/* What it tells: what happened to whom since it was last told, and with NET_BROUGHT how receiving
 * ended: 0 at the end, bytes, which follow, or -errno, as of net_receive. Each record and its bytes are
 * filled up to a multiple of 8. What was brought comes before what net_receive gets later: that answers
 * EAGAIN to whoever has not taken to heart as often what was brought of the socket. */
struct net_event {
    uint32_t socket;
    uint32_t events; /* of poll(2): NET_IN … */
    int32_t brought;
    uint32_t reserved;
};
_Static_assert(sizeof(struct net_event) == 16, "in hostcall slots");
#define NET_IN         1u
#define NET_PRI        2u
#define NET_OUT        4u
#define NET_ERR        8u
#define NET_HUP        16u
#define NET_RDHUP      0x2000u
#define NET_BROUGHT     0x80000000u
#define NET_BROUGHT_MAX 4096u  /* bytes of one socket; fewer: there were no more */
#define NET_NEWS_MAX    32768u /* bytes of all of it */
#define NET_EVENTS_MAX  256u

/* Options that reach the host's socket: NET_OPTION(name, level, option of Linux, least, most). */
#define NET_OPTIONS(NET_OPTION)                                                                    \
    NET_OPTION(no_delay, 6, 1, 0, 1)                                                               \
    NET_OPTION(cork, 6, 3, 0, 1)                                                                   \
    NET_OPTION(keep_idle, 6, 4, 1, 32767)                                                          \
    NET_OPTION(keep_interval, 6, 5, 1, 32767)                                                      \
    NET_OPTION(keep_count, 6, 6, 1, 127)                                                           \
    NET_OPTION(defer_accept, 6, 9, 0, INT32_MAX)                                                   \
    NET_OPTION(user_timeout, 6, 18, 0, INT32_MAX)                                                  \
    NET_OPTION(keep_alive, 1, 9, 0, 1)                                                             \
    NET_OPTION(urgent_inline, 1, 10, 0, 1)                                                         \
    NET_OPTION(send_buffer, 1, 7, 0, INT32_MAX)                                                    \
    NET_OPTION(receive_buffer, 1, 8, 0, INT32_MAX)                                                 \
    NET_OPTION(linger_s, 1, 13, -1, 65535) /* -1: it does not linger */
enum net_option {
#define NET_OPTION(name, level, option, least, most) NET_OPTION_##name,
    NET_OPTIONS(NET_OPTION)
#undef NET_OPTION
        NET_OPTION_COUNT
};

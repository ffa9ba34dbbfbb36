/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of the kernel and of abi/network.h. */
#include "net.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

unsigned host_net_encode(const struct net_address *a, struct sockaddr_storage *ret)
{
    memset(ret, 0, sizeof *ret);
    if (a->v6) {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(a->port)};
        memcpy(&in6.sin6_addr, a->ip, sizeof in6.sin6_addr);
        memcpy(ret, &in6, sizeof in6);
        return sizeof in6;
    }
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(a->port)};
    memcpy(&in.sin_addr, a->ip + 12, sizeof in.sin_addr);
    memcpy(ret, &in, sizeof in);
    return sizeof in;
}

void host_net_decode(const struct sockaddr_storage *from, bool v6, struct net_address *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->v6 = v6;
    if (from->ss_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, from, sizeof in6);
        memcpy(ret->ip, &in6.sin6_addr, sizeof ret->ip);
        ret->port = ntohs(in6.sin6_port);
    } else {
        struct sockaddr_in in;
        memcpy(&in, from, sizeof in);
        memcpy(ret->ip, mapped, sizeof mapped);
        memcpy(ret->ip + 12, &in.sin_addr, sizeof in.sin_addr);
        ret->port = ntohs(in.sin_port);
    }
}

void host_net_local(int fd, bool v6, struct net_address *ret)
{
    struct sockaddr_storage a = {.ss_family = AF_INET};
    socklen_t size = sizeof a;
    ignore_result(getsockname(fd, (struct sockaddr *)&a, &size), "all zeros then");
    host_net_decode(&a, v6, ret);
}

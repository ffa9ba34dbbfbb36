/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "net.h"

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
static const uint8_t loopback6[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
static const uint8_t any[16];

#define NETLINK_ADDRESS 12u /* struct sockaddr_nl */

static bool is_v4(const struct sock_address *a)
{
    return memcmp(a->ip, mapped, sizeof mapped) == 0;
}

bool address_is_any(const struct sock_address *a)
{
    static const uint8_t none[4];
    return memcmp(a->ip, any, sizeof any) == 0 ||
           (is_v4(a) && memcmp(a->ip + 12, none, sizeof none) == 0);
}

void address_means_here(struct sock_address *a)
{
    if (!address_is_any(a)) {
        return;
    }
    bool four = is_v4(a);
    memset(a->ip, 0, sizeof a->ip);
    if (four) {
        memcpy(a->ip, mapped, sizeof mapped);
        a->ip[12] = 127;
    }
    a->ip[15] = 1;
}

int address_reachable(const struct sock_address *a)
{
    bool local = a->family == AF_UNIX_ || address_is_any(a) ||
                 memcmp(a->ip, loopback6, sizeof loopback6) == 0 || (is_v4(a) && a->ip[12] == 127);
    return local ? 0 : -EACCES;
}

int address_from_app(app_ptr at, uint32_t size, int family, struct sock_address *ret)
{
    uint8_t raw[128];
    uint16_t said;
    if (size < sizeof said || size > sizeof raw) {
        return -EINVAL;
    }
    if (copy_from_app(raw, at, size) != 0) {
        return -EFAULT;
    }
    memcpy(&said, raw, sizeof said);
    *ret = (struct sock_address){.family = said};
    if (said != family) {
        return family == AF_UNIX_ || family == AF_NETLINK_ ? -EINVAL : -EAFNOSUPPORT;
    }
    if (family == AF_NETLINK_) {
        if (size < NETLINK_ADDRESS) {
            return -EINVAL;
        }
        memcpy(&ret->netlink_port, raw + 4, 4);
        memcpy(&ret->netlink_groups, raw + 8, 4);
        return 0;
    }
    if (family == AF_UNIX_) {
        uint32_t n = size - 2;
        if (n > SOCK_PATH_MAX) {
            return -EINVAL;
        }
        memcpy(ret->path, raw + 2, n);
        ret->path_size = n;
        if (n > 0 && ret->path[0] != 0) { /* a path ends at its NUL, if it has one */
            uint32_t end = 0;
            while (end < n && ret->path[end] != 0) {
                end++;
            }
            ret->path_size = end;
        }
        return 0;
    }
    if (size < (family == AF_INET_ ? 16u : 24u)) {
        return -EINVAL;
    }
    ret->port = (uint16_t)(raw[2] << 8 | raw[3]);
    if (family == AF_INET_) {
        memcpy(ret->ip, mapped, sizeof mapped);
        memcpy(ret->ip + 12, raw + 4, 4);
    } else {
        memcpy(ret->ip, raw + 8, 16);
    }
    return 0;
}

uint32_t address_encode(const struct sock_address *a, uint8_t ret[128])
{
    memset(ret, 0, 128);
    memcpy(ret, &a->family, 2);
    if (a->family == AF_UNIX_) {
        memcpy(ret + 2, a->path, a->path_size);
        bool path = a->path_size > 0 && a->path[0] != 0;
        return 2 + a->path_size + (path ? 1u : 0u); /* Linux counts the NUL of a path */
    }
    if (a->family == 0) {
        return 0;
    }
    if (a->family == AF_NETLINK_) {
        memcpy(ret + 4, &a->netlink_port, 4);
        memcpy(ret + 8, &a->netlink_groups, 4);
        return NETLINK_ADDRESS;
    }
    ret[2] = (uint8_t)(a->port >> 8);
    ret[3] = (uint8_t)a->port;
    if (a->family == AF_INET_) {
        memcpy(ret + 4, a->ip + 12, 4);
        return 16;
    }
    memcpy(ret + 8, a->ip, 16);
    return 28;
}

int address_to_app(const struct sock_address *a, app_ptr at, app_ptr size)
{
    uint8_t raw[128];
    int32_t room;
    if (copy_from_app(&room, size, sizeof room) != 0) {
        return -EFAULT;
    }
    if (room < 0) {
        return -EINVAL;
    }
    uint32_t n = address_encode(a, raw);
    if (copy_to_app(at, raw, (uint32_t)room < n ? (uint32_t)room : n) != 0 ||
        copy_to_app(size, &n, sizeof n) != 0) {
        return -EFAULT;
    }
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The network interface that there is: the loopback, as number 1. The host's are not shown: which
 * it has is its word, and programs need none of them to reach what the manifest lists. Source:
 * netdevice(7), net/core/dev_ioctl.c.
 *
 * Trust: requests and names are the workload's. */
#include <errno.h>

#include "libos/syscalls.h"
#include "loopback.h"
#include "net.h"

#define NAME_SIZE 16u

/* linux/sockios.h */
enum interface_request {
    GET_NAME = 0x8910,
    GET_LIST = 0x8912,
    GET_FLAGS = 0x8913,
    GET_ADDRESS = 0x8915,
    GET_MASK = 0x891b,
    GET_METRIC = 0x891d,
    GET_MTU = 0x8921,
    GET_HARDWARE = 0x8927,
    GET_NUMBER = 0x8933,
    GET_QUEUE = 0x8942,
    GET_LINK = 0x8946, /* SIOCETHTOOL */
};

/* struct ifreq */
struct request {
    char name[NAME_SIZE];
    union {
        int32_t number;
        int16_t flags;
        struct {
            uint16_t family, port;
            uint8_t ip[4];
            uint8_t pad[8];
        } address;
        uint8_t all[24];
    } u;
};
_Static_assert(sizeof(struct request) == 40, "linux/if.h");

static const char loopback_name[] = LOOPBACK_NAME;

static void put_address(struct request *q, uint8_t first, uint8_t last)
{
    memset(&q->u.address, 0, sizeof q->u.address);
    q->u.address.family = AF_INET_;
    q->u.address.ip[0] = first;
    q->u.address.ip[3] = last;
}

static int64_t list(app_ptr arg)
{
    struct {
        int32_t size;
        uint32_t pad;
        uint64_t buffer;
    } where;
    struct request q = {.name = LOOPBACK_NAME};
    if (copy_from_app(&where, arg, sizeof where) != 0) {
        return -EFAULT;
    }
    put_address(&q, 127, 1);
    int64_t err = 0;
    if (where.buffer == 0) {
        where.size = sizeof q;
    } else if (where.size >= (int32_t)sizeof q) {
        err = copy_to_app((app_ptr){where.buffer}, &q, sizeof q) != 0 ? -EFAULT : 0;
        where.size = sizeof q;
    } else {
        where.size = 0;
    }
    return err != 0 || copy_to_app(arg, &where, sizeof where) != 0 ? -EFAULT : 0;
}

/* Fills in what is asked of the interface. */
static int answer(uint64_t request, struct request *q)
{
    switch (request) {
    case GET_FLAGS:
        q->u.flags = LOOPBACK_FLAGS;
        return 0;
    case GET_ADDRESS:
        put_address(q, 127, 1);
        return 0;
    case GET_MASK:
        put_address(q, 255, 0);
        return 0;
    case GET_METRIC:
        q->u.number = 0;
        return 0;
    case GET_MTU:
        q->u.number = LOOPBACK_MTU;
        return 0;
    case GET_HARDWARE:
        memset(&q->u.address, 0, sizeof q->u.address);
        q->u.address.family = LOOPBACK_HARDWARE;
        return 0;
    case GET_NUMBER:
        q->u.number = LOOPBACK_NUMBER;
        return 0;
    case GET_QUEUE:
        q->u.number = LOOPBACK_QUEUE;
        return 0;
    case GET_LINK:
        return -EOPNOTSUPP; /* loopback has no cable */
    default:
        return -ENOTTY;
    }
}

int64_t interface_ioctl(uint64_t request, app_ptr arg)
{
    struct request q = {.name = ""}, probe;
    if (request == GET_LIST) {
        return list(arg);
    }
    if (request != GET_NAME && answer(request, &probe) == -ENOTTY) {
        return -ENOTTY;
    }
    if (copy_from_app(&q, arg, sizeof q) != 0) {
        return -EFAULT;
    }
    int err;
    if (request == GET_NAME) {
        err = q.u.number == LOOPBACK_NUMBER ? 0 : -ENODEV;
        memcpy(q.name, loopback_name, sizeof loopback_name);
    } else {
        q.name[NAME_SIZE - 1] = '\0';
        err = memcmp(q.name, loopback_name, sizeof loopback_name) == 0 ? answer(request, &q)
                                                                       : -ENODEV;
    }
    return err != 0 ? err : copy_to_app(arg, &q, sizeof q) != 0 ? -EFAULT : 0;
}

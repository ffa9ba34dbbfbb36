/* SPDX-License-Identifier: Apache-2.0 */
/* The network beyond the enclave: what goes there and comes from there is anybody's. Whether an
 * endpoint may be asked for at all is the library OS's question; here answers get their form.
 *
 * The adversary: the host invents connections, bytes, addresses and errors, as any network may.
 * Numbers of sockets are the enclave's own, so no answer can name a wrong one but in net_wait,
 * where it is checked. */
#include "thread.h"

#define EIO 5

static int64_t call(unsigned number, uint64_t a, uint64_t b, uint64_t c, struct bytes to_host,
                    void *from_host, size_t from_size)
{
    const uint64_t args[HOSTCALL_ARGS] = {a, b, c};
    return rt_hostcall(number, args, to_host, from_host, from_size);
}

/* Of the family that the socket has, whatever the host says. */
static void tidy_address(struct net_address *a, bool v6)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (!v6) {
        memcpy(a->ip, mapped, sizeof mapped);
    }
    a->v6 = v6;
    memset(a->reserved, 0, sizeof a->reserved);
}

static int call_with_address(unsigned number, uint32_t socket, unsigned kind,
                             const struct net_address *a, struct net_address *ret_local)
{
    struct net_address local;
    int64_t r = call(number, socket, kind, 0, BYTES(a, sizeof *a), &local, sizeof local);
    if (r < 0) {
        return (int)r;
    }
    if (r != sizeof local) {
        return -EIO;
    }
    tidy_address(&local, (kind & NET_V6) != 0);
    *ret_local = local;
    return 0;
}

int rt_net_bind(uint32_t socket, unsigned kind, const struct net_address *a,
                struct net_address *ret_local)
{
    return call_with_address(HOSTCALL_net_bind, socket, kind, a, ret_local);
}

int rt_net_connect(uint32_t socket, unsigned kind, const struct net_address *a,
                   struct net_address *ret_local)
{
    return call_with_address(HOSTCALL_net_connect, socket, kind, a, ret_local);
}

int rt_net_listen(uint32_t socket, uint32_t backlog)
{
    return (int)HOSTCALL_SIMPLE(HOSTCALL_net_listen, socket, backlog);
}

int rt_net_accept(uint32_t socket, uint32_t connection, bool v6, struct net_accepted *ret)
{
    int64_t r = call(HOSTCALL_net_accept, socket, connection, 0, BYTES(NULL, 0), ret, sizeof *ret);
    if (r < 0) {
        return (int)r;
    }
    if (r != sizeof *ret) {
        return -EIO;
    }
    tidy_address(&ret->peer, v6);
    tidy_address(&ret->local, v6);
    return 0;
}

int64_t rt_net_send(uint32_t socket, unsigned flags, struct bytes data)
{
    int64_t r = call(HOSTCALL_net_send, socket, flags, 0, data, NULL, 0);
    return r > (int64_t)data.size ? -EIO : r;
}

int64_t rt_net_receive(uint32_t socket, unsigned flags, uint32_t brought, void *to, size_t size)
{
    const uint64_t args[HOSTCALL_ARGS] = {socket, size, flags, brought};
    return rt_hostcall(HOSTCALL_net_receive, args, BYTES(NULL, 0), to, size);
}

void rt_net_shutdown(uint32_t socket, int how)
{
    HOSTCALL_SIMPLE(HOSTCALL_net_shutdown, socket, (uint64_t)how);
}

void rt_net_close(uint32_t socket, uint32_t brought)
{
    HOSTCALL_SIMPLE(HOSTCALL_net_close, socket, brought);
}

int rt_net_option(uint32_t socket, enum net_option option, int32_t value)
{
    return (int)HOSTCALL_SIMPLE(HOSTCALL_net_option, socket, option, (uint64_t)(int64_t)value);
}

int rt_net_error(uint32_t socket)
{
    int64_t r = HOSTCALL_SIMPLE(HOSTCALL_net_error, socket);
    return r < 0 ? EIO : (int)r;
}

void rt_net_attend(struct net_attention *a)
{
    rt_self()->attention = a;
}

static void news_within(uint64_t timeout_ns, struct net_attention *a)
{
    const struct bytes arms = BYTES(a->arms, a->arm_count * sizeof a->arms[0]);
    int64_t r = call(HOSTCALL_net_wait, timeout_ns, 0, 0, arms, a->news, sizeof a->news);
    a->arm_count = 0;
    a->news_size = r > 0 ? (size_t)r : 0;
}

void rt_net_look(struct net_attention *a)
{
    news_within(0, a);
}

bool rt_net_wait(struct rt_thread *t, uint64_t timeout_ns)
{
    if (t->attention == NULL || t->attention->news_size != 0) {
        return false;
    }
    news_within(timeout_ns, t->attention);
    return true;
}

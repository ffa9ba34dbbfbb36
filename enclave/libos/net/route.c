/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of AF_NETLINK that ask for routes (NETLINK_ROUTE), which is how the C library lists
 * interfaces and addresses. The kernel of netlink(7) is this file: who sends to it finds the
 * answers in the socket's own queue. Groups may be joined; nothing changes, so nothing comes from
 * them. */
#include <errno.h>

#include "net.h"
#include "route_messages.h"

static struct sock *numbered; /* all that are bound, by bound_next */

static bool is_taken(uint32_t port)
{
    for (const struct sock *s = numbered; s != NULL; s = s->bound_next) {
        if (s->local.netlink_port == port) {
            return true;
        }
    }
    return false;
}

int route_bind(struct sock *s, const struct sock_address *a)
{
    uint32_t port = a->netlink_port;
    if (s->bound && port != s->local.netlink_port) {
        return -EINVAL;
    }
    if (!s->bound) {
        if (port != 0 && is_taken(port)) {
            return -EADDRINUSE;
        }
        if (port == 0) { /* the process's number, or one that no process has */
            port = (uint32_t)os_pid();
            for (uint32_t next = (uint32_t)-4097; is_taken(port); next--) {
                port = next;
            }
        }
        s->local.netlink_port = port;
        s->bound = true;
        s->bound_next = numbered;
        numbered = s;
    }
    s->local.netlink_groups = a->netlink_groups;
    return 0;
}

void route_unbind(struct sock *s)
{
    for (struct sock **at = &numbered; s->bound && *at != NULL; at = &(*at)->bound_next) {
        if (*at == s) {
            *at = s->bound_next;
            break;
        }
    }
    s->bound = false;
}

static bool put(void *context, const void *data, size_t size)
{
    static const struct sock_address kernel = {.family = AF_NETLINK_};
    struct sock *s = (struct sock *)context;
    bool fits = s->queued + size <= (uint64_t)s->options.receive_buffer;
    if (!fits || !sock_take_in(s, data, size, &kernel)) {
        s->error = ENOBUFS; /* as who reads too slowly is told */
        return false;
    }
    return true;
}

int64_t route_send(struct sock *s, struct iter *from, const struct sock_message *m)
{
    const struct sock_address *to = m->address.family != 0 ? &m->address : &s->remote;
    uint8_t requests[ROUTE_REQUEST_MAX];
    const size_t size = (size_t)from->left;
    if ((m->flags & MSG_OOB_) != 0) {
        return -EOPNOTSUPP;
    }
    if (from->left > sizeof requests) {
        return -EMSGSIZE;
    }
    const struct sock_address any = {.family = AF_NETLINK_};
    int err = s->bound ? 0 : route_bind(s, &any);
    err = err != 0 ? err : iter_get(from, requests, size);
    if (err != 0) {
        return err;
    }
    if (to->netlink_port != 0) { /* some other socket's: none listens for requests */
        return -ECONNREFUSED;
    }
    route_answer(requests, size, s->local.netlink_port, fs_uid() == 0, put, s);
    sock_changed(s);
    return (int64_t)size;
}

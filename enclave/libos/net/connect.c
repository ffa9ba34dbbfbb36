/* SPDX-License-Identifier: Apache-2.0 */
/* socket, socketpair, bind, listen, accept, connect, shutdown, names. */
#include <errno.h>

#include "libos/syscalls.h"
#include "outside.h"

#define TYPE_MASK        0xf
#define PROTOCOL_TCP     6
#define PROTOCOL_UDP     17
#define PROTOCOL_UDPLITE 136
#define NETLINK_ROUTE    0

int sock_at(int fd, struct file **ret_file, struct sock **ret)
{
    struct file *f = fd_get(fd);
    if (f == NULL || (f->flags & O_PATH) != 0) {
        return -EBADF;
    }
    if (f->ops != &sock_file_ops) {
        return -ENOTSOCK;
    }
    *ret_file = f;
    *ret = sock_of(f);
    return 0;
}

static int check_kind(int family, int type, int protocol)
{
    int kind = type & TYPE_MASK;
    if (family == AF_NETLINK_) {
        if ((type & ~(TYPE_MASK | O_NONBLOCK | O_CLOEXEC)) != 0) {
            return -EINVAL;
        }
        if (kind != SOCK_RAW_ && kind != SOCK_DGRAM_) {
            return -ESOCKTNOSUPPORT;
        }
        return protocol == NETLINK_ROUTE ? 0 : -EPROTONOSUPPORT;
    }
    if (family != AF_UNIX_ && family != AF_INET_ && family != AF_INET6_) {
        return -EAFNOSUPPORT;
    }
    if ((type & ~(TYPE_MASK | O_NONBLOCK | O_CLOEXEC)) != 0) {
        return -EINVAL;
    }
    if (family == AF_UNIX_) {
        if (kind != SOCK_STREAM_ && kind != SOCK_DGRAM_ && kind != SOCK_SEQPACKET_) {
            return -ESOCKTNOSUPPORT;
        }
        return protocol == 0 || protocol == AF_UNIX_ ? 0 : -EPROTONOSUPPORT;
    }
    if (kind == SOCK_RAW_) {
        return -EPERM;
    }
    if (kind != SOCK_STREAM_ && kind != SOCK_DGRAM_) {
        return -ESOCKTNOSUPPORT;
    }
    if (kind == SOCK_STREAM_) {
        return protocol == 0 || protocol == PROTOCOL_TCP ? 0 : -EPROTONOSUPPORT;
    }
    return protocol == 0 || protocol == PROTOCOL_UDP || protocol == PROTOCOL_UDPLITE
               ? 0
               : -EPROTONOSUPPORT;
}

/* Takes the socket's reference, also when it fails. */
static int64_t install(struct sock *take, int type)
{
    struct file *f;
    int err = sock_file(take, (uint32_t)type & O_NONBLOCK, &f);
    node_unref(&take->node);
    if (err != 0) {
        return err;
    }
    int fd = fd_install(f, 0, (type & O_CLOEXEC) != 0);
    file_unref(f);
    return fd;
}

int64_t sys_socket(int family, int type, int protocol)
{
    int err = check_kind(family, type, protocol);
    if (err != 0) {
        return err;
    }
    const bool netlink = family == AF_NETLINK_;
    struct sock *s = sock_new(family, netlink ? SOCK_DGRAM_ : type & TYPE_MASK);
    if (s == NULL) {
        return -ENOMEM;
    }
    if (netlink) {
        s->raw = (type & TYPE_MASK) == SOCK_RAW_;
        s->remote.family = AF_NETLINK_;
        s->state = SOCK_CONNECTED; /* with the kernel */
    }
    s->lite = family != AF_UNIX_ && protocol == PROTOCOL_UDPLITE;
    return install(s, type);
}

int64_t sys_socketpair(int family, int type, int protocol, app_ptr fds)
{
    int err = check_kind(family, type, protocol);
    if (err != 0 || family != AF_UNIX_) {
        return err != 0 ? err : -EOPNOTSUPP;
    }
    struct sock *a = sock_new(family, type & TYPE_MASK), *b = sock_new(family, type & TYPE_MASK);
    if (a == NULL || b == NULL) {
        node_unref(a != NULL ? &a->node : NULL);
        node_unref(b != NULL ? &b->node : NULL);
        return -ENOMEM;
    }
    sock_join(a, b);
    a->remote = b->remote = (struct sock_address){.family = AF_UNIX_};
    int fd[2] = {(int)install(a, type), -1};
    if (fd[0] < 0) {
        node_unref(&b->node);
        return fd[0];
    }
    fd[1] = (int)install(b, type);
    err = fd[1] < 0 ? fd[1] : copy_to_app(fds, fd, sizeof fd);
    for (int i = 0; i < 2 && err != 0; i++) {
        if (fd[i] >= 0) {
            ignore_result(fd_close(fd[i]), "it was just opened");
        }
    }
    return err;
}

int64_t sys_bind(int fd, app_ptr address, uint32_t size)
{
    struct file *f;
    struct sock *s;
    struct sock_address a;
    int err = sock_at(fd, &f, &s);
    err = err != 0 ? err : address_from_app(address, size, s->family, &a);
    if (err != 0) {
        return err;
    }
    return s->family == AF_NETLINK_ ? route_bind(s, &a) : sock_bind(s, &a);
}

int64_t sys_listen(int fd, int backlog)
{
    struct file *f;
    struct sock *s;
    int err = sock_at(fd, &f, &s);
    if (err != 0) {
        return err;
    }
    if (s->type == SOCK_DGRAM_) {
        return -EOPNOTSUPP;
    }
    if (s->state != SOCK_NEW && s->state != SOCK_LISTENING) {
        return -EINVAL;
    }
    if (s->family == AF_UNIX_ && !s->bound) {
        return -EINVAL;
    }
    err = sock_bind_free(s);
    if (err != 0) {
        return err;
    }
    err = s->outside.on ? outside_listen(s, backlog) : 0;
    if (err != 0) {
        return err;
    }
    unsigned most = (unsigned)backlog < SOCK_BACKLOG_MAX ? (unsigned)backlog : SOCK_BACKLOG_MAX;
    s->backlog = (int)most + 1; /* as Linux counts */
    s->state = SOCK_LISTENING;
    s->peer_pid = os_pid();
    backlog_admit(s);
    return 0;
}

static int64_t accept_one(int fd, app_ptr address, app_ptr size, int flags)
{
    struct file *f;
    struct sock *s;
    int err = sock_at(fd, &f, &s);
    if (err != 0) {
        return err;
    }
    if ((flags & ~(O_NONBLOCK | O_CLOEXEC)) != 0) {
        return -EINVAL;
    }
    if (s->type == SOCK_DGRAM_) {
        return -EOPNOTSUPP;
    }
    file_ref(f);
    uint64_t deadline = UINT64_MAX, timeout = s->options.receive_timeout_ns;
    if (timeout != 0 && !add_ok(rt_clock_ns(1), timeout, &deadline)) {
        deadline = UINT64_MAX;
    }
    outside_pull(s);
    while (err == 0 && s->state == SOCK_LISTENING && s->pending == NULL) {
        if ((f->flags & O_NONBLOCK) != 0 && outside_worth_asking(s)) {
            s->outside.may_have = true;
            outside_pull(s);
            continue;
        }
        err = (f->flags & O_NONBLOCK) != 0 ? -EAGAIN
              : s->outside.on              ? outside_block(s, deadline)
                                           : os_block(&s->changed, deadline);
        outside_pull(s);
    }
    if (err == 0 && s->state != SOCK_LISTENING) {
        err = -EINVAL;
    }
    int64_t result = err == -ETIMEDOUT ? -EAGAIN : err;
    if (err == 0) {
        struct sock *got = s->pending;
        s->pending = got->pending_next;
        s->pending_count--;
        backlog_admit(s);
        struct sock_address peer = got->remote;
        result = install(got, flags);
        if (result >= 0 && address.addr != 0 && address_to_app(&peer, address, size) != 0) {
            ignore_result(fd_close((int)result), "it was just opened");
            result = -EFAULT;
        }
    }
    file_unref(f);
    return result;
}

int64_t sys_accept(int fd, app_ptr address, app_ptr size)
{
    return accept_one(fd, address, size, 0);
}

int64_t sys_accept4(int fd, app_ptr address, app_ptr size, int flags)
{
    return accept_one(fd, address, size, flags);
}

/* A connection within the enclave, which may have to wait for a place. */
static int connect_here(struct sock *s, struct sock *listener, const struct sock_address *to,
                        bool no_wait)
{
    uint64_t deadline = UINT64_MAX, timeout = s->options.send_timeout_ns;
    if (timeout != 0 && !add_ok(rt_clock_ns(1), timeout, &deadline)) {
        deadline = UINT64_MAX;
    }
    int err = listener != NULL ? backlog_connect(s, listener, to, no_wait) : 0;
    if (err != 0 || s->state != SOCK_CONNECTING || (no_wait && listener != NULL)) {
        return err;
    }
    err = backlog_wait(s, no_wait, deadline);
    if (err == 0) {
        err = -s->error;
        s->error = 0;
        s->in_progress = false;
        return err;
    }
    if (s->family != AF_UNIX_) { /* it goes on by itself */
        return err == -EAGAIN ? -EALREADY : err == -ETIMEDOUT ? -EINPROGRESS : err;
    }
    backlog_leave(s);
    return err == -ETIMEDOUT ? -EAGAIN : err;
}

static int connect_stream(struct file *f, struct sock *s, const struct sock_address *a)
{
    bool no_wait = (f->flags & O_NONBLOCK) != 0;
    if (s->state == SOCK_CONNECTING) {
        return s->waits_for != NULL ? connect_here(s, NULL, a, no_wait)
                                    : outside_connect(s, a, no_wait);
    }
    if (s->in_progress) { /* asked again: how did it end? */
        s->in_progress = false;
        int err = s->error;
        s->error = 0;
        return -err;
    }
    if (s->state != SOCK_NEW) {
        return s->state == SOCK_LISTENING ? -EINVAL : -EISCONN;
    }
    struct sock_address to = *a;
    if (s->family != AF_UNIX_) {
        address_means_here(&to);
    }
    struct sock *listener = NULL;
    bool here = sock_find(s, &to, &listener) == 0 && listener->state == SOCK_LISTENING;
    if (s->family != AF_UNIX_ && !here && outside_may_connect(s, &to)) {
        return outside_connect(s, &to, no_wait);
    }
    int err = here ? 0 : address_reachable(a);
    err = err != 0 ? err : sock_find(s, a, &listener);
    if (err == 0 && listener->state != SOCK_LISTENING) {
        err = -ECONNREFUSED;
    }
    if (err == 0) {
        err = connect_here(s, listener, &to, no_wait);
    }
    if (s->family != AF_UNIX_ && no_wait && (err == 0 || err == -ECONNREFUSED)) {
        s->in_progress = true; /* TCP answers later, always */
        s->error = -err;
        sock_changed(s);
        return -EINPROGRESS;
    }
    return err;
}

static int connect_datagram(struct sock *s, const struct sock_address *a)
{
    struct sock *to = NULL;
    struct sock_address means = *a;
    address_means_here(&means);
    bool here = s->family == AF_UNIX_ || sock_find(s, a, &to) == 0;
    if (!here && outside_may_connect(s, &means)) {
        return outside_connect(s, &means, true);
    }
    int err = here ? 0 : address_reachable(a);
    if (err != 0) {
        return err;
    }
    if (s->family != AF_UNIX_) {
        err = sock_bind_free(s);
        if (err == 0) {
            s->remote = *a;
            s->state = SOCK_CONNECTED;
            if (address_is_any(&s->local)) {
                memcpy(s->local.ip, a->ip, sizeof a->ip);
            }
        }
        return err;
    }
    err = sock_find(s, a, &to); /* looked for again at each send: it may go */
    if (err == 0) {
        s->remote = *a;
        s->state = SOCK_CONNECTED;
    }
    return err;
}

int64_t sys_connect(int fd, app_ptr address, uint32_t size)
{
    struct file *f;
    struct sock *s;
    struct sock_address a;
    uint16_t family = 0;
    int err = sock_at(fd, &f, &s);
    if (err != 0) {
        return err;
    }
    if (s->type == SOCK_DGRAM_ && s->family != AF_NETLINK_ && size >= sizeof family &&
        copy_from_app(&family, address, sizeof family) == 0 && family == 0) { /* AF_UNSPEC */
        s->remote = (struct sock_address){0};
        s->peer = NULL;
        s->state = SOCK_NEW;
        if (s->outside.on && !s->outside.bound) { /* one without a peer is made when it sends */
            outside_close(s);
        }
        return 0;
    }
    err = address_from_app(address, size, s->family, &a);
    if (err != 0) {
        return err;
    }
    if (s->family == AF_NETLINK_) {
        const struct sock_address any = {.family = AF_NETLINK_};
        s->remote = a;
        return s->bound ? 0 : route_bind(s, &any);
    }
    if (s->type == SOCK_DGRAM_) {
        return connect_datagram(s, &a);
    }
    file_ref(f);
    err = connect_stream(f, s, &a);
    file_unref(f);
    return err;
}

int64_t sys_shutdown(int fd, int how)
{
    enum { READ = 0, WRITE = 1, BOTH = 2 };
    struct file *f;
    struct sock *s;
    int err = sock_at(fd, &f, &s);
    if (err != 0) {
        return err;
    }
    if (s->family == AF_NETLINK_) {
        return -EOPNOTSUPP;
    }
    if (how < READ || how > BOTH) {
        return -EINVAL;
    }
    if (s->state == SOCK_LISTENING && s->family != AF_UNIX_) {
        if (how == WRITE) {
            return 0;
        }
        s->state = SOCK_NEW; /* who accepts gets EINVAL */
        backlog_end(s);
        if (s->outside.on) {
            outside_shutdown(s, how);
        }
        sock_changed(s);
        return 0;
    }
    if (s->state != SOCK_CONNECTED) {
        return -ENOTCONN;
    }
    s->shut_read |= how != WRITE;
    s->shut_write |= how != READ;
    if (s->outside.on) {
        outside_shutdown(s, how);
    }
    sock_changed(s);
    if (s->peer != NULL) {
        sock_changed(s->peer);
    }
    return 0;
}

int64_t sys_getsockname(int fd, app_ptr address, app_ptr size)
{
    struct file *f;
    struct sock *s;
    int err = sock_at(fd, &f, &s);
    return err != 0 ? err : address_to_app(&s->local, address, size);
}

int64_t sys_getpeername(int fd, app_ptr address, app_ptr size)
{
    struct file *f;
    struct sock *s;
    int err = sock_at(fd, &f, &s);
    if (err == 0 && (s->state != SOCK_CONNECTED || s->remote.family == 0 ||
                     (s->outside.on && (s->reset || s->outside.hung_up)) ||
                     (s->family != AF_UNIX_ && s->peer == NULL && s->type == SOCK_STREAM_ &&
                      !s->outside.on && (s->reset || s->shut_write || s->error != 0)))) {
        err = -ENOTCONN;
    }
    return err != 0 ? err : address_to_app(&s->remote, address, size);
}

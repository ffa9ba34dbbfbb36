/* SPDX-License-Identifier: Apache-2.0 */
/* Control messages: descriptors and credentials of Unix sockets, header fields of datagrams.
 * Source: net/core/scm.c, net/ipv4/ip_sockglue.c, net/ipv6/datagram.c.
 *
 * Trust: sizes, levels and contents are the workload's. */
#include <errno.h>

#include "libos/syscalls.h"
#include "net.h"

#define SOL_IP_          0
#define SOL_SOCKET_      1
#define SOL_IPV6_        41
#define SCM_RIGHTS_      1
#define SCM_CREDENTIALS_ 2
#define IP_TOS_          1
#define IP_TTL_          2
#define IPV6_HOPLIMIT_   52
#define IPV6_TCLASS_     67
#define CONTROL_MAX      8192u

struct cmsghdr_ {
    uint64_t size;
    int32_t level, type;
};

static uint64_t cmsg_align(uint64_t n)
{
    return (n + 7) & ~UINT64_C(7);
}

void sock_drop_files(struct sock_message *m, uint32_t first)
{
    for (uint32_t i = first; i < m->file_count; i++) {
        file_unref(m->files[i]);
    }
    m->file_count = first;
}

/* ---- sending --------------------------------------------------------------------------------- */

static int rights_from(struct sock_message *m, struct bytes data)
{
    if (data.size % sizeof(int32_t) != 0) {
        return -EINVAL;
    }
    for (uint64_t at = 0; at < data.size; at += sizeof(int32_t)) {
        int32_t fd;
        memcpy(&fd, data.data + at, sizeof fd);
        struct file *f = fd_get(fd);
        if (f == NULL) {
            return -EBADF;
        }
        if (m->file_count == SOCK_RIGHTS_MAX) {
            return -EINVAL;
        }
        file_ref(f); /* sending may wait, and the descriptor be closed meanwhile */
        m->files[m->file_count++] = f;
    }
    return 0;
}

/* A header's field: an int, or for v4's type of service a byte. -1 stands for the socket's own. */
static int field_from(struct bytes data, bool byte_too, int least, bool *ret_has, uint8_t *ret)
{
    int32_t v = -1;
    if (data.size == sizeof v) {
        memcpy(&v, data.data, sizeof v);
    } else if (byte_too && data.size == 1) {
        v = data.data[0];
    } else {
        return -EINVAL;
    }
    if (v < least || v > 255) {
        return -EINVAL;
    }
    *ret_has = v >= 0;
    *ret = (uint8_t)v;
    return 0;
}

static int one_from(const struct sock *s, const struct cmsghdr_ *c, struct bytes data,
                    struct sock_message *m)
{
    if (c->level == SOL_SOCKET_) {
        if (c->type != SCM_RIGHTS_ && c->type != SCM_CREDENTIALS_) {
            return -EINVAL;
        }
        /* Credentials are the sender's own, whatever it says. */
        return c->type == SCM_RIGHTS_ && s->family == AF_UNIX_ ? rights_from(m, data) : 0;
    }
    if (s->family == AF_UNIX_ || s->type == SOCK_STREAM_) {
        return 0; /* which take no notice of other levels */
    }
    if (s->family == AF_INET_ && c->level == SOL_IP_) {
        return c->type == IP_TTL_   ? field_from(data, false, 1, &m->has_hops, &m->hops)
               : c->type == IP_TOS_ ? field_from(data, true, 0, &m->has_traffic, &m->traffic)
                                    : -EINVAL;
    }
    if (s->family == AF_INET6_ && c->level == SOL_IPV6_) {
        return c->type == IPV6_HOPLIMIT_ ? field_from(data, false, -1, &m->has_hops, &m->hops)
               : c->type == IPV6_TCLASS_ ? field_from(data, false, -1, &m->has_traffic, &m->traffic)
                                         : -EINVAL;
    }
    return 0;
}

int control_from_app(const struct sock *s, app_ptr at, uint64_t size, struct sock_message *m)
{
    if (size > CONTROL_MAX) {
        return -ENOBUFS;
    }
    uint8_t *raw = rt_alloc((size_t)size + 1);
    if (raw == NULL) {
        return -ENOMEM;
    }
    int err = copy_from_app(raw, at, (size_t)size) != 0 ? -EFAULT : 0;
    uint64_t done = 0;
    while (err == 0 && size - done >= sizeof(struct cmsghdr_)) {
        struct cmsghdr_ c;
        memcpy(&c, raw + done, sizeof c);
        if (c.size < sizeof c || c.size > size - done) {
            err = -EINVAL;
            break;
        }
        err = one_from(s, &c, BYTES(raw + done + sizeof c, c.size - sizeof c), m);
        uint64_t step = cmsg_align(c.size);
        done = step > size - done ? size : done + step;
    }
    rt_free(raw);
    return err;
}

/* ---- receiving ------------------------------------------------------------------------------- */

struct control {
    uint8_t *raw;
    uint64_t room, at;
    uint32_t flags;
};

static void put(struct control *to, int32_t level, int32_t type, const void *data, size_t size)
{
    struct cmsghdr_ c = {sizeof c + size, level, type};
    if (to->room - to->at < sizeof c) {
        to->flags |= MSG_CTRUNC_;
        return;
    }
    if (to->room - to->at < c.size) { /* cut, as put_cmsg() does it */
        to->flags |= MSG_CTRUNC_;
        c.size = to->room - to->at;
    }
    memcpy(to->raw + to->at, &c, sizeof c);
    memcpy(to->raw + to->at + sizeof c, data, c.size - sizeof c);
    to->at += cmsg_align(c.size);
    to->at = to->at < to->room ? to->at : to->room;
}

static void put_files(struct control *to, struct sock_message *m)
{
    uint64_t header = sizeof(struct cmsghdr_), free = to->room - to->at;
    uint64_t fit = free > header ? (free - header) / sizeof(int32_t) : 0;
    int32_t fds[SOCK_RIGHTS_MAX];
    uint32_t n = 0;
    while (n < m->file_count && n < fit) {
        int fd = fd_install(m->files[n], 0, (m->flags & MSG_CMSG_CLOEXEC_) != 0);
        if (fd < 0) {
            break;
        }
        fds[n++] = fd;
    }
    to->flags |= n < m->file_count ? MSG_CTRUNC_ : 0;
    if (n > 0) {
        put(to, SOL_SOCKET_, SCM_RIGHTS_, fds, n * sizeof fds[0]);
    }
    sock_drop_files(m, 0);
}

static bool from_v4(const struct sock_message *m)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    return memcmp(m->address.ip, mapped, sizeof mapped) == 0;
}

/* An IPv6 socket hears nothing of what came over IPv4. */
static void put_header_fields(struct control *to, const struct sock *s,
                              const struct sock_message *m)
{
    const int32_t hops = m->hops, traffic = m->traffic;
    const bool six = s->family == AF_INET6_ && !from_v4(m), four = s->family == AF_INET_;
    if (m->has_hops && four && s->options.tell_ttl) {
        put(to, SOL_IP_, IP_TTL_, &hops, sizeof hops);
    }
    if (m->has_traffic && four && s->options.tell_tos) {
        put(to, SOL_IP_, IP_TOS_, &m->traffic, sizeof m->traffic);
    }
    if (m->has_hops && six && s->options.tell_hops) {
        put(to, SOL_IPV6_, IPV6_HOPLIMIT_, &hops, sizeof hops);
    }
    if (m->has_traffic && six && s->options.tell_class) {
        put(to, SOL_IPV6_, IPV6_TCLASS_, &traffic, sizeof traffic);
    }
}

int control_to_app(const struct sock *s, app_ptr at, uint64_t *size, struct sock_message *m,
                   uint32_t *flags)
{
    struct control c = {.room = *size < CONTROL_MAX ? *size : CONTROL_MAX};
    c.raw = rt_alloc((size_t)c.room + 8);
    if (c.raw == NULL) {
        return -ENOMEM;
    }
    memset(c.raw, 0, (size_t)c.room + 8);
    if (s->options.pass_credentials) {
        const struct {
            int32_t pid;
            uint32_t uid, gid;
        } who = {m->pid, fs_uid(), fs_gid()};
        put(&c, SOL_SOCKET_, SCM_CREDENTIALS_, &who, sizeof who);
    }
    put_header_fields(&c, s, m);
    if (m->file_count > 0) {
        put_files(&c, m);
    }
    int err = copy_to_app(at, c.raw, (size_t)c.at) != 0 ? -EFAULT : 0;
    *size = c.at;
    *flags |= c.flags;
    rt_free(c.raw);
    return err;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See outside.h: bytes to and from the host's sockets, and readiness. */
#include "outside.h"

#include <errno.h>

#define SIGPIPE_ 13

/* One exchange with the host at a time: all of this runs under the library OS's lock. */
static uint8_t *buffer;

static uint8_t *get_buffer(void)
{
    if (buffer == NULL) {
        buffer = (uint8_t *)rt_alloc(HOSTCALL_DATA_MAX);
    }
    return buffer;
}

static uint64_t deadline_of(uint64_t timeout_ns)
{
    uint64_t at;
    return timeout_ns != 0 && add_ok(rt_clock_ns(1), timeout_ns, &at) ? at : UINT64_MAX;
}

static int wait_for(struct sock *s, bool no_wait, uint64_t deadline)
{
    int err = no_wait ? -EAGAIN : outside_block(s, deadline);
    return err == -ETIMEDOUT ? -EAGAIN : err;
}

static int broken(struct sock_message *m)
{
    if ((m->flags & MSG_NOSIGNAL_) == 0) {
        os_raise(SIGPIPE_);
    }
    return -EPIPE;
}

static int pending_error(struct sock *s)
{
    int err = s->error;
    s->error = 0;
    return -err;
}

/* So long the host's last word counts: a program that reads until there is nothing more asks twice
 * in a row, and no news travels so fast. */
#define FRESH_NS 20000u

static void had_nothing(struct sock *s)
{
    s->outside.looked_ns = rt_clock_ns(1);
}

bool outside_worth_asking(struct sock *s)
{
    return s->outside.on && rt_clock_ns(1) - s->outside.looked_ns > FRESH_NS;
}

/* ---- receiving ------------------------------------------------------------------------------ */

static void failed(struct sock *s, int err)
{
    s->outside.may_have = false;
    had_nothing(s);
    if (err == -EAGAIN) {
        return;
    }
    s->error = -err;
    if (s->type == SOCK_STREAM_) {
        s->outside.over = s->outside.ended = true;
        s->reset = s->reset || err == -ECONNRESET;
    }
}

/* Fewer bytes than asked for: there are no more, until an event says so. Its end was told before,
 * and the byte beside the stream ends a piece, too. */
static void came(struct sock *s, size_t n, size_t asked)
{
    if (n == 0) {
        s->outside.over = s->outside.ended = true;
        s->outside.may_have = false;
    } else if (n < asked && !s->outside.ended && !s->outside.urgent) {
        s->outside.may_have = false;
        had_nothing(s);
    }
}

static void took_in(struct sock *s, int64_t n, const uint8_t *data, size_t asked)
{
    if (n < 0) {
        failed(s, (int)n);
        return;
    }
    if (n > 0 && !sock_take_in(s, data, (size_t)n, NULL)) {
        failed(s, -ECONNRESET); /* the bytes have no place: as if they had been lost for good */
        return;
    }
    s->outside.large = n >= (int64_t)NET_BROUGHT_MAX;
    came(s, (size_t)n, asked);
}

/* The host received, or it would have if there had been something: it counts as this does. */
static void received(struct sock *s, int64_t result)
{
    if (result != -EAGAIN) {
        s->outside.received++;
        s->outside.armed = false;
    }
}

static void pull_stream(struct sock *s)
{
    uint8_t *b = get_buffer();
    int64_t n = -EAGAIN;
    if (b != NULL) {
        n = rt_net_receive(s->outside.number, 0, s->outside.brought, b, HOSTCALL_DATA_MAX);
        received(s, n);
    }
    took_in(s, n, b, HOSTCALL_DATA_MAX);
    outside_drained(s);
}

void outside_drained(struct sock *s)
{
    if (s->first == NULL && !s->outside.armed && !s->outside.listed) {
        outside_list(s);
    }
}

/* Only what was asked for: a host that brings more says no more than that there is something. */
void outside_brought(struct sock *s, int32_t result, struct bytes data)
{
    static const int errnos[] = {ECONNRESET, ECONNREFUSED, ETIMEDOUT, EIO};
    bool known = result >= 0 && (size_t)result == data.size;
    for (size_t i = 0; i < ARRAY_SIZE(errnos); i++) {
        known = known || result == -errnos[i];
    }
    if (!known || !s->outside.armed || s->outside.over || s->state != SOCK_CONNECTED) {
        return;
    }
    s->outside.brought++;
    s->outside.armed = false;
    took_in(s, result, data.data, NET_BROUGHT_MAX);
}

/* Whom a bound socket may answer: one place for each of many, the last one counts. */
static uint32_t place_of(const struct sock_address *a)
{
    uint32_t h = a->port;
    for (size_t i = 0; i < sizeof a->ip; i++) {
        h = (h ^ a->ip[i]) * UINT32_C(16777619);
    }
    return h % OUTSIDE_HEARD;
}

static bool same_peer(const struct net_address *n, const struct sock_address *a)
{
    return n->port == a->port && memcmp(n->ip, a->ip, sizeof n->ip) == 0;
}

bool outside_knows(const struct sock *s, const struct sock_address *a)
{
    return s->outside.on && s->outside.heard != NULL &&
           same_peer(&s->outside.heard[place_of(a)], a);
}

static void heard(struct sock *s, const struct sock_address *from)
{
    if (s->outside.heard == NULL) {
        s->outside.heard = (struct net_address *)rt_alloc(OUTSIDE_HEARD * sizeof *s->outside.heard);
    }
    if (s->outside.heard != NULL) {
        struct net_address *at = &s->outside.heard[place_of(from)];
        at->port = from->port;
        memcpy(at->ip, from->ip, sizeof at->ip);
    }
}

static void pull_datagram(struct sock *s)
{
    struct net_address who;
    uint8_t *b = get_buffer();
    int64_t n =
        b == NULL ? -EAGAIN : rt_net_receive(s->outside.number, NET_FROM, 0, b, HOSTCALL_DATA_MAX);
    if (n >= 0 && n < (int64_t)sizeof who) {
        n = -EIO;
    }
    if (n < 0) {
        failed(s, (int)n);
        return;
    }
    memcpy(&who, b, sizeof who);
    struct sock_address from = {.family = (uint16_t)s->family, .port = who.port};
    memcpy(from.ip, who.ip, sizeof from.ip);
    if (s->family == AF_INET_) {
        memset(from.ip, 0, 10);
        from.ip[10] = from.ip[11] = 0xff;
    }
    if (outside_may_listen(s, &s->local)) {
        heard(s, &from);
    }
    ignore_result(sock_take_in(s, b + sizeof who, (size_t)n - sizeof who, &from),
                  "without memory a datagram is lost, as datagrams are");
}

void outside_pull(struct sock *s)
{
    if (!s->outside.on || !s->outside.may_have) {
        return;
    }
    if (s->state == SOCK_LISTENING) {
        outside_accept_ready(s);
    } else if (s->first == NULL && s->error == 0) {
        if (s->type == SOCK_DGRAM_) {
            pull_datagram(s);
        } else if (s->state == SOCK_CONNECTED && !s->outside.over) {
            pull_stream(s);
        }
    }
}

/* For who looks without taking. */
void outside_pull_more(struct sock *s)
{
    outside_pull(s);
    if (s->outside.on && s->outside.may_have && s->type == SOCK_STREAM_ &&
        s->state == SOCK_CONNECTED && !s->outside.over && s->error == 0) {
        pull_stream(s);
    }
}

int64_t outside_receive(struct sock *s, struct iter *to, struct sock_message *m)
{
    int64_t done = 0;
    uint64_t deadline = deadline_of(s->options.receive_timeout_ns);
    bool peek = (m->flags & MSG_PEEK_) != 0, whole = (m->flags & MSG_WAITALL_) != 0 && !peek;
    for (;;) {
        outside_pull(s);
        if (peek && s->queued < to->left && s->queued < SOCK_BUFFER) {
            s->outside.may_have = s->outside.may_have || outside_worth_asking(s);
            outside_pull_more(s);
        }
        if (s->first != NULL && to->left > 0) {
            int64_t n = sock_take_stream(s, to, m);
            if (n < 0) {
                return done > 0 ? done : n;
            }
            done += n;
            if (peek || to->left == 0) {
                return done;
            }
            if (s->outside.may_have) {
                continue;
            }
        }
        if (done > 0 && (!whole || to->left == 0)) {
            return done;
        }
        if (s->error != 0) {
            return done > 0 ? done : pending_error(s);
        }
        if (s->outside.over || s->shut_read || to->left == 0) {
            return done;
        }
        if (m->no_wait && s->state == SOCK_CONNECTED && outside_worth_asking(s)) {
            s->outside.may_have = true;
            continue;
        }
        int err = wait_for(s, m->no_wait, deadline);
        if (err != 0) {
            return done > 0 ? done : err;
        }
    }
}

int64_t outside_receive_urgent(struct sock *s, struct iter *to)
{
    uint8_t byte;
    if (s->options.urgent_inline || to->left == 0) {
        return -EINVAL;
    }
    int64_t n = rt_net_receive(s->outside.number, NET_RECEIVE_URGENT, s->outside.brought, &byte, 1);
    if (n != 1) {
        return n == -EAGAIN ? n : -EINVAL; /* as TCP says when there is none */
    }
    s->outside.urgent = false;
    s->outside.may_have = true;
    int err = iter_put(to, &byte, 1);
    return err != 0 ? err : 1;
}

/* ---- sending -------------------------------------------------------------------------------- */

/* One piece: how much the host took. */
static int64_t send_piece(struct sock *s, struct iter *from, unsigned flags)
{
    uint8_t *b = get_buffer();
    if (b == NULL) {
        return -ENOMEM;
    }
    size_t n = from->left < HOSTCALL_DATA_MAX ? (size_t)from->left : HOSTCALL_DATA_MAX;
    struct iter before = *from;
    int err = iter_get(from, b, n);
    if (err != 0) {
        return err;
    }
    flags |= from->left > 0 ? NET_MORE : 0u;
    int64_t r = rt_net_send(s->outside.number, flags, BYTES(b, n));
    if (r != (int64_t)n) {
        s->outside.may_send = false;
        had_nothing(s);
        *from = before;
        if (r > 0 && iter_get(from, b, (size_t)r) != 0) {
            return -EFAULT; /* it was there a moment ago: another thread unmapped it */
        }
    }
    return r;
}

int64_t outside_send(struct sock *s, struct iter *from, struct sock_message *m)
{
    int64_t done = 0;
    uint64_t deadline = deadline_of(s->options.send_timeout_ns);
    unsigned flags = ((m->flags & MSG_MORE_) != 0 ? NET_MORE : 0u) |
                     ((m->flags & MSG_OOB_) != 0 ? NET_URGENT : 0u);
    while (from->left > 0) {
        if (s->error != 0 && done == 0) {
            int err = pending_error(s);
            return err == -EPIPE ? broken(m) : err;
        }
        if (s->shut_write || (s->state != SOCK_CONNECTED && s->state != SOCK_CONNECTING)) {
            return done > 0 ? done : broken(m);
        }
        if (m->no_wait && !s->outside.may_send && outside_worth_asking(s)) {
            s->outside.may_send = true;
        }
        if (s->state == SOCK_CONNECTING || !s->outside.may_send) {
            int err = wait_for(s, m->no_wait, deadline);
            if (err != 0) {
                return done > 0 ? done : err;
            }
            continue;
        }
        int64_t n = send_piece(s, from, flags);
        if (n == -EAGAIN) {
            continue;
        }
        if (n < 0) {
            return done > 0 ? done : n == -EPIPE ? broken(m) : n;
        }
        done += n;
    }
    return done;
}

/* A socket of the host's for datagrams from whatever port it gives. */
static int prepare_to_send(struct sock *s)
{
    struct sock_address any = {.family = (uint16_t)s->family};
    if (s->outside.on) {
        return 0;
    }
    if (s->family == AF_INET_) {
        any.ip[10] = any.ip[11] = 0xff;
    }
    struct sock_address own = s->local; /* its name in here stays what it was */
    bool bound = s->bound;
    int err = outside_bind(s, &any);
    if (err == 0 && bound) {
        s->local = own;
    }
    return err;
}

int64_t outside_send_packet(struct sock *s, const struct sock_address *to, struct iter *from,
                            struct sock_message *m)
{
    uint64_t deadline = deadline_of(s->options.send_timeout_ns);
    if (!outside_knows(s, to) && !outside_may_connect(s, to)) {
        return -EACCES;
    }
    uint8_t *b = get_buffer();
    struct net_address at = {.port = to->port, .v6 = s->family == AF_INET6_};
    int err = b == NULL ? -ENOMEM : prepare_to_send(s);
    if (err != 0) {
        return err;
    }
    bool named = m->address.family != 0 || !s->outside.linked;
    size_t head = named ? sizeof at : 0, n = (size_t)from->left;
    memcpy(at.ip, to->ip, sizeof at.ip);
    memcpy(b, &at, head);
    for (;;) {
        struct iter before = *from;
        err = iter_get(from, b + head, n);
        int64_t r =
            err != 0 ? err : rt_net_send(s->outside.number, named ? NET_TO : 0, BYTES(b, head + n));
        if (r != -EAGAIN) {
            return r < 0 ? (r == -EPIPE ? broken(m) : r) : (int64_t)n;
        }
        *from = before;
        s->outside.may_send = false;
        while (!s->outside.may_send) {
            err = wait_for(s, m->no_wait, deadline);
            if (err != 0) {
                return err;
            }
        }
        memcpy(b, &at, head); /* others used it meanwhile */
    }
}

/* ---- readiness ------------------------------------------------------------------------------ */

unsigned outside_poll(struct sock *s)
{
    outside_pull(s);
    unsigned bits = s->error != 0 ? FS_POLLERR | FS_POLLIN | FS_POLLOUT : 0;
    if (s->state == SOCK_CONNECTING) {
        return bits;
    }
    if (s->first != NULL || s->shut_read || s->outside.over) {
        bits |= FS_POLLIN;
    }
    bits |= s->outside.urgent ? FS_POLLPRI : 0;
    bits |= s->outside.ended || s->shut_read ? FS_POLLRDHUP | FS_POLLIN : 0;
    bits |= s->outside.may_send || s->shut_write ? FS_POLLOUT : 0;
    bool both = s->outside.ended && s->shut_write;
    return bits | (both || s->outside.hung_up ? FS_POLLHUP : 0);
}

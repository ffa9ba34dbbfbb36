/* SPDX-License-Identifier: Apache-2.0 */
/* Packets: sending and receiving. */
#include <errno.h>

#include "outside.h"

#define CHUNK    (16u * 1024 - sizeof(struct packet)) /* of a stream */
#define SIGPIPE_ 13

static uint64_t deadline_of(uint64_t timeout_ns)
{
    uint64_t at;
    return timeout_ns != 0 && add_ok(rt_clock_ns(1), timeout_ns, &at) ? at : UINT64_MAX;
}

static int wait_for(struct sock *s, bool no_wait, uint64_t deadline)
{
    int err = no_wait         ? -EAGAIN
              : s->outside.on ? outside_block(s, deadline)
                              : os_block(&s->changed, deadline);
    return err == -ETIMEDOUT ? -EAGAIN : err;
}

uint64_t sock_capacity(const struct sock *s)
{
    const struct sock_options *own = &s->options, *peer = &s->peer->options;
    return s->family == AF_UNIX_ /* only the sender's counts there */
               ? (uint64_t)own->send_buffer
               : ((uint64_t)own->send_buffer + (uint64_t)peer->receive_buffer) / 2;
}

static void packet_free(struct packet *p)
{
    for (uint32_t i = 0; i < p->file_count; i++) {
        file_unref(p->files[i]);
    }
    rt_free(p->files);
    rt_free(p);
}

void sock_forget(struct sock *s)
{
    while (s->first != NULL) {
        struct packet *p = s->first;
        s->first = p->next; /* before the files go: one of them may be this socket */
        packet_free(p);
    }
    s->last = NULL;
    s->queued = 0;
}

static void arrived(struct sock *s)
{
    s->node.arrived++;
    sock_tell(s);
}

static void drained(struct sock *s)
{
    s->node.drained++;
    sock_tell(s);
}

static void put(struct sock *to, struct packet *p)
{
    if (to->last != NULL) {
        to->last->next = p;
    } else {
        to->first = p;
    }
    to->last = p;
    to->queued += p->size;
    arrived(to);
}

static int packet_new(size_t capacity, const struct sock_message *m, struct packet **ret)
{
    struct packet *p = rt_alloc(sizeof *p + capacity);
    if (p == NULL) {
        return -ENOMEM;
    }
    *p = (struct packet){.capacity = (uint32_t)capacity, .pid = os_pid()};
    if (m->file_count > 0) {
        p->files = rt_alloc(m->file_count * sizeof p->files[0]);
        if (p->files == NULL) {
            rt_free(p);
            return -ENOMEM;
        }
        for (uint32_t i = 0; i < m->file_count; i++) {
            file_ref(m->files[i]);
            p->files[p->file_count++] = m->files[i];
        }
    }
    *ret = p;
    return 0;
}

bool sock_take_in(struct sock *s, const void *data, size_t size, const struct sock_address *from)
{
    const struct sock_message none = {.file_count = 0};
    struct packet *p;
    if (packet_new(size, &none, &p) != 0) {
        return false;
    }
    memcpy(p->data, data, size);
    p->size = (uint32_t)size;
    if (from != NULL) {
        p->from = *from;
    }
    *(s->last != NULL ? &s->last->next : &s->first) = p;
    s->last = p;
    s->queued += size;
    return true;
}

static int pending_error(struct sock *s)
{
    int err = s->error;
    s->error = 0;
    return -err;
}

/* ---- sending --------------------------------------------------------------------------------- */

static int broken(struct sock_message *m)
{
    if ((m->flags & MSG_NOSIGNAL_) == 0) {
        os_raise(SIGPIPE_);
    }
    return -EPIPE;
}

/* What fits now, into the peer's last packet or a new one. */
static int64_t send_some(struct sock *s, struct iter *from, struct sock_message *m)
{
    struct sock *to = s->peer;
    struct packet *p = to->last;
    uint64_t room = sock_capacity(s) - to->queued;
    if (p == NULL || p->capacity == p->size || m->file_count > 0) {
        size_t capacity = from->left < CHUNK ? (size_t)from->left : CHUNK;
        capacity = capacity < 1024 ? 1024 : capacity;
        int err = packet_new(capacity, m, &p);
        if (err != 0) {
            return err;
        }
        uint64_t n = from->left < capacity ? from->left : capacity;
        n = n < room ? n : room;
        err = iter_get(from, p->data, (size_t)n);
        if (err != 0) {
            packet_free(p);
            return err;
        }
        p->size = (uint32_t)n;
        m->file_count = 0; /* they travel once */
        put(to, p);
        return (int64_t)n;
    }
    uint64_t n = p->capacity - p->size;
    n = n < from->left ? n : from->left;
    n = n < room ? n : room;
    int err = iter_get(from, p->data + p->size, (size_t)n);
    if (err != 0) {
        return err;
    }
    p->size += (uint32_t)n;
    to->queued += n;
    arrived(to);
    return (int64_t)n;
}

static int64_t send_stream(struct sock *s, struct iter *from, struct sock_message *m)
{
    int64_t done = 0;
    uint64_t deadline = deadline_of(s->options.send_timeout_ns);
    if (m->address.family != 0 && s->family == AF_UNIX_) {
        return s->state == SOCK_CONNECTED ? -EISCONN : -EOPNOTSUPP;
    }
    if (m->address.family != 0 && s->state != SOCK_CONNECTED) { /* TCP takes no notice of it */
        return -EPIPE;
    }
    if (s->state == SOCK_NEW || s->state == SOCK_LISTENING) {
        return s->family == AF_UNIX_ ? -ENOTCONN : broken(m);
    }
    if (s->outside.on) {
        return outside_send(s, from, m);
    }
    int waited = backlog_wait(s, m->no_wait, deadline);
    if (waited != 0) {
        return waited == -ETIMEDOUT ? -EAGAIN : waited;
    }
    while (from->left > 0) {
        if (s->error != 0 && done == 0) {
            int err = pending_error(s);
            return err == -EPIPE ? broken(m) : err;
        }
        if (s->family != AF_UNIX_ && s->peer == NULL && !s->shut_write && !s->reset) {
            s->reset = true; /* TCP learns only from the answer that nobody is there any more */
            s->error = EPIPE;
            sock_changed(s);
            const uint64_t most = (uint64_t)s->options.send_buffer; /* until that one comes */
            return done + (int64_t)(from->left < most ? from->left : most);
        }
        if (s->shut_write || s->peer == NULL || s->peer->shut_read) {
            return done > 0 ? done : broken(m);
        }
        if (s->peer->queued >= sock_capacity(s)) {
            int err = wait_for(s, m->no_wait, deadline);
            if (err != 0) {
                return done > 0 ? done : err;
            }
            continue;
        }
        int64_t n = send_some(s, from, m);
        if (n < 0) {
            return done > 0 ? done : n;
        }
        done += n;
    }
    return done;
}

/* Somebody who is connected hears nobody else. */
static bool listens_to(const struct sock *other, const struct sock *s)
{
    if (other->state != SOCK_CONNECTED || other->peer != NULL) {
        return other->peer == NULL || other->peer == s;
    }
    const struct sock_address *a = &other->remote, *b = &s->local;
    if (s->family == AF_UNIX_) {
        return a->path_size == b->path_size && memcmp(a->path, b->path, a->path_size) == 0;
    }
    return a->port == b->port;
}

/* The receiver of a datagram: whom the address names, or the peer. No reference. */
static int receiver_of(struct sock *s, const struct sock_message *m, struct sock **ret)
{
    const struct sock_address *to = m->address.family != 0 ? &m->address : &s->remote;
    bool named = to->family != 0 && (to->family != AF_UNIX_ || to->path_size > 0);
    if (s->type == SOCK_SEQPACKET_ || (m->address.family == 0 && !named)) { /* of a pair */
        if (s->state != SOCK_CONNECTED) {
            return s->family == AF_UNIX_ ? -ENOTCONN : -EDESTADDRREQ;
        }
        *ret = s->peer;
        return s->peer == NULL ? (s->type == SOCK_SEQPACKET_ ? -EPIPE : -ECONNREFUSED) : 0;
    }
    int err = address_reachable(to);
    err = err != 0 ? err : sock_find(s, to, ret);
    if (err == 0 && !listens_to(*ret, s)) {
        err = s->family == AF_UNIX_ ? -EPERM : -ECONNREFUSED;
    }
    return err;
}

/* Is the one whom it goes to beyond the enclave? Whoever is here comes first. */
static bool goes_outside(const struct sock *s, const struct sock_message *m,
                         struct sock_address *ret)
{
    struct sock *here;
    *ret = m->address.family != 0 ? m->address : s->remote;
    if (s->family == AF_UNIX_ || ret->family == 0) {
        return false;
    }
    address_means_here(ret);
    return sock_find(s, ret, &here) != 0 && (outside_may_connect(s, ret) || outside_knows(s, ret));
}

static int64_t send_packet(struct sock *s, struct iter *from, struct sock_message *m)
{
    struct sock_address beyond;
    uint64_t most = s->family == AF_UNIX_ ? SOCK_DATAGRAM : SOCK_UDP_MAX;
    uint64_t deadline = deadline_of(s->options.send_timeout_ns);
    struct sock *to = NULL;
    if (s->error != 0) {
        return pending_error(s);
    }
    if (from->left > most) {
        return -EMSGSIZE;
    }
    if (s->shut_write) {
        return broken(m);
    }
    if (goes_outside(s, m, &beyond)) {
        return outside_send_packet(s, &beyond, from, m);
    }
    if (s->family != AF_UNIX_) {
        int err = sock_bind_free(s);
        if (err != 0) {
            return err;
        }
    }
    for (;;) {
        int err = receiver_of(s, m, &to);
        if (err == -ECONNREFUSED && s->family != AF_UNIX_) {
            s->error = s->remote.family != 0 ? ECONNREFUSED : 0; /* as the ICMP message would */
            return (int64_t)from->left;
        }
        if (err == 0 && to->shut_read) {
            err = -EPIPE;
        }
        if (err != 0) {
            return err == -EPIPE ? broken(m) : err;
        }
        if (to->first == NULL || to->queued + from->left <= SOCK_BUFFER) {
            break;
        }
        if (s->family != AF_UNIX_) {
            return (int64_t)from->left; /* UDP drops what there is no room for */
        }
        to->node.refs++; /* the queue of who is full may go while this waits */
        err = m->no_wait ? -EAGAIN : os_block(&to->changed, deadline);
        node_unref(&to->node);
        if (err != 0) {
            return err == -ETIMEDOUT ? -EAGAIN : err;
        }
    }
    struct packet *p;
    int err = packet_new((size_t)from->left, m, &p);
    if (err != 0) {
        return err;
    }
    uint64_t n = from->left;
    const bool six = s->family == AF_INET6_;
    p->has_fields = s->family != AF_UNIX_;
    p->hops = m->has_hops ? m->hops : (uint8_t)(six ? s->options.hops : s->options.ttl);
    p->traffic =
        m->has_traffic ? m->traffic : (uint8_t)(six ? s->options.traffic_class : s->options.tos);
    p->size = (uint32_t)n;
    p->from = s->local;
    if (s->family != AF_UNIX_ && address_is_any(&p->from)) { /* as the receiver sees this host */
        static const uint8_t localhost[6] = {0xff, 0xff, 127, 0, 0, 1};
        bool four = p->from.family == AF_INET_ || to->family == AF_INET_;
        memset(p->from.ip, 0, sizeof p->from.ip);
        if (four) {
            memcpy(p->from.ip + 10, localhost, sizeof localhost);
        } else {
            p->from.ip[15] = 1;
        }
    }
    bool unnamed = s->family == AF_UNIX_ && s->local.path_size == 0;
    p->from.family = unnamed ? 0 : (uint16_t)to->family;
    err = iter_get(from, p->data, (size_t)n);
    if (err != 0) {
        packet_free(p);
        return err;
    }
    put(to, p);
    return (int64_t)n;
}

/* The last byte is urgent: it goes beside the stream, or in it where the receiver wants that. */
static int64_t send_urgent(struct sock *s, struct iter *from, struct sock_message *m)
{
    if (s->family == AF_UNIX_ || sock_packets(s)) {
        return -EOPNOTSUPP;
    }
    if (s->outside.on) {
        return send_stream(s, from, m);
    }
    uint64_t size = from->left;
    bool inside = s->peer != NULL && s->peer->options.urgent_inline;
    if (size == 0 || inside || s->peer == NULL) {
        int64_t n = send_stream(s, from, m);
        if (n == (int64_t)size && s->peer != NULL) {
            s->peer->urgent = inside;
        }
        return n;
    }
    from->left = size - 1;
    int64_t n = send_stream(s, from, m);
    if (n < 0 || n < (int64_t)size - 1 || s->peer == NULL) {
        return n;
    }
    from->left = 1;
    int err = iter_get(from, &s->peer->urgent_byte, 1);
    if (err != 0) {
        return n > 0 ? n : err;
    }
    s->peer->urgent = true;
    arrived(s->peer);
    return n + 1;
}

int64_t sock_send(struct sock *s, struct iter *from, struct sock_message *m)
{
    if (s->family == AF_NETLINK_) {
        return route_send(s, from, m);
    }
    if ((m->flags & MSG_OOB_) != 0) {
        return send_urgent(s, from, m);
    }
    return sock_packets(s) ? send_packet(s, from, m) : send_stream(s, from, m);
}

/* ---- receiving ------------------------------------------------------------------------------- */

static void take_files(struct packet *p, struct sock_message *m)
{
    m->pid = p->pid;
    if ((m->flags & MSG_PEEK_) != 0) {
        for (uint32_t i = 0; i < p->file_count; i++) {
            file_ref(p->files[i]);
            m->files[i] = p->files[i];
        }
        m->file_count = p->file_count;
        return;
    }
    m->file_count = p->file_count;
    for (uint32_t i = 0; i < p->file_count; i++) {
        m->files[i] = p->files[i];
    }
    p->file_count = 0;
}

static void drop_first(struct sock *s)
{
    struct packet *p = s->first;
    s->first = p->next;
    s->last = s->first == NULL ? NULL : s->last;
    packet_free(p);
}

static void told_sender(struct sock *s)
{
    if (s->outside.on && s->type == SOCK_STREAM_) {
        outside_drained(s);
        return; /* nobody here sends to it */
    }
    if (s->peer != NULL) {
        drained(s->peer);
    }
    fs_poll_changed(&s->changed); /* senders of datagrams wait on the receiver */
}

int64_t sock_take_stream(struct sock *s, struct iter *to, struct sock_message *m)
{
    int64_t done = 0;
    bool peek = (m->flags & MSG_PEEK_) != 0;
    struct packet *p = s->first;
    m->pid = p != NULL ? p->pid : m->pid;
    while (p != NULL && to->left > 0) {
        if (p->file_count > 0 && p->done == 0) {
            if (done > 0 || m->file_count > 0) {
                break;
            }
            take_files(p, m);
        }
        uint64_t n = p->size - p->done;
        n = n < to->left ? n : to->left;
        int err = iter_put(to, p->data + p->done, (size_t)n);
        if (err != 0) {
            return done > 0 ? done : err;
        }
        done += (int64_t)n;
        if (peek) {
            if (n < p->size - p->done) {
                break;
            }
            p = p->next;
            continue;
        }
        p->done += (uint32_t)n;
        s->queued -= n;
        if (p->done == p->size) {
            drop_first(s);
        }
        p = s->first;
    }
    if (!peek) {
        s->urgent = s->urgent && !s->options.urgent_inline;
        told_sender(s);
    }
    return done;
}

static int64_t take_packet(struct sock *s, struct iter *to, struct sock_message *m)
{
    struct packet *p = s->first;
    uint64_t n = p->size < to->left ? p->size : to->left;
    int err = iter_put(to, p->data, (size_t)n);
    if (err != 0) {
        return err;
    }
    m->address = p->from;
    m->hops = p->hops;
    m->traffic = p->traffic;
    m->has_hops = m->has_traffic = p->has_fields;
    m->full_size = p->size;
    m->result_flags |= p->size > n ? MSG_TRUNC_ : 0;
    take_files(p, m);
    if ((m->flags & MSG_PEEK_) == 0) {
        s->queued -= p->size;
        drop_first(s);
        told_sender(s);
    }
    return (m->flags & MSG_TRUNC_) != 0 ? (int64_t)m->full_size : (int64_t)n;
}

int64_t sock_receive(struct sock *s, struct iter *to, struct sock_message *m)
{
    int64_t done = 0;
    uint64_t deadline = deadline_of(s->options.receive_timeout_ns);
    bool whole = (m->flags & MSG_WAITALL_) != 0 && !sock_packets(s) && (m->flags & MSG_PEEK_) == 0;
    bool connected = s->type != SOCK_DGRAM_;
    if ((m->flags & MSG_OOB_) != 0) {
        if (s->family == AF_UNIX_ || sock_packets(s)) {
            return -EOPNOTSUPP;
        }
        if (s->outside.on) {
            return outside_receive_urgent(s, to);
        }
        if (!s->urgent || s->options.urgent_inline || to->left == 0) {
            return -EINVAL;
        }
        s->urgent = (m->flags & MSG_PEEK_) != 0;
        int err = iter_put(to, &s->urgent_byte, 1);
        return err != 0 ? err : 1;
    }
    if ((m->flags & MSG_ERRQUEUE_) != 0) { /* nothing is ever queued there */
        return s->family == AF_UNIX_ ? -EOPNOTSUPP : -EAGAIN;
    }
    if (connected && (s->state == SOCK_NEW || s->state == SOCK_LISTENING) && s->error == 0) {
        return s->family == AF_UNIX_ && s->state == SOCK_NEW && s->type == SOCK_STREAM_ ? -EINVAL
                                                                                        : -ENOTCONN;
    }
    if (s->outside.on && s->type == SOCK_STREAM_) {
        return outside_receive(s, to, m);
    }
    for (;;) {
        outside_pull(s);
        if (s->first != NULL) {
            int64_t n = sock_packets(s) ? take_packet(s, to, m) : sock_take_stream(s, to, m);
            if (n < 0 || sock_packets(s)) {
                return n < 0 && done > 0 ? done : n;
            }
            done += n;
            if (!whole || to->left == 0 || m->file_count > 0) {
                return done;
            }
            continue;
        }
        if (s->error != 0) {
            return done > 0 ? done : pending_error(s);
        }
        const bool over = connected && s->state != SOCK_CONNECTING &&
                          (s->peer == NULL || s->peer->shut_write);
        if (s->shut_read || over ||
            (to->left == 0 && !sock_packets(s))) {
            return done;
        }
        if (m->no_wait && outside_worth_asking(s)) {
            s->outside.may_have = true;
            continue;
        }
        int err = wait_for(s, m->no_wait, deadline);
        if (err != 0) {
            return done > 0 ? done : err;
        }
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See outside.h: making, connecting and ending sockets of the host, and what it tells of them. */
#include "outside.h"

#include <errno.h>

#include "process.h"

static struct sock *sockets[NET_SOCKETS_MAX]; /* no references: whoever ends leaves */
static uint32_t next_number;
static size_t count;

bool outside_exists(void)
{
    return count > 0;
}

/* ---- what the manifest says ----------------------------------------------------------------- */

bool outside_may_listen(const struct sock *s, const struct sock_address *a)
{
    const struct manifest *m = os.manifest;
    return !s->lite &&
           network_allows(m->listen, m->listen_count, s->type == SOCK_DGRAM_, a->ip, a->port);
}

bool outside_may_connect(const struct sock *s, const struct sock_address *a)
{
    const struct manifest *m = os.manifest;
    return !s->lite &&
           network_allows(m->connect, m->connect_count, s->type == SOCK_DGRAM_, a->ip, a->port);
}

/* ---- numbers and addresses ------------------------------------------------------------------ */

static int enter(struct sock *s)
{
    for (size_t tries = 0; tries < NET_SOCKETS_MAX; tries++) {
        uint32_t number = next_number;
        next_number = next_number >= UINT32_MAX - NET_SOCKETS_MAX ? 0 : next_number + 1;
        if (sockets[number % NET_SOCKETS_MAX] == NULL) {
            sockets[number % NET_SOCKETS_MAX] = s;
            s->outside.number = number;
            count++;
            return 0;
        }
    }
    return -ENFILE;
}

static void leave(struct sock *s)
{
    sockets[s->outside.number % NET_SOCKETS_MAX] = NULL;
    s->outside.on = false;
    count--;
}

static struct net_address to_host(const struct sock *s, const struct sock_address *a)
{
    struct net_address n = {.port = a->port, .v6 = s->family == AF_INET6_};
    memcpy(n.ip, a->ip, sizeof n.ip);
    return n;
}

static struct sock_address from_host(const struct sock *s, const struct net_address *n)
{
    struct sock_address a = {.family = (uint16_t)s->family, .port = n->port};
    memcpy(a.ip, n->ip, sizeof a.ip);
    return a;
}

static unsigned kind_of(const struct sock *s)
{
    const struct sock_options *o = &s->options;
    return (s->type == SOCK_DGRAM_ ? NET_UDP : 0u) | (s->family == AF_INET6_ ? NET_V6 : 0u) |
           (o->v6_only ? NET_V6_ONLY : 0u) | (o->reuse_address ? NET_REUSE_ADDRESS : 0u) |
           (o->reuse_port ? NET_REUSE_PORT : 0u) | (o->broadcast ? NET_BROADCAST : 0u);
}

/* ---- options -------------------------------------------------------------------------------- */

static void put_option(struct sock *s, size_t i)
{
    ignore_result(rt_net_option(s->outside.number, (enum net_option)i, s->outside.options[i]),
                  "a host that will not tune its network is slow, no more");
}

void outside_option(struct sock *s, int level, int name, int32_t value)
{
    static const struct {
        int level, name;
        int32_t least, most;
    } known[NET_OPTION_COUNT] = {
#define NET_OPTION(name_, level_, option_, least_, most_)                                          \
    [NET_OPTION_##name_] = {(level_), (option_), (least_), (most_)},
        NET_OPTIONS(NET_OPTION)
#undef NET_OPTION
    };
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (known[i].level == level && known[i].name == name) {
            value = value < known[i].least ? known[i].least : value;
            s->outside.options[i] = value > known[i].most ? known[i].most : value;
            s->outside.options_set |= 1u << i;
            if (s->outside.on) {
                put_option(s, i);
            }
        }
    }
}

/* The host has a socket for it from here on. */
static void begin(struct sock *s)
{
    s->outside.on = true;
    s->outside.may_have = s->outside.ended = s->outside.over = s->outside.urgent = false;
    s->outside.hung_up = s->outside.linked = s->outside.armed = s->outside.listed = false;
    s->outside.received = s->outside.brought = 0;
    s->outside.may_send = true;
    for (size_t i = 0; i < NET_OPTION_COUNT; i++) {
        if ((s->outside.options_set & 1u << i) != 0) {
            put_option(s, i);
        }
    }
    fs_poll_changed(&fs_poll_queue); /* whoever sleeps there did not know of the network */
}

/* ---- binding, listening, connecting --------------------------------------------------------- */

int outside_bind(struct sock *s, const struct sock_address *a)
{
    struct net_address local, at = to_host(s, a);
    int err = enter(s);
    if (err != 0) {
        return err;
    }
    err = rt_net_bind(s->outside.number, kind_of(s), &at, &local);
    if (err != 0) {
        leave(s);
        return err == -EIO ? -EACCES : err;
    }
    begin(s);
    s->local = from_host(s, &local);
    s->local.port = a->port != 0 ? a->port : local.port;
    return 0;
}

int outside_listen(struct sock *s, int backlog)
{
    int err = rt_net_listen(s->outside.number, (uint32_t)backlog);
    return err == -EIO ? -EACCES : err;
}

/* How a connect() ended. What the host's socket was made for is over when it failed. */
static void connected(struct sock *s, int error)
{
    if (error == 0) {
        s->state = SOCK_CONNECTED;
        s->outside.may_send = s->outside.may_have = true;
        return;
    }
    s->state = SOCK_NEW;
    s->error = error;
    s->remote = (struct sock_address){0};
    if (!s->outside.bound) {
        rt_net_close(s->outside.number, s->outside.brought);
        leave(s);
    }
}

static int begin_connect(struct sock *s, const struct sock_address *a)
{
    struct net_address local, at = to_host(s, a);
    bool fresh = !s->outside.on;
    int err = fresh ? enter(s) : 0;
    if (err != 0) {
        return err;
    }
    err = rt_net_connect(s->outside.number, kind_of(s), &at, &local);
    if (err != 0) {
        if (fresh) {
            leave(s);
        }
        return err == -EIO ? -EACCES : err;
    }
    if (fresh) {
        begin(s);
        sock_unbind(s); /* from a port of the enclave's own loopback */
    }
    s->local = from_host(s, &local);
    s->remote = *a;
    return 0;
}

int outside_connect(struct sock *s, const struct sock_address *a, bool no_wait)
{
    uint64_t deadline = UINT64_MAX, timeout = s->options.send_timeout_ns;
    if (timeout != 0 && !add_ok(rt_clock_ns(1), timeout, &deadline)) {
        deadline = UINT64_MAX;
    }
    if (s->state != SOCK_CONNECTING) {
        int err = begin_connect(s, a);
        if (err == 0 && s->type == SOCK_DGRAM_) {
            s->state = SOCK_CONNECTED;
            s->outside.linked = true;
        }
        if (err != 0 || s->type == SOCK_DGRAM_) {
            return err;
        }
        s->state = SOCK_CONNECTING;
        if (no_wait) {
            s->in_progress = true;
            return -EINPROGRESS;
        }
    } else if (no_wait) {
        return -EALREADY;
    }
    while (s->state == SOCK_CONNECTING) {
        int err = outside_block(s, deadline);
        if (err != 0 && s->state == SOCK_CONNECTING) {
            return err == -ETIMEDOUT ? -EINPROGRESS : err;
        }
    }
    int error = s->error;
    s->error = 0;
    s->in_progress = false;
    return -error;
}

static struct sock *connection_of(struct sock *listener)
{
    struct sock *s = sock_new(listener->family, listener->type);
    if (s != NULL && enter(s) != 0) {
        node_unref(&s->node);
        s = NULL;
    }
    return s;
}

/* One connection that the host accepts. */
static void pull_connection(struct sock *listener)
{
    struct net_accepted who;
    struct sock *s = connection_of(listener);
    if (s == NULL) {
        return;
    }
    int err = rt_net_accept(listener->outside.number, s->outside.number,
                            listener->family == AF_INET6_, &who);
    if (err != 0) {
        leave(s);
        node_unref(&s->node);
        listener->outside.may_have = false;
        listener->outside.looked_ns = rt_clock_ns(1);
        return;
    }
    s->outside.on = s->outside.may_have = s->outside.may_send = true;
    s->options = listener->options;
    s->state = SOCK_CONNECTED;
    s->local = from_host(s, &who.local);
    s->remote = from_host(s, &who.peer);
    struct sock **at = &listener->pending;
    while (*at != NULL) {
        at = &(*at)->pending_next;
    }
    *at = s;
    listener->pending_count++;
}

void outside_accept_ready(struct sock *listener)
{
    if (listener->pending == NULL && listener->outside.may_have) {
        pull_connection(listener);
    }
}

/* ---- ending --------------------------------------------------------------------------------- */

void outside_shutdown(struct sock *s, int how)
{
    rt_net_shutdown(s->outside.number, how);
}

void outside_close(struct sock *s)
{
    if (s->first != NULL && s->type == SOCK_STREAM_ && s->state == SOCK_CONNECTED) {
        /* Linux resets a connection whose last bytes nobody read; the host does not know of them.
         */
        ignore_result(rt_net_option(s->outside.number, NET_OPTION_linger_s, 0),
                      "then it ends kindly");
    }
    rt_net_close(s->outside.number, s->outside.brought);
    leave(s);
}

/* ---- what the host tells -------------------------------------------------------------------- */

struct sock *outside_by_number(uint32_t number)
{
    struct sock *s = sockets[number % NET_SOCKETS_MAX];
    return s != NULL && s->outside.on && s->outside.number == number ? s : NULL;
}

void outside_event(const struct net_event *e, struct bytes data)
{
    struct sock *s = outside_by_number(e->socket);
    if (s == NULL) {
        return;
    }
    if (s->state == SOCK_CONNECTING) {
        if ((e->events & (NET_OUT | NET_ERR | NET_HUP)) == 0) {
            return;
        }
        connected(s, rt_net_error(s->outside.number));
    } else if (s->type == SOCK_STREAM_ && s->state == SOCK_NEW) {
        return; /* bound and no more: nothing happens to it */
    }
    if ((e->events & (NET_IN | NET_RDHUP | NET_HUP | NET_ERR)) != 0) {
        s->outside.may_have = true;
        s->node.arrived++;
    }
    if ((e->events & NET_BROUGHT) != 0) {
        outside_brought(s, e->brought, data);
    }
    s->outside.ended = s->outside.ended || (e->events & (NET_RDHUP | NET_HUP)) != 0;
    s->outside.hung_up = s->outside.hung_up || (e->events & NET_HUP) != 0;
    s->outside.urgent = s->outside.urgent || (e->events & NET_PRI) != 0;
    if ((e->events & (NET_OUT | NET_ERR | NET_HUP)) != 0) {
        s->outside.may_send = true;
        s->node.drained++;
    }
    sock_tell(s);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Connections within the enclave that nobody has accepted yet: those that a listener has room for,
 * and those that wait for room. On Linux the first packet of the latter is dropped and sent again a
 * second later, so that for who connects both look alike: it takes longer. */
#include <errno.h>

#include "net.h"

/* The connection that the listener will accept. */
static int enqueue(struct sock *s, struct sock *listener, const struct sock_address *to)
{
    struct sock *other = sock_new(listener->family, listener->type);
    if (other == NULL) {
        return -ENOMEM;
    }
    int err = s->family == AF_UNIX_ ? 0 : sock_bind_free(s);
    if (err != 0) {
        node_unref(&other->node);
        return err;
    }
    const int connects = s->peer_pid;
    other->options = listener->options;
    other->local = s->family == AF_UNIX_ ? listener->local : *to;
    other->local.family = (uint16_t)listener->family;
    other->remote = s->local;
    if (s->family != AF_UNIX_ && address_is_any(&s->local)) {
        memcpy(other->remote.ip, to->ip, sizeof to->ip); /* loopback to loopback */
        memcpy(s->local.ip, to->ip, sizeof to->ip);
    }
    other->remote.family = (uint16_t)listener->family;
    s->remote = s->family == AF_UNIX_ ? listener->local : *to;
    sock_join(s, other);
    s->peer_pid = listener->peer_pid;
    other->peer_pid = connects;
    struct sock **at = &listener->pending;
    while (*at != NULL) {
        at = &(*at)->pending_next;
    }
    *at = other;
    listener->pending_count++;
    sock_changed(listener);
    sock_changed(s);
    return 0;
}

static void join(struct sock *s, struct sock *listener)
{
    struct sock **at = &listener->waiting;
    while (*at != NULL) {
        at = &(*at)->waiting_next;
    }
    *at = s;
    s->waiting_next = NULL;
    s->waits_for = listener;
    s->state = SOCK_CONNECTING;
}

void backlog_leave(struct sock *s)
{
    if (s->waits_for != NULL) {
        struct sock **at = &s->waits_for->waiting;
        while (*at != s) {
            at = &(*at)->waiting_next;
        }
        *at = s->waiting_next;
        s->waits_for = NULL;
        s->state = SOCK_NEW;
    }
}

int backlog_connect(struct sock *s, struct sock *listener, const struct sock_address *to,
                    bool no_wait)
{
    s->peer_pid = os_pid();
    if (listener->pending_count < listener->backlog) {
        return enqueue(s, listener, to);
    }
    if (s->family == AF_UNIX_ && no_wait) {
        return -EAGAIN;
    }
    int err = s->family == AF_UNIX_ ? 0 : sock_bind_free(s);
    if (err == 0) {
        s->remote = *to;
        join(s, listener);
    }
    return err;
}

void backlog_admit(struct sock *listener)
{
    while (listener->waiting != NULL && listener->pending_count < listener->backlog) {
        struct sock *s = listener->waiting;
        const struct sock_address to = s->remote;
        backlog_leave(s);
        const int err = enqueue(s, listener, &to);
        if (err != 0) {
            s->error = -err;
            sock_changed(s);
        }
    }
}

void backlog_end(struct sock *listener)
{
    while (listener->waiting != NULL) {
        struct sock *s = listener->waiting;
        backlog_leave(s);
        s->error = ECONNREFUSED;
        sock_changed(s);
    }
}

int backlog_wait(struct sock *s, bool no_wait, uint64_t deadline)
{
    int err = 0;
    while (err == 0 && s->waits_for != NULL) {
        err = no_wait ? -EAGAIN : os_block(&s->changed, deadline);
    }
    return err;
}

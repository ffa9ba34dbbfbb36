/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets that reach beyond the enclave, where the manifest lists their endpoints. Such a socket
 * has one of the host's under it; what came is fetched into the socket's own queue of packets
 * before anybody is told that it is readable, so that reading, peeking and waiting are the same as
 * for sockets whose both ends are here. A connection to somebody who listens in this enclave never
 * leaves it, listed or not.
 *
 * Which hostcalls are worth making follows from what the host told when somebody waited: bytes may
 * be there since an event until fewer came than were asked for, room to send since an event until
 * fewer were taken than were given.
 *
 * Trust: whatever comes from the host is the network's: anybody's bytes, addresses, errors, at any
 * time. It can invent readiness, which costs a look, and withhold it. */
#pragma once

#include "abi/network.h"
#include "net.h"

/* outside.c: with the lock held, all of them. */
/* Does the manifest let this kind of socket be bound there, or reach that? */
bool outside_may_listen(const struct sock *s, const struct sock_address *a);
bool outside_may_connect(const struct sock *s, const struct sock_address *a);
/* Binds the host's socket under it; s->local is what it got. */
int outside_bind(struct sock *s, const struct sock_address *a) MUST_USE;
int outside_listen(struct sock *s, int backlog) MUST_USE;
/* Streams: until it is connected, or -EINPROGRESS. Datagrams: at once. */
int outside_connect(struct sock *s, const struct sock_address *a, bool no_wait) MUST_USE;
/* Fetches what came, if something may have come and nothing lies here: a connection, or bytes. */
void outside_pull(struct sock *s);
/* The same, and what came behind that which lies here. */
void outside_pull_more(struct sock *s);
/* Nothing lies here any more of a stream: what comes next may come with the news. */
void outside_drained(struct sock *s);
/* What the host received on its own, and how that ended. */
void outside_brought(struct sock *s, int32_t result, struct bytes data);
/* Nothing came and nobody slept who would have been told: is it worth asking the host? */
bool outside_worth_asking(struct sock *s);
void outside_accept_ready(struct sock *listener);
int64_t outside_receive(struct sock *s, struct iter *to, struct sock_message *m) MUST_USE;
int64_t outside_receive_urgent(struct sock *s, struct iter *to) MUST_USE;
int64_t outside_send(struct sock *s, struct iter *from, struct sock_message *m) MUST_USE;
/* A datagram to somebody who is not here. -EACCES: not listed, and nobody who was heard from. */
int64_t outside_send_packet(struct sock *s, const struct sock_address *to, struct iter *from,
                            struct sock_message *m) MUST_USE;
/* Has it heard from there? */
bool outside_knows(const struct sock *s, const struct sock_address *a);
unsigned outside_poll(struct sock *s);
void outside_shutdown(struct sock *s, int how);
void outside_close(struct sock *s);
/* An option was set: now, or when the host's socket is made. */
void outside_option(struct sock *s, int level, int name, int32_t value);
/* data: what was brought along */
void outside_event(const struct net_event *e, struct bytes data);
struct sock *outside_by_number(uint32_t number); /* NULL: none */
bool outside_exists(void); /* is there any such socket? */

/* outside_wait.c */
/* os_block() on the socket's queue; the host's sockets end it, too. */
int outside_block(struct sock *s, uint64_t deadline) MUST_USE;
/* It may be armed when somebody waits next. */
void outside_list(struct sock *s);

/* news.c: the next record of what the host told, and its bytes; false: there is none, or what is left
 * has no form. */
bool news_next(struct cursor *news, struct net_event *ret, struct bytes *ret_data) MUST_USE;

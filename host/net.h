/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the host library: the network of an enclave whose manifest lists endpoints.
 *
 * The enclave process is locked: it cannot make, bind or connect sockets. A broker, a process
 * beside it without an enclave, does that for what the manifest lists, and hands the descriptors
 * over. The enclave process moves bytes on them, accepts, and waits for all of them in one epoll.
 */
#pragma once

#include <sys/types.h>

#include "abi/network.h"
#include "host/host.h"

struct host_thread;
struct hostcall_slot;

/* Starts the broker, before anything is locked. Nothing happens where the manifest lists nothing.
 */
int host_net_open(const struct manifest *m, struct host_net *ret, struct diag *d) MUST_USE;
/* The supervisor's part is over: ends the broker. */
void host_net_close(struct host_net *n);
/* In the enclave process, before it is locked. */
int host_net_start(const struct host_net *n, struct diag *d) MUST_USE;
/* lock.c: host_lock_process() with what the network needs. */
int host_lock_process_with_network(struct diag *d) MUST_USE;
/* The hostcalls net_*. */
int64_t host_net_serve(struct host_thread *t, struct hostcall_slot *s);

/* A thread that waits for the network is not asleep on its wake word: its word says so, and this
 * wakes it. Any process of the tree may. */
#define HOST_NET_PARKED 2u
void host_net_wake(void);

/* ---- net_broker.c ---- */

enum broker_op { BROKER_BIND = 1, BROKER_LISTEN, BROKER_CONNECT };
struct broker_question {
    uint32_t op, kind; /* enum net_kind */
    uint32_t backlog, reserved;
    struct net_address address;
}; /* with a socket, for BROKER_LISTEN and perhaps for BROKER_CONNECT */
struct broker_answer {
    int32_t error, reserved; /* -errno */
    struct net_address local;
}; /* with the socket that was made, if one was */

/* Answers until the other end is closed; never returns. */
void host_net_broker(int socket, const struct manifest *m) __attribute__((noreturn));
/* One message with at most one descriptor (-1: none). The size, or -errno; 0 at the end. */
ssize_t host_net_send_fd(int socket, const void *data, size_t size, int fd);
ssize_t host_net_receive_fd(int socket, void *data, size_t size, int *ret_fd);

/* ---- net_address.c ---- */
struct sockaddr_storage;
unsigned host_net_encode(const struct net_address *a, struct sockaddr_storage *ret);
void host_net_decode(const struct sockaddr_storage *from, bool v6, struct net_address *ret);
/* The address that the socket has. */
void host_net_local(int fd, bool v6, struct net_address *ret);

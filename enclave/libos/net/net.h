/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets: those whose both ends lie in this enclave, which are Unix sockets and TCP and UDP over
 * the loopback addresses, and those that reach beyond it (outside.h) where the manifest says so.
 * Bytes of the first stay in trusted memory; the host sees only that threads sleep and wake.
 * Whoever asks for an address elsewhere that is not listed gets EACCES.
 *
 * A socket's incoming data are packets in a queue of its own, for streams as for datagrams; sending
 * puts packets into the peer's queue. All under the library OS's one lock; whoever waits holds a
 * reference to its file.
 *
 * Trust: addresses, sizes, flags and control messages come from the workload. */
#pragma once

#include "abi/network.h"
#include "fs/vfs.h"

#define AF_UNIX_    1
#define AF_INET_    2
#define AF_INET6_   10
#define AF_NETLINK_ 16

#define SOCK_STREAM_    1
#define SOCK_DGRAM_     2
#define SOCK_RAW_       3
#define SOCK_SEQPACKET_ 5

#define MSG_OOB_          0x1u
#define MSG_PEEK_         0x2u
#define MSG_CTRUNC_       0x8u
#define MSG_TRUNC_        0x20u
#define MSG_DONTWAIT_     0x40u
#define MSG_WAITALL_      0x100u
#define MSG_ERRQUEUE_     0x2000u
#define MSG_NOSIGNAL_     0x4000u
#define MSG_MORE_         0x8000u
#define MSG_CMSG_CLOEXEC_ 0x40000000u

#define SOCK_BUFFER      (208u * 1024)      /* Linux's default of SO_RCVBUF */
#define SOCK_DATAGRAM    (SOCK_BUFFER - 32) /* of AF_UNIX; UDP's largest is smaller */
#define SOCK_UDP_MAX     65507u
#define SOCK_RIGHTS_MAX  253u /* SCM_MAX_FD */
#define SOCK_BACKLOG_MAX 4096 /* net.core.somaxconn */
#define SOCK_PATH_MAX    108u

/* family 0: none. IPv4 addresses are kept as ::ffff:a.b.c.d. */
struct sock_address {
    uint16_t family, port; /* host byte order */
    uint8_t ip[16];
    uint32_t path_size; /* AF_UNIX: 0: unnamed; path[0] == 0: abstract */
    uint8_t path[SOCK_PATH_MAX];
    uint32_t netlink_port, netlink_groups;
};

struct packet {
    struct packet *next;
    uint32_t size, done, capacity; /* bytes; read so far */
    struct sock_address from;      /* datagrams */
    int pid;                       /* of the process that sent it */
    bool has_fields;               /* the header's are known: it did not come from outside */
    uint8_t hops, traffic;         /* what they would have been */
    uint32_t file_count;           /* descriptors that travel with the first byte */
    struct file **files;
    uint8_t data[];
};

enum sock_state { SOCK_NEW, SOCK_LISTENING, SOCK_CONNECTING, SOCK_CONNECTED, SOCK_OVER };

struct sock_options {
    bool reuse_address, reuse_port, keep_alive, no_delay, broadcast, pass_credentials, v6_only;
    bool linger_on, cork, urgent_inline;
    bool tell_ttl, tell_tos, tell_hops, tell_class; /* with each datagram (control.c) */
    /* Told again; of networks, of which none is here. */
    bool dont_route, free_bind, no_port, receive_errors, receive_errors6, quick_ack;
    int32_t priority, path_mtu, path_mtu6, syn_count, end_wait_s, fast_open, unsent_low;
    int32_t linger_s, receive_buffer, send_buffer, keep_idle, keep_interval, keep_count;
    int32_t lite_sent, lite_wanted; /* bytes under the checksum, which nothing here needs */
    int32_t ttl, tos, hops, traffic_class, user_timeout, defer_accept;
    uint64_t receive_timeout_ns, send_timeout_ns; /* 0: none */
};

#define OUTSIDE_HEARD 1024u /* senders of datagrams that a bound socket may answer */

/* A socket of the host's under this one (outside.h). */
struct outside {
    bool on;
    bool bound;    /* to a listed endpoint, by bind() */
    bool linked;   /* datagrams: the host knows whom it is connected with */
    bool may_have; /* bytes or connections, since an event or a read that was full */
    bool may_send;
    bool ended;         /* the other end sends no more; what it sent may still come */
    bool over;          /* all of that has come */
    bool hung_up;       /* both directions are closed */
    bool urgent;        /* there may be a byte beside the stream */
    bool armed;         /* the host may receive on its own, once, and bring it with the news */
    bool listed;        /* to be armed */
    bool large;         /* so much came at once that it would not have fitted there */
    uint64_t looked_ns; /* when the host last had nothing, or no room */
    uint32_t number;
    uint32_t received, brought; /* how often bytes or an end came by either way (struct net_arm) */
    uint32_t options_set;       /* bits of enum net_option */
    int32_t options[NET_OPTION_COUNT];
    struct net_address *heard; /* OUTSIDE_HEARD of them, by place; NULL: nobody yet */
};

struct sock {
    struct node node;
    int family, type;
    bool lite; /* UDP-Lite, which has ports of its own */
    bool raw;  /* AF_NETLINK: was asked for as SOCK_RAW, which is the same there */
    enum sock_state state;
    struct sock_address local, remote;
    bool bound; /* in the list of bound ones */
    struct sock *bound_next;
    struct node *path; /* AF_UNIX: the name in the file system that it is bound to */
    struct sock *peer; /* NULL: none, or gone; no reference: whoever ends tells the other */
    bool shut_read, shut_write;
    bool reset;       /* TCP: sent to somebody who was gone */
    bool in_progress; /* a connect() that did not wait has not been asked about yet */
    int error;        /* SO_ERROR: reported once */
    struct packet *first, *last;
    uint64_t queued; /* bytes in packets */
    bool urgent;     /* TCP: there is an urgent byte, beside the stream */
    uint8_t urgent_byte;
    struct sock
        *pending; /* listening: connections that nobody accepted, oldest first; references */
    struct sock *pending_next;
    int pending_count, backlog;
    /* Listening: who waits for a place among those, oldest first; waiting: for whom. No references:
     * whoever ends tells the other. */
    struct sock *waiting, *waiting_next, *waits_for;
    int peer_pid; /* SO_PEERCRED: who connected, listened, or made the pair */
    struct sock_options options;
    struct outside outside;
    const struct file *async; /* its description, when that asked for signals; no reference */
    struct wait_queue changed;
};

/* socket.c */
extern const struct file_ops sock_file_ops;
/* New reference to its node. NULL: no memory. */
struct sock *sock_new(int family, int type);
int sock_file(struct sock *s, uint32_t flags, struct file **ret) MUST_USE;
static inline struct sock *sock_of(struct file *f)
{
    return (struct sock *)(void *)f->node;
}
void sock_changed(struct sock *s);
/* Wakes who waits, and signals the owner of a description that asked for it (FIOASYNC). */
void sock_tell(struct sock *s);
/* Ends both directions, tells the peer, forgets what was not read. */
void sock_end(struct sock *s);
/* Makes two of one kind each other's peer. */
void sock_join(struct sock *a, struct sock *b);
unsigned sock_poll(struct sock *s);
static inline bool sock_packets(const struct sock *s) /* keeps boundaries */
{
    return s->type != SOCK_STREAM_;
}

/* queue.c */
struct sock_message {
    uint32_t flags;
    bool no_wait;
    struct sock_address address; /* of the sender, or of whom to send to (family 0: the peer) */
    int pid;                     /* receiving: who sent it */
    /* Sending: in place of the socket's options, if the flag says so. Receiving: what came. */
    bool has_hops, has_traffic;
    uint8_t hops, traffic;
    uint32_t file_count;
    uint32_t result_flags;               /* MSG_TRUNC_ */
    uint64_t full_size;                  /* receiving a datagram: before it was cut */
    struct file *files[SOCK_RIGHTS_MAX]; /* sending: borrowed. Receiving: references */
};
/* How it is to be served; nothing in it yet. The places for files, which few use, stay as they are.
 */
static inline void sock_message_start(struct sock_message *ret, const struct file *f,
                                      uint32_t flags)
{
    memset(ret, 0, offsetof(struct sock_message, files));
    ret->flags = flags;
    ret->no_wait = (flags & MSG_DONTWAIT_) != 0 || (f->flags & O_NONBLOCK) != 0;
}
int64_t sock_receive(struct sock *s, struct iter *to, struct sock_message *m) MUST_USE;
int64_t sock_send(struct sock *s, struct iter *from, struct sock_message *m) MUST_USE;
void sock_forget(struct sock *s); /* all packets */
/* Bytes of a stream from s that may wait at its peer: what both ends' buffers hold. */
uint64_t sock_capacity(const struct sock *s);
/* Streams: what lies there, up to where other descriptors travel. */
int64_t sock_take_stream(struct sock *s, struct iter *to, struct sock_message *m) MUST_USE;
/* Bytes that came from outside, into the queue; from: of a datagram. False: no memory. */
bool sock_take_in(struct sock *s, const void *data, size_t size,
                  const struct sock_address *from) MUST_USE;

/* address.c */
int address_from_app(app_ptr at, uint32_t size, int family, struct sock_address *ret) MUST_USE;
/* Writes as much as the room at *size takes, and the full size there. */
int address_to_app(const struct sock_address *a, app_ptr at, app_ptr size) MUST_USE;
uint32_t address_encode(const struct sock_address *a, uint8_t ret[128]);
bool address_is_any(const struct sock_address *a);
/* 0, or -EACCES for an address of a network that is not there. */
int address_reachable(const struct sock_address *a) MUST_USE;

/* The loopback address that 0.0.0.0 or :: means to who connects. */
void address_means_here(struct sock_address *a);

/* names.c */
int sock_bind(struct sock *s, const struct sock_address *a) MUST_USE;
int sock_bind_free(struct sock *s) MUST_USE; /* some port or name, if it has none */
void sock_unbind(struct sock *s);
/* Who is bound there; -ECONNREFUSED, or what walking the path says. No reference. */
int sock_find(const struct sock *from, const struct sock_address *a, struct sock **ret) MUST_USE;

/* control.c: control messages. -EINVAL for what no socket of its kind takes; descriptors that were
 * found before are references in m then, too. */
int control_from_app(const struct sock *s, app_ptr at, uint64_t size,
                     struct sock_message *m) MUST_USE;
/* Descriptors that came are installed as far as there is room for their numbers, the others are
 * dropped. *size is the room, then what was written. *flags may get MSG_CTRUNC_. */
int control_to_app(const struct sock *s, app_ptr at, uint64_t *size, struct sock_message *m,
                   uint32_t *flags) MUST_USE;
void sock_drop_files(struct sock_message *m, uint32_t first); /* those from `first` on */

/* interfaces.c: what SIOCGIF* ask. -ENOTTY: it is none of them. */
int64_t interface_ioctl(uint64_t request, app_ptr arg) MUST_USE;

/* route.c: AF_NETLINK. Without a number in the address the socket gets a free one. */
int route_bind(struct sock *s, const struct sock_address *a) MUST_USE;
void route_unbind(struct sock *s);
int64_t route_send(struct sock *s, struct iter *from, const struct sock_message *m) MUST_USE;

/* backlog.c: connecting to a listener of this enclave. Afterwards s is connected, or, in
 * SOCK_CONNECTING, waits for a place; -EAGAIN: a Unix socket that may not. */
int backlog_connect(struct sock *s, struct sock *listener, const struct sock_address *to,
                    bool no_wait) MUST_USE;
void backlog_admit(struct sock *listener); /* as many as there is room for now */
void backlog_leave(struct sock *s);        /* if it waits */
void backlog_end(struct sock *listener);   /* who waits is refused */
/* Until s waits no longer. -EAGAIN, or as os_block(). */
int backlog_wait(struct sock *s, bool no_wait, uint64_t deadline) MUST_USE;

/* options.c: getsockopt, setsockopt. */
void sock_options_start(struct sock_options *o);

/* calls.c */
int sock_at(int fd, struct file **ret_file, struct sock **ret) MUST_USE;

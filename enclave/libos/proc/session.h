/* SPDX-License-Identifier: Apache-2.0 */
/* Records between two enclaves of a tree: in order, each once, secret and authentic, over one
 * mailbox of the yard (docs/formats/process-tree.md). What was sent arrives as it was or not at
 * all.
 *
 * Two threads hold the ends of a mailbox; each end is one `struct session`, which one thread uses
 * at a time. Sending and receiving may be two different threads: nothing is shared between the two
 * ways. Nothing here takes the library OS's lock, and nothing that waits may be called with it
 * held.
 *
 * Trust: the host carries the records. A record that is not the next one of this key ends the
 * enclave (rt_fatal): only a host that lies makes one. A peer whose process is gone shows as
 * -EPIPE. What is in a record comes from an enclave of the same measurement, which may have been
 * told anything by its workload: sizes and numbers in it are checked by who reads them. */
#pragma once

#include "runtime/yard.h"

/* Head and body together, of one record. */
#define SESSION_RECORD_MAX (YARD_CHUNK_SIZE - 128u)

/* One way of a mailbox, at one end. */
struct session_way {
    host_span at;   /* ring and chunks */
    uint64_t count; /* records sent or received: the next one's nonce */
    uint32_t chunks;
    struct rt_gcm_key key;
    uint8_t *buffer; /* trusted: a record on its way; grows to what is needed */
    size_t buffer_size;
};

struct session {
    struct session_way out, in;
    unsigned peer; /* slot of the enclave at the other end */
    bool open;
    bool stream; /* what comes back is that nobody reads any more */
    bool ended;  /* the other end said so */
};

/* mailbox: of `slot`, YARD_BOX_*. sends: the direction in which this end sends. peer: the other
 * end's slot. key: of the mailbox; both directions' keys are derived from it, and it must be used
 * for one session only (session_key()). The end that opens first empties the rings with
 * session_reset(). 0 or -ENOMEM. *s must be zero or closed. */
int session_open(struct session *s, unsigned slot, unsigned mailbox, enum yard_direction sends,
                 unsigned peer, const uint8_t key[32]) MUST_USE;
/* Both rings of a mailbox as if never used. Only while nobody else looks at them. */
void session_reset(unsigned slot, unsigned mailbox);
/* Wipes keys and buffers. The rings are left as they are. Also for one that was never opened. */
void session_close(struct session *s);

/* One record of head and body, at most SESSION_RECORD_MAX together; both are trusted memory, or the
 * workload's that is mapped and stays. Waits while the ring is full. 0, -EPIPE or -EMSGSIZE. */
int session_send(struct session *s, struct bytes head, struct bytes body) MUST_USE;
/* The next record; waits for it. -EPIPE: the peer is gone, and nothing more is there. -EMSGSIZE: it
 * is larger than size; it stays where it is. */
int session_receive(struct session *s, void *ret, size_t size, size_t *ret_size) MUST_USE;
/* Is there something to receive: a record, or the peer's end? Never waits. */
bool session_ready(const struct session *s);
/* Parks the thread until session_ready(), a rt_wake() of this thread, or the timeout (ns); may come
 * back without reason. For whoever has something else to wait for as well. 0 or -ETIMEDOUT. */
int session_wait(struct session *s, uint64_t timeout_ns);
/* The same for several at once; NULL among them is skipped. */
int session_wait_any(struct session *const *sessions, size_t count, uint64_t timeout_ns);
/* Tells the other end that nothing more comes: it receives -EPIPE from then on. Never waits long: a
 * ring has room for it when what was sent before was answered. */
void session_end(struct session *s);
/* Reads on until the other end has said that nothing more comes, or is gone: only then does it not
 * look at the rings any more, and they may be used for something else. */
void session_drain(struct session *s);

/* A message of its own over a mailbox that has no key yet: of at most SESSION_RECORD_MAX bytes, as
 * the first that was sent in that direction. -EPIPE: the peer is gone. */
int session_plain_send(unsigned slot, unsigned mailbox, enum yard_direction direction,
                       unsigned peer, struct bytes message) MUST_USE;
/* Is it there? */
bool session_plain_ready(unsigned slot, unsigned mailbox, enum yard_direction direction);
/* That message, of exactly that size; waits. -EPIPE; -EBADMSG: it has another size. */
int session_plain_receive(unsigned slot, unsigned mailbox, enum yard_direction direction,
                          unsigned peer, void *ret, size_t size) MUST_USE;
/* Who waits for what comes in that direction; 0 again: nobody. */
void session_plain_announce(unsigned slot, unsigned mailbox, enum yard_direction direction,
                            bool wait);

/* Can a record be sent without waiting? */
bool session_has_room(const struct session *s);
/* Has the process of that slot ended? */
bool session_peer_gone(unsigned slot);

/* A key for a mailbox, of a secret of the pair (the member's): `generation` counts the assignments
 * of a member, so that a mailbox's key is never used twice. */
void session_key(const uint8_t secret[32], uint64_t generation, unsigned mailbox, uint8_t ret[32]);

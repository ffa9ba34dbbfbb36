/* SPDX-License-Identifier: Apache-2.0 */
/* The other enclaves of the tree, as its owner knows them: a pool of verified blanks, what is said
 * to members and by them, and their ends. A thread of the owner, which no process has, attends to
 * all of them. With the lock held, unless it says otherwise.
 *
 * Trust: the host starts enclaves and carries what they say. Who they are is verified before
 * anything is told to them (handshake.h); what they say is a session's. It can end any of them, and
 * withhold them. */
#pragma once

#include "proc/notice.h"
#include "proc/session.h"

/* Are there other enclaves to be had: is this the owner, with a yard? */
bool member_possible(void);
/* A verified blank for the caller, who tells it soon what it is to be, or gives it back. Waits; the
 * first call of a run starts the pool. -EAGAIN: the host brings none; -ERESTARTSYS. */
int member_take(struct member **ret) MUST_USE;
void member_give_back(struct member *m);

/* Tells a taken blank to become process p, which has p->member from then on: begin's numbers are
 * p's, its key and generation are made here. The owner serves its calls from now on. What it sends
 * over the stream, or receives, is its starter's affair: key and slot are in *ret. -ENOMEM,
 * -EAGAIN: no thread; the blank is given back. */
struct member_stream {
    uint32_t slot;
    uint8_t key[32];
};
struct member_order {
    enum begin_how how;
    unsigned sender;  /* slot of who sends over the stream */
    uint64_t blocked; /* signal mask of its first thread */
    struct begin_tid tid;
    /* What it was before is no more (execve): should it not come to be, the process ends by
     * SIGKILL. */
    bool committed;
};
int member_begin(struct member *m, struct process *p, const struct member_order *order,
                 struct member_stream *ret) MUST_USE;
/* Waits until the member says that its process runs: 0; or -errno that it did not come to be: p has
 * no member any more, and the caller process_cancel()s it. -EPIPE: the enclave is gone. A signal
 * does not end this wait. */
int member_born(struct process *p) MUST_USE;

/* It was killed, did not end by itself, and its enclave goes on for as long as it takes to give back what it
 * holds. */
bool member_is_dying(const struct process *p);
/* A page that its process holds is wanted back (shares.h). -ENOMEM. */
int member_recall(struct process *p, uint64_t id, uint64_t index) MUST_USE;

/* Asks its listener for a text (look.h). -ENOMEM. */
int member_look(const struct process *p, const struct notice *n) MUST_USE;
/* Numbers of its threads, at most max. */
size_t member_tids(const struct process *p, int *ret_tids, size_t max);

/* Of whom a thread of the owner serves the calls. */
struct call_server;
struct member_served {
    unsigned slot;
    struct process *process; /* the one with that enclave */
};
const struct member_served *member_of_server(const struct call_server *s);
/* Serves one more thread of that member: what the thread's end needs. -EAGAIN, -ENOMEM. */
int member_serves_thread(struct call_server *s, int tid, uint32_t *ret_box,
                         uint64_t *ret_generation) MUST_USE;

/* SPDX-License-Identifier: Apache-2.0 */
/* The member's end of system calls that the owner serves (docs/decisions/015-processes.md). A
 * thread of a member has a session of its own with a thread of the owner; os_thread.client is its
 * end. Threads of the owner have none.
 *
 * Trust: what the owner answers is an enclave's of the same image, authenticated by the session; it
 * is decoded strictly all the same. The workload chose the arguments; its memory is touched through
 * copies that may fail. */
#pragma once

#include "proc/call_codec.h"
#include "proc/call_ops.h"
#include "proc/call_records.h"
#include "process.h"

struct call_client {
    struct session session; /* over the thread's mailbox of calls */
    uint64_t sequence;
    struct call_ranges out, in; /* of the request, and of its answer */
    /* The same of an operation: a call's memory may be in pages that one brings, while its request is
     * made and while its answer is taken. */
    struct call_ranges op_out, op_in;
    struct call_buffer message; /* as it travels, both ways */
    struct call_message answer; /* a view of message */
    uint64_t pending_told;      /* signals that the owner knows to be pending */
};

/* The calling thread's end of that session, which is open and its own from now on. -ENOMEM. */
int call_client_new(const struct session *take_session, struct call_client **ret) MUST_USE;
/* Closes the session; NULL is fine. */
void call_client_free(struct call_client *c);

/* A row of the table as the owner serves it, for the calling thread's process: what the workload
 * gets. -ERESTARTSYS and -EINTR as from a local call. args are the registers. Without the lock. */
int64_t call_remote(struct os_thread *t, uint64_t number, const uint64_t args[CALL_ARGS]);

/* For the bodies of BOTH rows, which hold the lock: it is given up while the owner answers, as by
 * os_block(). REMOTE_CALL(SYS_close, fd) is what sys_close(fd) would return at the owner. */
int64_t remote_call(uint64_t number, const uint64_t args[CALL_ARGS]);
#define REMOTE_CALL(number, ...) remote_call((number), (const uint64_t[CALL_ARGS]){__VA_ARGS__})

/* An operation of call_ops.def, with its input (at most CALL_DATA_MAX bytes) and room for its
 * output. What the operation returned, -EPIPE when the owner is gone, -EMSGSIZE when its output has
 * no room. A signal does not end it. With the lock, as remote_call(). */
int64_t remote_request(enum remote_op op, struct bytes in, void *ret, size_t size,
                       size_t *ret_size) MUST_USE;

/* Sends c->message and waits for the answer, which takes its place; a signal for the thread cancels
 * the call at the owner when it may. 0, -EPIPE: the owner is gone. Without the lock. call_wait.c */
int call_exchange(struct call_client *c, bool may_cancel) MUST_USE;

/* Until this process has taken so many signals from the owner: what was sent to it before an answer
 * is seen before the call returns. It always ends: who takes them waits for no call. Without the
 * lock. call_wait.c */
void call_catch_up(uint64_t notices);
/* One was taken. With the lock held. */
void call_notice_taken(void);

/* Is the calling thread one of a member? */
static inline bool os_is_member(void)
{
    return os_self()->client != NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What fork copies of a process from one enclave to another: its memory, and of its calling thread
 * the registers. What processes share stays with the owner (docs/decisions/015-processes.md).
 *
 * It travels as records of at most IMAGE_RECORD_MAX bytes through functions that the caller names,
 * which are a session's (session_send, session_receive) or a test's.
 *
 * Trust: the records come from an enclave of the same measurement and manifest that refused what
 * this one would refuse, over a session. What is in them is checked all the same: ranges,
 * overlaps, counts, rights; a sender that is wrong makes fork fail, never this enclave. */
#pragma once

#include "process.h"

#define IMAGE_HEAD_SIZE  32u
#define IMAGE_RECORD_MAX (IMAGE_HEAD_SIZE + (UINT64_C(64) << 10))

struct image_sink {
    /* One record; may wait. 0 or -errno, which ends the sending. */
    int (*send)(void *where, struct bytes head, struct bytes body);
    void *where;
};
struct image_source {
    /* The next record into ret, at most size bytes; may wait. */
    int (*receive)(void *where, void *ret, size_t size, size_t *ret_size);
    void *where;
};

/* Sends the process of this enclave, with the calling thread's registers *frame: the child begins
 * where they say, so the caller sets rax (0) in a copy. With the lock held, which is given up while
 * something is sent; the other threads are held (threads.h), and mappings are frozen (mm.h). 0, what
 * send() returned, or -ENOMEM. */
int image_send(const struct image_sink *to, const struct rt_frame *frame) MUST_USE;
/* Makes it this enclave's process: memory, signal actions (os.process), and of the calling thread
 * signal mask, alternate stack, name, FS base, vector state; *ret_frame its registers. Nothing is
 * pending, no timers run, no robust list, no clear_child_tid. os.process is there and empty, memory
 * is as exec_reset() left it or was never used; the lock is held, and given up while something is
 * received. 0, what receive() returned, -ENOMEM, or -EINVAL: then exec_reset() before anything
 * else. */
int image_receive(const struct image_source *from, struct rt_frame *ret_frame) MUST_USE;

/* SPDX-License-Identifier: Apache-2.0 */
/* What forking needs of the owner, in one form for the owner itself and for members, which ask it
 * by operations (call_ops.def). The calling thread's process is the parent. With the lock held,
 * which is given up while something is waited for. */
#pragma once

#include "exec/exec.h"
#include "proc/notice.h"
#include "proc/session.h"

/* Where the child's enclave waits for what it is to be. */
struct child_stream {
    uint32_t slot, reserved;
    uint8_t key[32];
};

struct child_order {
    uint32_t share; /* enum process_share */
    int32_t exit_signal;
    uint32_t pidfd; /* 1: the parent gets a descriptor of the child (CLONE_PIDFD) */
    uint32_t reserved;
    uint64_t blocked;
    struct begin_tid tid;
};

/* Can there be other processes at all? */
bool child_possible(void);
/* fork: a new process in the table, and an enclave that waits for its image. -EAGAIN: the host
 * brings none; -ENOMEM, -ERESTARTSYS. */
int child_start(const struct child_order *order, int *ret_pid, int *ret_pidfd,
                struct child_stream *ret) MUST_USE;
/* What of this enclave's memory processes share, the child shares too: while mappings are frozen, before
 * the image is sent. -ENOMEM. */
int child_shares(int pid) MUST_USE;
/* Waits until it runs; if it does not, it never was: -errno. */
int child_born(int pid) MUST_USE;

/* On a member: number and way to the owner of another thread of this process
 * (blank_thread_begins()). */
struct child_thread {
    int32_t tid;
    uint32_t box;
    uint64_t generation;
};
int child_thread(struct child_thread *ret) MUST_USE;

/* vfork: a new process in the table, whose calls the calling thread makes from now on; here *ret is
 * what this enclave keeps of it. */
int child_vfork(const struct child_order *order, int *ret_pidfd, struct process **ret) MUST_USE;
/* The calling thread's calls are its own process's again; *child is gone from this enclave unless
 * it has references. */
void child_vfork_left(struct process *child);
/* It has ended, by exit or a signal, in its parent's enclave. */
void child_vfork_ends(struct process *child, int status);
/* Its program starts in another enclave, which waits for the plan: descriptors that close on exec
 * are closed, and nothing leads back. -EAGAIN, -ENOMEM: nothing has changed. */
int child_vfork_execs(struct process *child, const struct exec_plan *plan, struct bytes packed,
                      uint64_t blocked, struct child_stream *ret) MUST_USE;

/* The ends of the stream. The lock is given up while the plan is sent. */
int child_stream_open(struct session *ret, const struct child_stream *stream) MUST_USE;
int child_send_plan(const struct child_stream *stream, struct bytes plan) MUST_USE;

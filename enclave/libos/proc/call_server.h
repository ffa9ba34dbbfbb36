/* SPDX-License-Identifier: Apache-2.0 */
/* The owner's end of members' system calls: a thread of the owner per thread of a member serves
 * what comes over that thread's session, in the name of its process (os_current()), with the memory
 * of the caller behind copy_from_app() and its kin (call_memory.h).
 *
 * Trust: a request was made by another enclave of this image for a workload that chose its
 * contents. Numbers are looked up, addresses are only keys of what came along or goes back. */
#pragma once

#include "proc/call_codec.h"
#include "proc/call_memory.h"
#include "proc/call_ops.h"
#include "proc/call_records.h"
#include "process.h"

struct call_server {
    struct os_thread thread; /* what os_self() is while it serves; in no list */
    struct process *process; /* whose session it is */
    struct session session;
    struct call_memory memory;
    struct call_head head; /* of the request being served */
    uint64_t signals;      /* that the call sent to its thread */
    bool cancelled, gone;
    struct call_buffer message, answer;
    /* When the session has ended, or the process has: with the lock held. NULL: nothing to do. */
    void (*ended)(struct call_server *s);
    void *context; /* whoever started it */
};

/* Starts a thread that serves the session for process p until the other end goes; both stay valid
 * until *ended was called. Takes the session, also when it fails. tid: the member's thread.
 * -EAGAIN: no thread is left, -ENOMEM. With the lock held. */
int call_server_start(struct process *p, int tid, const struct session *take_session,
                      void (*ended)(struct call_server *s), void *context) MUST_USE;

/* One request, as it came; the answer goes to s->answer, whose size is 0 when none is needed. 0, or
 * -EINVAL for what no client sends, or -ENOMEM: the session is to be ended. Without the lock. */
int call_serve(struct call_server *s, struct bytes request) MUST_USE;

/* ---- for the rest of the library OS, on a thread whose os_self()->server is not NULL ------------
 */

/* A signal of this call to its own thread (os_raise) goes back with the result. */
void call_server_raise(struct call_server *s, int signo);
/* In place of looking for signals: is there one for the caller? With the lock held; never waits. */
bool call_server_interrupted(struct call_server *s);
/* In place of rt_wait(): also ends when the caller is signalled. Without the lock. */
void call_server_wait(struct call_server *s, uint64_t timeout_ns);
/* The thread ids of the caller's process (os_thread_ids): 0 when they are asked for first. */
size_t call_server_tids(struct call_server *s, int *ret_tids, size_t max);
/* What a signalfd shows the caller: its own pending signals and its process's. */
uint64_t call_server_pending(const struct call_server *s);
/* Takes one of the set, one of each number in a call: *taken are those. 1 and *ret, or 0. -EFAULT:
 * it is asked for first, as memory is; then the call is made again. -ERESTARTSYS: it is not pending
 * now. */
int call_server_take_signal(struct call_server *s, uint64_t set, uint64_t *taken,
                            struct signal_info *ret) MUST_USE;
/* The caller's thread has a new name. */
void call_server_set_comm(struct call_server *s, const char *comm);
/* The new thread's body. */
void call_server_run(struct call_server *s) __attribute__((noreturn));

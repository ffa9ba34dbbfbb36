/* SPDX-License-Identifier: Apache-2.0 */
/* Holding and ending the other threads of a process, for fork, execve and exit. A thread that
 * computes is reached by the kick (runtime/rt.h, rt_kick): it finds out what is asked of it from
 * enclave memory alone.
 *
 * Trust: the host decides when a thread runs, so each of these may wait for ever; never when it
 * returns: what they promise was seen in enclave memory. */
#pragma once

#include "process.h"

/* All with the lock held, which is given up meanwhile, so what the caller knew before may have
 * changed. Only the calling thread of a process may have them under way: whoever comes second
 * waits, or is held or ended itself. */

/* On return no other thread of this process runs the workload's code, and none will until
 * threads_release_others(): each is parked at its way back to the workload, or is inside a call
 * (asleep there, or on its way to the end, where it parks), which changes no mappings. Calls of others
 * that are under way may still write their results into the workload's memory, as on Linux.
 * 0; or -ERESTARTSYS, when the calling thread is itself to be ended or held: the caller undoes what
 * it did and returns it. */
int threads_hold_others(void) MUST_USE;
void threads_release_others(void);

/* Ends all other threads of this process as exit(2) would, each with its robust futexes and
 * clear_child_tid, and returns when they are gone and their memory is free: the caller is the only
 * thread left. Releases them if they were held. `become_main`: the caller then has tid == pid
 * (execve); its enclave thread stays the same, whichever it is.
 * 0; or -ERESTARTSYS when somebody else ends this one: the caller returns it. */
int threads_end_others(bool become_main) MUST_USE;

/* The calling thread ends when its system call returns to the workload (exit of a member, a fatal
 * signal that another thread deals with). */
void threads_end_self_at_boundary(void);

/* On the way back to the workload, with the lock held: parks while the thread is held, and does not
 * return when it is to end. signals.c calls it. */
void threads_boundary(struct os_thread *t);

/* The calling thread ends for good: its robust futexes, clear_child_tid, its place among the
 * threads. With the lock held. */
void threads_leave(struct os_thread *t) __attribute__((noreturn));
/* A new one, while others may be held or ended: that is for it, too. threads.c calls it. */
void threads_begins(struct os_thread *t);
/* One of them has left. threads.c calls it. */
void threads_gone(void);
/* Threads of this enclave that run the workload, sleeping or not. */
unsigned threads_count(void);

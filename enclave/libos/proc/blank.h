/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a member: an enclave that waits until the owner makes it a process, is that process,
 * wipes itself and waits again. Its first thread only listens to the owner; processes run on
 * others.
 *
 * Trust: slot and yard are the host's word. The owner is verified (handshake.h) before it is
 * believed; what it says afterwards is a session's. */
#pragma once

#include "process.h"

/* Does the loader say that this enclave is not the owner of a tree? */
bool blank_is_one(void);
/* For its first thread, with the library OS and its layers started and the lock held: never
 * returns. */
void blank_run(void) __attribute__((noreturn));
/* On a member: to the owner's attending thread. With the lock held. */
void blank_say(struct bytes head, struct bytes body);
/* On a member, in place of os_exit_process(): ends the process of this enclave, whose other threads
 * end too. With the lock held; on a thread of that process. status: STATUS_* (table.h). */
void blank_process_ends(int status) __attribute__((noreturn));
/* Opens the calling thread's way to the owner, which serves that mailbox of calls already. */
int blank_thread_begins(struct os_thread *t, unsigned box, uint64_t generation) MUST_USE;
/* On a member: another thread of its process, which the owner is told of, and which begins with
 * t->start. With the lock held, which is given up meanwhile. */
int blank_new_thread(struct os_thread *t) MUST_USE;

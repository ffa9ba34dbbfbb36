/* SPDX-License-Identifier: Apache-2.0 */
/* The yard (abi/yard.h) and the processes of a tree, as the runtime offers them to the library OS.
 * Trust: every word read here is the host's. */
#pragma once

#include "abi/yard.h"
#include "runtime/rt.h"

#pragma GCC visibility push(hidden)

/* Did the loader bring a yard? Without one there is one process. */
bool rt_yard_there(void);
/* The slot of this enclave: the host's word, below YARD_SLOTS. Whoever is told 0 is nobody's
 * member. */
unsigned rt_yard_self(void);
/* The slot's memory. */
host_span rt_yard_slot(unsigned slot);
/* Aligned words. Loads are not moved before, and stores not after, what stands there in the
 * program; rt_yard_fence() also keeps a store before a later load. */
uint64_t rt_yard_load(host_span in, uint64_t offset);
void rt_yard_store(host_span in, uint64_t offset, uint64_t value);
void rt_yard_fence(void);
/* Copies to host memory, whole words: offset is a multiple of 8, what is behind the last byte of
 * its word becomes zero. */
void copy_to_host(host_span to, uint64_t offset, struct bytes from);
/* The same for much that another processor reads next: past this one's caches. */
void copy_to_host_past_caches(host_span to, uint64_t offset, struct bytes from);

/* Asks for an enclave of this image in a slot that is free: the slot, or -EAGAIN. It announces
 * itself in its mailbox, soon or never. */
int rt_process_start(void) MUST_USE;
/* Wakes a thread of the enclave in that slot, as rt_wake() does one of this. */
void rt_process_wake(unsigned slot, unsigned thread_number);
/* The process of that slot is ended; the slot stays taken. */
void rt_process_kill(unsigned slot);
/* The process of that slot is ended, and the slot is free for rt_process_start(): nobody may use
 * its mailboxes any more. */
void rt_process_over(unsigned slot);

#pragma GCC visibility pop

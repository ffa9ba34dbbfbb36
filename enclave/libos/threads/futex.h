/* SPDX-License-Identifier: Apache-2.0 */
/* Futexes: who waits is known in this enclave, or, in memory that processes share, in that of the
 * tree's owner, so only parking and waking a thread that sleeps reaches the host. With the lock
 * held. */
#pragma once

#include "process.h"

/* Wakes up to `count` waiters; returns how many. For thread exit and robust lists too. */
int64_t futex_wake(uint64_t addr, uint32_t count, uint32_t bitset);
/* One waiter at that offset of a file, in whichever process. The owner's. */
struct node;
void futex_wake_shared(struct node *n, uint64_t offset);
#define FUTEX_ANY UINT32_MAX

/* SPDX-License-Identifier: Apache-2.0 */
/* Futexes inside one enclave: who waits is known here, so only parking and waking a thread that
 * sleeps reaches the host. With the lock held. */
#pragma once

#include "process.h"

/* Wakes up to `count` waiters; returns how many. For thread exit and robust lists too. */
int64_t futex_wake(uint64_t addr, uint32_t count, uint32_t bitset);
#define FUTEX_ANY UINT32_MAX

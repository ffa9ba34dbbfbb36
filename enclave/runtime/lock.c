/* SPDX-License-Identifier: Apache-2.0 */
/* Mutual exclusion between enclave threads: spin a little, then park through the host. The host may
 * wake a thread without reason or never (a thread that never runs is denial of service, no more);
 * who holds the lock is decided by enclave memory alone. */
#include "thread.h"

#define SPINS 100

static bool try_lock(struct rt_lock *l)
{
    uint32_t free = 0;
    return __atomic_compare_exchange_n(&l->state, &free, 1, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

void rt_lock(struct rt_lock *l)
{
    for (int i = 0; i < SPINS; i++) {
        if (try_lock(l)) {
            return;
        }
        __builtin_ia32_pause();
    }
    unsigned me = rt_thread_number(rt_self());
    uint32_t bit = 1u << (me % 32);
    for (;;) {
        __atomic_fetch_or(&l->waiters[me / 32], bit, __ATOMIC_SEQ_CST);
        if (try_lock(l)) {
            __atomic_fetch_and(&l->waiters[me / 32], ~bit, __ATOMIC_SEQ_CST);
            return;
        }
        rt_wait(UINT64_MAX);
    }
}

void rt_unlock(struct rt_lock *l)
{
    __atomic_store_n(&l->state, 0, __ATOMIC_SEQ_CST);
    for (unsigned w = 0; w < ARRAY_SIZE(l->waiters); w++) {
        uint32_t waiting = __atomic_load_n(&l->waiters[w], __ATOMIC_SEQ_CST);
        if (waiting != 0) {
            unsigned bit = (unsigned)__builtin_ctz(waiting);
            __atomic_fetch_and(&l->waiters[w], ~(1u << bit), __ATOMIC_SEQ_CST);
            rt_wake(w * 32 + bit);
            return;
        }
    }
}

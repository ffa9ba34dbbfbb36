/* SPDX-License-Identifier: Apache-2.0 */
/* The host's part in the yard: waking threads of any process of the tree, and telling of a process's
 * end. Wake words are futexes that processes share. */
#include "enclave.h"
#include "net.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int64_t host_word_wait(uint32_t *word, uint64_t timeout_ns)
{
    const struct timespec ts = {(time_t)(timeout_ns / 1000000000), (long)(timeout_ns % 1000000000)};
    if (__atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST) == 1) {
        return 0;
    }
    long r = syscall(SYS_futex, word, FUTEX_WAIT, 0, timeout_ns == UINT64_MAX ? NULL : &ts, NULL, 0);
    int error = r == 0 ? 0 : errno;
    if (__atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST) == 1) {
        return 0;
    }
    return error == ETIMEDOUT ? -ETIMEDOUT : 0;
}

void host_word_wake(uint32_t *word)
{
    if (__atomic_exchange_n(word, 1, __ATOMIC_SEQ_CST) == HOST_NET_PARKED) {
        host_net_wake();
    } else {
        syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
    }
}

void host_yard_wake(struct yard *yard, uint64_t slot, uint64_t number)
{
    if (yard != NULL && slot < YARD_SLOTS && number < THREADS_MAX) {
        host_word_wake(&yard->slots[slot].wake[number]);
    }
}

/* Everybody: a word in the ring tells who waits, but whoever ends in the middle of waking somebody has
 * taken it away already. */
void host_yard_dead(struct yard *yard, unsigned slot)
{
    __atomic_store_n(&yard->slots[slot].dead, 1, __ATOMIC_SEQ_CST);
    for (size_t other = 0; other < YARD_SLOTS; other++) {
        const uint64_t threads = __atomic_load_n(&yard->slots[other].threads, __ATOMIC_RELAXED);
        for (uint64_t i = 0; i < threads && i < THREADS_MAX; i++) {
            host_yard_wake(yard, other, i);
        }
    }
}

void host_yard_clear(struct yard *yard, unsigned slot)
{
    struct yard_slot *s = &yard->slots[slot];
    if (madvise(s, sizeof *s, MADV_REMOVE) != 0) {
        memset(s, 0, offsetof(struct yard_slot, control)); /* the rings are emptied by their users */
    }
    s->dead = 1; /* until there is another */
}

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

static void wake_ring(struct yard *yard, const struct yard_ring *ring)
{
    const uint64_t waiting[2] = {__atomic_load_n(&ring->reader, __ATOMIC_SEQ_CST),
                                 __atomic_load_n(&ring->writer, __ATOMIC_SEQ_CST)};
    for (size_t i = 0; i < 2; i++) {
        /* Whose thread it is does not stand there: that number is woken everywhere. */
        for (size_t slot = 0; waiting[i] != 0 && slot < YARD_SLOTS; slot++) {
            if (__atomic_load_n(&yard->slots[slot].threads, __ATOMIC_RELAXED) != 0) {
                host_yard_wake(yard, slot, waiting[i] - 1);
            }
        }
    }
}

void host_yard_dead(struct yard *yard, unsigned slot)
{
    struct yard_slot *s = &yard->slots[slot];
    __atomic_store_n(&s->dead, 1, __ATOMIC_SEQ_CST);
    for (size_t way = 0; way < 2; way++) {
        wake_ring(yard, &s->control[way].ring);
        wake_ring(yard, &s->stream[way].ring);
        for (size_t i = 0; i < s->threads && i < THREADS_MAX; i++) {
            wake_ring(yard, &s->calls[i][way].ring);
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

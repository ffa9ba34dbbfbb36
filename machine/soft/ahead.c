/* SPDX-License-Identifier: Apache-2.0 */
/* Finds memory for pages that an enclave is about to add, before it runs (soft_expect), and for
 * pages that it has accepted and will fill next, on a thread of its own:
 * the kernel clears a page when it is first touched, and under a hypervisor may have to be given it
 * first, 0.1 to 3 ms for 2 MiB. While the enclave verifies what goes into one huge page, the next
 * ones get ready. Content is never changed: a page that the enclave has touched stays as it is.
 *
 * Only ranges of a middling size that come at once are worth it: smaller ones are touched before
 * the thread is awake, and of larger ones the workload may never use the most. Host code; epcm.c,
 * which is leaf code, posts what was accepted. */
#include "soft/internal.h"

#include <linux/futex.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define AHEAD_LEAST (UINT64_C(4) << 20)

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static void *find_memory(void *context)
{
    struct soft_ahead *a = context;
    uint32_t done = 0;
    while (__atomic_load_n(&a->stop, __ATOMIC_ACQUIRE) == 0) {
        uint32_t posted = __atomic_load_n(&a->posted, __ATOMIC_ACQUIRE);
        if (posted == done) {
            (void)syscall(SYS_futex, &a->posted, FUTEX_WAIT_PRIVATE, posted, NULL, NULL, 0);
            continue;
        }
        if (posted - done > SOFT_AHEAD_RING) {
            done = posted - SOFT_AHEAD_RING; /* those are touched by now */
        }
        uint64_t addr = __atomic_load_n(&a->ring[done % SOFT_AHEAD_RING], __ATOMIC_RELAXED);
        /* It may have been overwritten, or its pages be gone again: then nothing happens. */
        (void)madvise((void *)addr, SOFT_AHEAD_SIZE, MADV_POPULATE_WRITE);
        done++;
    }
    return NULL;
}

/* Without memory or threads everything works as before. */
static void start(struct machine *m)
{
    struct soft_ahead *a = calloc(1, sizeof *a);
    sigset_t all, old;
    sigfillset(&all);
    if (a == NULL || pthread_sigmask(SIG_SETMASK, &all, &old) != 0) {
        free(a);
        return;
    }
    if (pthread_create(&a->thread, NULL, find_memory, a) == 0) {
        m->ahead = a;
    } else {
        free(a);
    }
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void soft_ahead_expect(struct machine *m, uint64_t first, uint64_t end)
{
    if ((end - first) * PAGE_SIZE < AHEAD_LEAST) {
        return;
    }
    if (!m->ahead_tried) {
        m->ahead_tried = true;
        start(m);
    }
    m->ahead_first = first;
    m->ahead_end = end;
}

/* Before EINIT, while the helper measures and this process has nothing better to do. Closed again
 * at once: the enclave finds its memory as absent as ever. */
bool soft_expect(struct machine *m, uint64_t offset, uint64_t size)
{
    if (!m->asked || m->answered || offset % SOFT_AHEAD_SIZE != 0 ||
        !range_within(offset, size, m->size) || m->base + offset < m->reserved_start) {
        return false;
    }
    for (uint64_t at = offset; size - (at - offset) >= SOFT_AHEAD_SIZE; at += SOFT_AHEAD_SIZE) {
        void *memory = (void *)(m->base + at);
        if (m->ready_count == SOFT_READY_MAX || client_answered(m->client)) {
            return false;
        }
        if (m->chunk_used[at / SOFT_AHEAD_SIZE] != 0 ||
            mprotect(memory, SOFT_AHEAD_SIZE, PROT_READ | PROT_WRITE) != 0) {
            continue;
        }
        if (madvise(memory, SOFT_AHEAD_SIZE, MADV_POPULATE_WRITE) == 0) {
            m->ready[m->ready_count++] = at / PAGE_SIZE;
        }
        if (mprotect(memory, SOFT_AHEAD_SIZE, PROT_NONE) != 0) {
            soft_fatal("alcove: soft machine: cannot close memory that was found ahead\n");
        }
    }
    return true;
}

void soft_ahead_stop(struct machine *m)
{
    struct soft_ahead *a = m->ahead;
    if (a == NULL) {
        return;
    }
    __atomic_store_n(&a->stop, 1, __ATOMIC_RELEASE);
    __atomic_fetch_add(&a->posted, 1, __ATOMIC_RELEASE);
    (void)syscall(SYS_futex, &a->posted, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    (void)pthread_join(a->thread, NULL);
    free(a);
    m->ahead = NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Host threads that enter the enclave. Each enclave thread number has one host thread for life: when
 * the enclave's thread ends, the host thread waits to enter the same TCS again, so a TCS is never
 * entered twice at once. */
#include "enclave.h"
#include "watch.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long futex_wait(atomic_uint *word, unsigned value, const struct timespec *timeout)
{
    return syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, timeout, NULL, 0);
}

static void futex_wake(atomic_uint *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

int64_t host_thread_wait(struct host_thread *t, uint64_t timeout_ns)
{
    return host_word_wait(t->wake_word, timeout_ns);
}

static uint32_t *wake_word(struct host_enclave *e, uint64_t number)
{
    struct yard *yard = e->config.yard;
    return yard != NULL ? &yard->slots[e->config.yard_slot].wake[number] : &e->wake_words[number];
}

void host_thread_wake(struct host_enclave *e, uint64_t number)
{
    if (number < THREADS_MAX) {
        host_word_wake(wake_word(e, number));
    }
}

/* So that whoever tells of a process's end knows where threads of others may wait. */
static void count_threads(struct host_enclave *e, unsigned number)
{
    struct yard_slot *s = e->config.yard != NULL ? &e->config.yard->slots[e->config.yard_slot] : NULL;
    if (s != NULL && number >= __atomic_load_n(&s->threads, __ATOMIC_RELAXED)) {
        __atomic_store_n(&s->threads, number + 1, __ATOMIC_SEQ_CST);
    }
}

int host_thread_prepare(struct host_enclave *e, unsigned number, uint64_t tcs)
{
    struct host_thread *t = &e->threads[number];
    if (t->slot == NULL) {
        void *slot = mmap(NULL, sizeof *t->slot, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (slot == MAP_FAILED) {
            return -ENOMEM;
        }
        t->slot = slot;
    }
    t->enclave = e;
    t->number = number;
    t->tcs = tcs;
    t->wake_word = wake_word(e, number);
    count_threads(e, number);
    return 0;
}

/* Calls enter() with the process's own floating-point control words around it: the enclave leaves
 * with its synthetic ones. */
int host_enter_once(struct host_thread *t, uint64_t rdi, unsigned leaf, struct machine_run *run)
{
    uint32_t mxcsr;
    uint16_t control;
    host_watch_entry(t->enclave->config.watch, leaf);
    __asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(mxcsr), "=m"(control));
    int r = t->enclave->config.ops->enter(t->enclave->machine, rdi, 0, 0, leaf, 0, 0, run);
    __asm__ volatile("ldmxcsr %0; fldcw %1" : : "m"(mxcsr), "m"(control));
    if (r == -EFAULT && t->enclave->config.watch != NULL) {
        atomic_fetch_add_explicit(&t->enclave->config.watch->exceptions, 1, memory_order_relaxed);
    }
    return r;
}

/* Before interrupted code is resumed: a kick that came meanwhile is shown first. */
static bool kicked_meanwhile(struct host_thread *t)
{
    atomic_store(&t->handling, 0);
    atomic_store(&t->resuming, 1);
    return atomic_exchange(&t->kick_pending, 0) != 0;
}

/* The loop that every user of the vDSO function writes: a normal exit is a hostcall; an exception is
 * shown to the enclave by an entry at CSSA 1, after whose exit the interrupted code resumes. */
int host_thread_enter(struct host_thread *t, uint64_t rdi, struct diag *d)
{
    struct machine_run run = {.tcs = t->tcs};
    bool handling = false;
    unsigned leaf = ENCLU_EENTER;
    host_kick_thread_starts(t);
    for (;;) {
        if (!handling && leaf == ENCLU_EENTER) {
            t->slot->number = 0;
        }
        atomic_store_explicit(&t->where, HOST_INSIDE, memory_order_relaxed);
        int r = host_enter_once(t, rdi, leaf, &run);
        atomic_store_explicit(&t->resuming, 0, memory_order_relaxed);
        if (r == 0 && handling) {
            handling = kicked_meanwhile(t);
            leaf = handling ? ENCLU_EENTER : ENCLU_ERESUME;
            atomic_store(&t->handling, handling);
        } else if (r == 0) {
            /* Only now: interrupted code that is about to be resumed counts as inside. */
            atomic_store_explicit(&t->where, HOST_OUTSIDE, memory_order_relaxed);
            if (!host_serve(t)) {
                return 0;
            }
            leaf = ENCLU_EENTER;
        } else if (r == -EFAULT && !handling) {
            atomic_store(&t->handling, 1);
            handling = true;
            leaf = ENCLU_EENTER;
        } else {
            return diag_fail(d, -EFAULT,
                             "enclave thread %u died: vector %u, error 0x%x, address 0x%lx%s", t->number,
                             run.exception_vector, run.exception_error_code,
                             (unsigned long)run.exception_addr,
                             handling ? ", while it handled another exception" : "");
        }
    }
}

/* Not by stdio, which asks for the descriptor's status: the lock does not let it. */
void host_die(const char *why)
{
    char text[DIAG_MAX + 16];
    int n = snprintf(text, sizeof text, "alcove: %s\n", why);
    ignore_result(write(2, text, (size_t)n) < 0, "the exit status tells too");
    _exit(EXIT_FAILURE);
}

static void *thread_main(void *argument)
{
    struct host_thread *t = argument;
    for (;;) {
        while (atomic_exchange(&t->start_token, 0) == 0) {
            futex_wait(&t->start_token, 0, NULL);
        }
        struct diag d = {""};
        if (host_thread_enter(t, (uint64_t)(uintptr_t)t->slot, &d) != 0) {
            /* One dead thread is a dead enclave: others may wait for it for ever. */
            host_die(d.text);
        }
    }
    return NULL;
}

int host_thread_start(struct host_enclave *e, unsigned number, uint64_t tcs)
{
    if (number == 0 || number >= THREADS_MAX) {
        return -EAGAIN;
    }
    pthread_mutex_lock(&e->threads_lock);
    struct host_thread *t = &e->threads[number];
    int r = host_thread_prepare(e, number, tcs);
    if (r == 0 && !t->running) {
        pthread_attr_t attr;
        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, 256 * 1024);
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        r = pthread_create(&t->pthread, &attr, thread_main, t) == 0 ? 0 : -EAGAIN;
        pthread_attr_destroy(&attr);
        t->running = r == 0;
    }
    if (r == 0) {
        atomic_store(&t->start_token, 1);
        futex_wake(&t->start_token);
    }
    pthread_mutex_unlock(&e->threads_lock);
    return r;
}

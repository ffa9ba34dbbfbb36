/* SPDX-License-Identifier: Apache-2.0 */
/* The kick: interrupts enclave threads that compute, at the enclave's request. A signal to the host
 * thread interrupts the enclave (AEX), and the handler enters it at CSSA 1 with nothing in its
 * hands: the enclave looks into its own memory, and the interrupted code goes on where the enclave
 * wants it to.
 *
 * A thread that is outside needs none of this: the enclave looks for itself when a hostcall
 * returns. Where an exception has been handled and its code is about to be resumed it does not, so
 * that a kick which comes then is shown to the enclave before (kick_pending), or, should it come
 * between the last look and ERESUME itself, once more a moment later by the clock's thread. */
#include "enclave.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

/* Standard, so that a thousand of them are one; ignored by default, so that a stray one is nothing.
 */
#define KICK_SIGNAL SIGURG
#define AGAIN_NS    UINT64_C(200000)

static __thread struct host_thread *current;

static uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* ---- the handler --------------------------------------------------------------------------------
 */

static void clock_wake(struct host_enclave *e)
{
    atomic_fetch_add(&e->clock_changes, 1);
    syscall(SYS_futex, &e->clock_changes, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* At the asynchronous exit pointer, with the registers that an AEX leaves: the next instruction
 * resumes an interrupted context, so CSSA is at least 1. */
static bool about_to_resume(const struct host_thread *t, const ucontext_t *context)
{
    const greg_t *r = context->uc_mcontext.gregs;
    return (uint64_t)r[REG_RAX] == ENCLU_ERESUME && (uint64_t)r[REG_RBX] == t->tcs;
}

static void on_kick(int sig, siginfo_t *info, void *context)
{
    struct host_thread *t = current;
    int saved = errno;
    (void)sig;
    (void)info;
    if (t == NULL) {
        return;
    }
    if (atomic_load(&t->handling) || !about_to_resume(t, context)) {
        atomic_store(&t->kick_pending, 1);
        if (atomic_load(&t->resuming)) {
            atomic_store(&t->enclave->kick_again, 1);
            clock_wake(t->enclave);
        }
        errno = saved;
        return;
    }
    struct machine_run run = {.tcs = t->tcs};
    atomic_store(&t->kick_pending, 0);
    int r = host_enter_once(t, 0, ENCLU_EENTER, &run);
    if (r == -EFAULT && run.function == ENCLU_ERESUME) {
        host_die("an enclave thread died of an exception while it was kicked");
    }
    errno = saved;
}

int host_kick_start(struct host_enclave *e)
{
    return e->config.ops->signal(KICK_SIGNAL, on_kick, SA_RESTART);
}

void host_kick_thread_starts(struct host_thread *t)
{
    atomic_store(&t->host_tid, (int)syscall(SYS_gettid));
    current = t;
}

/* ---- requests -----------------------------------------------------------------------------------
 */

static void interrupt(struct host_thread *t)
{
    int tid = atomic_load(&t->host_tid);
    if (tid != 0) {
        syscall(SYS_tgkill, getpid(), tid, KICK_SIGNAL);
    }
}

void host_kick(struct host_enclave *e, uint64_t number)
{
    if (number < THREADS_MAX) {
        interrupt(&e->threads[number]);
    }
}

/* One that runs, else one that waits for standard input; others wait by the enclave's own clock. */
static void interrupt_any(struct host_enclave *e)
{
    struct host_thread *reading = NULL;
    for (unsigned i = 0; i < THREADS_MAX; i++) {
        int where = atomic_load(&e->threads[i].where);
        if (where == HOST_INSIDE) {
            interrupt(&e->threads[i]);
            return;
        }
        reading = where == HOST_READING ? &e->threads[i] : reading;
    }
    if (reading != NULL) {
        interrupt(reading);
    }
}

static void interrupt_again(struct host_enclave *e)
{
    for (unsigned i = 0; i < THREADS_MAX; i++) {
        struct host_thread *t = &e->threads[i];
        if (atomic_load(&t->kick_pending) && atomic_load(&t->resuming)) {
            interrupt(t);
        }
    }
}

/* ---- the clock's thread, once somebody wants it
 * -------------------------------------------------- */

static void *clock_main(void *argument)
{
    struct host_enclave *e = argument;
    for (;;) {
        unsigned changes = atomic_load(&e->clock_changes);
        uint64_t at = atomic_load(&e->alarm_at), now = now_ns();
        bool again = atomic_exchange(&e->kick_again, 0) != 0;
        if (at <= now && atomic_compare_exchange_strong(&e->alarm_at, &at, UINT64_MAX)) {
            interrupt_any(e);
            continue;
        }
        uint64_t wait = again ? AGAIN_NS : at - now;
        struct timespec ts = {(time_t)(wait / 1000000000), (long)(wait % 1000000000)};
        bool for_ever = !again && at == UINT64_MAX;
        syscall(SYS_futex, &e->clock_changes, FUTEX_WAIT_PRIVATE, changes, for_ever ? NULL : &ts,
                NULL, 0);
        if (again) {
            interrupt_again(e);
        }
    }
    return NULL;
}

static void clock_start(struct host_enclave *e)
{
    pthread_t thread;
    pthread_attr_t attr;
    if (atomic_exchange(&e->clock_runs, 1) != 0) {
        return;
    }
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 64 * 1024);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attr, clock_main, e) != 0) {
        atomic_store(&e->clock_runs, 0); /* the next request tries again */
    }
    pthread_attr_destroy(&attr);
}

void host_alarm(struct host_enclave *e, uint64_t ns)
{
    uint64_t now = now_ns();
    atomic_store(&e->alarm_at, ns < UINT64_MAX - now ? now + ns : UINT64_MAX - 1);
    clock_start(e);
    clock_wake(e);
}

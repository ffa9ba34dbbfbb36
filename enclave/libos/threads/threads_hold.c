/* SPDX-License-Identifier: Apache-2.0 */
/* One thread holds the others of its process (fork) or ends them (execve, exit). Those that compute
 * are kicked; those that sleep in a call stay there, and park on their way back. See threads.h.
 *
 * The adversary: the host lets a thread go on computing as long as it likes. Whoever waits for it
 * waits until the enclave itself has seen that it stands. */
#include <errno.h>

#include "signals/signals.h"
#include "threads/threads.h"

#define LOOK_AGAIN_NS UINT64_C(500000)
#define KICK_AGAIN    20u /* looks */

static struct {
    struct os_thread *by; /* NULL: nobody holds anybody */
    bool ends;            /* the others end */
    struct wait_queue changed;
} hold;

static bool may_compute(const struct os_thread *t)
{
    return t->server == NULL && !t->parked && !t->waiting && t->number != THREAD_NOT_YET &&
           !rt_thread_outside(t->number);
}

/* A change of mappings that is under way is seen to its end: what is copied is from before or
 * after. */
static bool may_change(const struct os_thread *t)
{
    return may_compute(t) || t->changes_memory;
}

/* Signals wait, and so does a kick: what is waited for here comes from threads that are asked to
 * stand. */
static void sleep_until_changed(uint64_t at_most_ns)
{
    struct os_thread *t = os_self();
    uint64_t bit = UINT64_C(1) << (t->number % 64);
    uint64_t now = rt_clock_ns(1);
    hold.changed.waiting[t->number / 64] |= bit;
    t->waiting = true;
    os_unlock();
    ignore_result(rt_wait(at_most_ns), "why it returned is the host's word");
    os_lock();
    t->waiting = false;
    t->waited_ns += rt_clock_ns(1) - now;
    t->sleeps++;
    hold.changed.waiting[t->number / 64] &= ~bit;
}

static void park(struct os_thread *t)
{
    t->parked = true;
    os_wake_all(&hold.changed);
    while (hold.by != NULL && hold.by != t && !t->ending) {
        sleep_until_changed(UINT64_MAX);
    }
    t->parked = false;
}

void threads_boundary(struct os_thread *t)
{
    if (__builtin_expect(hold.by != NULL && hold.by != t && !t->ending, 0)) {
        park(t);
    }
    if (t->ending) {
        threads_leave(t);
    }
}

/* The caller is the one who holds from now on. */
static int begin(bool ends)
{
    struct os_thread *self = os_self();
    if (hold.by != NULL && hold.by != self) {
        park(self);
    }
    if (self->ending) {
        __atomic_store_n(&self->attention, 1, __ATOMIC_RELAXED);
        return -ERESTARTSYS;
    }
    hold.by = self;
    hold.ends = ends;
    for (struct os_thread *t = os.threads; t != NULL; t = t->next) {
        if (t != self && t->server == NULL) {
            t->ending = ends;
        }
    }
    return 0;
}

/* In calls that sleep they may stay, unless they are to end. */
static void ask(void)
{
    for (struct os_thread *t = os.threads; t != NULL; t = t->next) {
        if (t == hold.by || t->server != NULL) {
            continue;
        }
        if (hold.ends || !t->waiting) {
            signal_notify(t);
        } else {
            __atomic_store_n(&t->attention, 1, __ATOMIC_RELAXED);
        }
    }
}

static bool others(bool (*is)(const struct os_thread *t))
{
    for (const struct os_thread *t = os.threads; t != NULL; t = t->next) {
        if (t != hold.by && t->server == NULL && is(t)) {
            return true;
        }
    }
    return false;
}

static bool is_there(const struct os_thread *t)
{
    (void)t;
    return true;
}

static void wait_for_others(bool (*while_any)(const struct os_thread *t))
{
    for (unsigned looks = 0; others(while_any); looks++) {
        if (looks % KICK_AGAIN == 0) {
            ask();
        }
        sleep_until_changed(LOOK_AGAIN_NS);
    }
}

int threads_hold_others(void)
{
    int err = begin(false);
    if (err == 0) {
        ask(); /* also those that sleep now: they find out when they wake */
        wait_for_others(may_change);
    }
    return err;
}

void threads_release_others(void)
{
    hold.by = NULL;
    hold.ends = false;
    os_wake_all(&hold.changed);
}

int threads_end_others(bool become_main)
{
    struct os_thread *self = os_self();
    int err = begin(true);
    if (err != 0) {
        return err;
    }
    os_wake_all(&hold.changed); /* those that were parked */
    wait_for_others(is_there);
    threads_release_others();
    if (become_main) {
        self->tid = self->process->pid;
    }
    return 0;
}

void threads_end_self_at_boundary(void)
{
    struct os_thread *t = os_self();
    t->ending = true;
    __atomic_store_n(&t->attention, 1, __ATOMIC_RELAXED);
}

void threads_begins(struct os_thread *t)
{
    if (hold.by != NULL && hold.by != t) {
        t->ending = hold.ends;
        t->attention = 1; /* it looks before it runs the workload */
    }
}

void threads_gone(void)
{
    if (hold.by != NULL) {
        os_wake_all(&hold.changed);
    }
}

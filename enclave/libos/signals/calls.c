/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that set, mask and await signals. */
#include "signals/internal.h"

#include <errno.h>

#include "libos/numbers.h"
#include "proc/call_client.h"

static bool valid_signal(int signo)
{
    return signo >= 1 && signo <= (int)SIGNALS;
}

/* Of what a member does with signals the owner needs to know who wants to hear of children, and who
 * may be stopped by a terminal. */
static void signal_tell_owner(int sig, app_ptr act)
{
    if (os_is_member() && (sig == OS_SIGCHLD || sig == OS_SIGTTIN || sig == OS_SIGTTOU)) {
        ignore_result(REMOTE_CALL(SYS_rt_sigaction, (uint64_t)sig, act.addr, 0, sizeof(uint64_t)),
                      "the action was looked at already");
    }
}

int64_t sys_rt_sigaction(int sig, app_ptr act, app_ptr old, uint64_t size)
{
    struct signal_action new_action, previous;
    if (size != sizeof(uint64_t) || !valid_signal(sig)) {
        return -EINVAL;
    }
    if (act.addr != 0 && copy_from_app(&new_action, act, sizeof new_action) != 0) {
        return -EFAULT;
    }
    if (act.addr != 0 && (SIGNAL_BIT(sig) & UNBLOCKABLE) != 0) {
        return -EINVAL;
    }
    struct process *p = os_current();
    previous = p->actions[sig - 1];
    if (old.addr != 0 && copy_to_app(old, &previous, sizeof previous) != 0) {
        return -EFAULT;
    }
    if (act.addr != 0) {
        signal_tell_owner(sig, act);
        new_action.mask &= ~UNBLOCKABLE;
        p->actions[sig - 1] = new_action;
        if (signal_ignored(p, sig)) { /* POSIX: pending ones are discarded */
            signal_forget_all(p, SIGNAL_BIT(sig));
        }
    }
    return 0;
}

enum { MASK_BLOCK, MASK_UNBLOCK, MASK_SET };

int64_t sys_rt_sigprocmask(int how, app_ptr set, app_ptr old, uint64_t size)
{
    struct os_thread *t = os_self();
    uint64_t previous = t->blocked, mask;
    if (size != sizeof mask) {
        return -EINVAL;
    }
    if (set.addr != 0) {
        if (copy_from_app(&mask, set, sizeof mask) != 0) {
            return -EFAULT;
        }
        mask &= ~UNBLOCKABLE;
        switch (how) {
        case MASK_BLOCK:
            t->blocked |= mask;
            break;
        case MASK_UNBLOCK:
            t->blocked &= ~mask;
            break;
        case MASK_SET:
            t->blocked = mask;
            break;
        default:
            return -EINVAL;
        }
        if (signal_wanted(t)) {
            __atomic_store_n(&t->attention, 1, __ATOMIC_RELAXED);
        }
    }
    if (old.addr != 0 && copy_to_app(old, &previous, sizeof previous) != 0) {
        return -EFAULT;
    }
    return 0;
}

int64_t sys_rt_sigpending(app_ptr set, uint64_t size)
{
    const struct os_thread *t = os_self();
    uint64_t pending = (t->pending | t->process->pending) & t->blocked;
    if (size > sizeof pending) {
        return -EINVAL;
    }
    return copy_to_app(set, &pending, size);
}

/* Sleeps until a signal is due; the queue is nobody's, so only signals and the deadline end it. */
static int wait_for_signal(uint64_t deadline)
{
    struct wait_queue nobody = {{0}};
    int r = 0;
    while (r == 0) {
        r = os_block(&nobody, deadline);
    }
    return r;
}

int64_t sys_pause(void)
{
    return wait_for_signal(UINT64_MAX);
}

int64_t sys_rt_sigsuspend(app_ptr set, uint64_t size)
{
    const int r = os_temporary_sigmask(set, size);
    return r != 0 ? r : sys_pause();
}

int64_t sys_rt_sigtimedwait(app_ptr set, app_ptr info_out, app_ptr timeout, uint64_t size)
{
    struct os_thread *t = os_self();
    struct signal_info info;
    uint64_t mask, deadline = UINT64_MAX;
    int64_t spec[2];

    if (size != sizeof mask) {
        return -EINVAL;
    }
    if (copy_from_app(&mask, set, sizeof mask) != 0) {
        return -EFAULT;
    }
    if (timeout.addr != 0) {
        if (copy_from_app(spec, timeout, sizeof spec) != 0) {
            return -EFAULT;
        }
        if (spec[0] < 0 || spec[1] < 0 || spec[1] >= 1000000000) {
            return -EINVAL;
        }
        uint64_t ns;
        if (mul_ok((uint64_t)spec[0], 1000000000, &ns) && add_ok(ns, (uint64_t)spec[1], &ns) &&
            add_ok(ns, rt_clock_ns(1), &ns)) {
            deadline = ns;
        }
    }
    mask &= ~UNBLOCKABLE;
    t->sigwait = mask;
    int r = 0;
    bool got = signal_take(t, mask, &info);
    struct wait_queue nobody = {{0}};
    while (!got && r == 0) {
        r = os_block(&nobody, deadline);
        got = signal_take(t, mask, &info);
    }
    t->sigwait = 0;
    if (!got) {
        return r == -ETIMEDOUT ? -EAGAIN : -EINTR;
    }
    if (info_out.addr != 0) {
        struct signal_siginfo out;
        signal_fill_siginfo(&info, &out);
        if (copy_to_app(info_out, &out, sizeof out) != 0) {
            return -EFAULT;
        }
    }
    return info.signo;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Sending: who takes a signal, and what becomes of those that nobody wants.
 *
 * The host cannot send signals: senders are the workload's own calls, and faults that the processor
 * reported (Sigy). */
#include "signals/internal.h"

#include <errno.h>

#include "fs/vfs.h"
#include "proc/call_server.h"
#include "proc/stop.h"
#include "proc/table.h"

/* Default action: nothing. */
#define DEFAULT_IGNORED                                                                            \
    (SIGNAL_BIT(OS_SIGCHLD) | SIGNAL_BIT(OS_SIGCONT) | SIGNAL_BIT(OS_SIGURG) |                     \
     SIGNAL_BIT(OS_SIGWINCH))

bool signal_ignored(const struct process *p, int signo)
{
    uint64_t handler = p->actions[signo - 1].handler;
    return handler == OS_SIG_IGN ||
           (handler == OS_SIG_DFL &&
            ((SIGNAL_BIT(signo) & DEFAULT_IGNORED) != 0 ||
             ((SIGNAL_BIT(signo) & STOPPING) != 0 && process_is_alone(p))));
}

void signal_masks(const struct process *p, uint64_t *ret_ignored, uint64_t *ret_caught)
{
    *ret_ignored = 0;
    *ret_caught = 0;
    for (int s = 1; s <= (int)SIGNALS; s++) {
        uint64_t handler = p->actions[s - 1].handler;
        if (handler == OS_SIG_IGN) {
            *ret_ignored |= SIGNAL_BIT(s);
        } else if (handler != OS_SIG_DFL) {
            *ret_caught |= SIGNAL_BIT(s);
        }
    }
}

bool signal_wanted(const struct os_thread *t)
{
    return t->ending || ((t->pending | t->process->pending) & ~t->blocked) != 0;
}

void signal_notify(struct os_thread *t)
{
    __atomic_store_n(&t->attention, 1, __ATOMIC_RELAXED);
    if (t->number == THREAD_NOT_YET || t == os_self()) {
        return; /* it looks before it runs the workload */
    }
    if (t->waiting) {
        rt_wake(t->number);
    } else {
        rt_kick(t->number);
    }
}

/* Nobody has to take these any more. */
void signal_forget_all(struct process *p, uint64_t set)
{
    const struct signal_box all = signal_box_of_process(p);
    signal_forget(&all, set);
    for (struct os_thread *t = os.threads; t != NULL; t = t->next) {
        const struct signal_box own = signal_box_of_thread(t);
        if (t->process == p) {
            signal_forget(&own, set);
        }
    }
}

/* Stopping and continuing undo each other while they wait, and whatever the process does with
 * SIGCONT, it goes on. Source: kernel/signal.c, prepare_signal(). */
static void prepare(struct process *p, int signo)
{
    if ((SIGNAL_BIT(signo) & STOPPING) != 0) {
        signal_forget_all(p, SIGNAL_BIT(OS_SIGCONT));
    } else if (signo == OS_SIGCONT) {
        signal_forget_all(p, STOPPING);
        process_continued(p);
    } else if (signo == OS_SIGKILL) {
        os_wake_all(&p->state_changed);
    }
}

static bool takes(const struct os_thread *t, uint64_t bit)
{
    return (t->blocked & bit) == 0 || (t->sigwait & bit) != 0;
}

int signal_to_thread(struct os_thread *t, const struct signal_info *info)
{
    uint64_t bit = SIGNAL_BIT(info->signo);
    const struct signal_box b = signal_box_of_thread(t);
    prepare(t->process, info->signo);
    if (signal_ignored(t->process, info->signo) && (t->blocked & bit) == 0) {
        return 0;
    }
    int err = signal_put(&b, info);
    if (err == 0 && takes(t, bit)) {
        signal_notify(t);
    } else if (err == 0) {
        os_wake_all(&fs_poll_queue); /* a signalfd may wait for it */
    }
    return err;
}

/* Who takes a signal to the process: its first thread if that one can, else any that can. Threads
 * that serve other processes never run a handler. */
static struct os_thread *taker(const struct process *p, uint64_t bit)
{
    struct os_thread *any = NULL;
    for (struct os_thread *t = os.threads; t != NULL; t = t->next) {
        if (t->process != p || t->server != NULL || t->ending || !takes(t, bit)) {
            continue;
        }
        any = t;
        if (t->tid == p->pid) {
            break;
        }
    }
    return any;
}

int signal_to_process(struct process *p, const struct signal_info *info)
{
    uint64_t bit = SIGNAL_BIT(info->signo);
    const struct signal_box b = signal_box_of_process(p);
    struct os_thread *t = taker(p, bit);
    prepare(p, info->signo);
    if (signal_ignored(p, info->signo) && t != NULL && (t->blocked & bit) == 0) {
        return 0;
    }
    int err = signal_put(&b, info);
    if (err == 0 && t != NULL) {
        signal_notify(t);
    }
    if (err == 0 && (t == NULL || (t->blocked & bit) != 0)) {
        os_wake_all(&fs_poll_queue); /* a signalfd may wait for it */
    }
    return err;
}

void signal_pass_on(const struct os_thread *leaving)
{
    uint64_t left = leaving->process->pending & ~leaving->blocked;
    for (struct os_thread *t = os.threads; t != NULL; t = t->next) {
        if (t != leaving && t->process == leaving->process && t->server == NULL &&
            (left & ~t->blocked) != 0) {
            signal_notify(t);
            left &= t->blocked;
        }
    }
}

void os_raise(int signo)
{
    if (os_self()->server != NULL) {
        call_server_raise(os_self()->server, signo);
        return;
    }
    struct signal_info info = {
        .signo = signo, .code = SI_USER_, .pid = os_current()->pid, .uid = os.manifest->uid};
    ignore_result(signal_to_thread(os_self(), &info), "a standard signal always has a place");
}

void signal_swap_mask(struct os_thread *t, uint64_t mask)
{
    t->saved_blocked = t->blocked;
    t->restore_blocked = true;
    t->blocked = mask & ~UNBLOCKABLE;
    __atomic_store_n(&t->attention, 1, __ATOMIC_RELAXED);
}

int os_temporary_sigmask(app_ptr set, uint64_t sigset_size)
{
    uint64_t mask;
    if (sigset_size != sizeof mask) {
        return -EINVAL;
    }
    if (copy_from_app(&mask, set, sizeof mask) != 0) {
        return -EFAULT;
    }
    signal_swap_mask(os_self(), mask);
    return 0;
}

bool signal_take(struct os_thread *t, uint64_t set, struct signal_info *ret)
{
    const struct signal_box own = signal_box_of_thread(t), all = signal_box_of_process(t->process);
    return signal_get(&own, set, ret) || signal_get(&all, set, ret);
}

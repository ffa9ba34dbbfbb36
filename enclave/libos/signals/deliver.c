/* SPDX-License-Identifier: Apache-2.0 */
/* Delivery, on a thread's way back to the workload. */
#include "signals/internal.h"

#include "proc/fork.h"
#include "proc/stop.h"
#include "proc/table.h"
#include "threads/threads.h"
#include "time/timers.h"
#include "trace/fatal.h"
#include "trace/trace.h"

void signal_die(const struct os_thread *t, const struct signal_info *info,
                const struct rt_fault *fault)
{
    if (rt_tracing(TRACE_SIGNAL)) {
        trace_signal(t, info);
    }
    if (info->signo != OS_SIGKILL || info->pid == t->process->pid) {
        fatal_report(t, info, fault);
    } /* another process's doing needs no explanation from this one */
    os_exit_process(EXIT_SIGNAL, (uint64_t)info->signo);
}

static bool has_handler(const struct os_thread *t, int signo)
{
    uint64_t handler = t->process->actions[signo - 1].handler;
    return handler != OS_SIG_DFL && handler != OS_SIG_IGN;
}

void signal_enter_handler(struct os_thread *t, const struct signal_info *info,
                          const struct rt_fault *fault)
{
    struct signal_action action = t->process->actions[info->signo - 1];
    if (rt_tracing(TRACE_SIGNAL)) {
        trace_signal(t, info);
    }
    uint64_t bit = SIGNAL_BIT(info->signo);
    t->restart.number = 0;
    if (signal_push_frame(t, info, &action, fault) != 0) {
        struct signal_info segv = {.signo = OS_SIGSEGV, .code = SI_KERNEL_};
        if (info->signo == OS_SIGSEGV || !has_handler(t, OS_SIGSEGV) ||
            (t->blocked & SIGNAL_BIT(OS_SIGSEGV)) != 0) {
            signal_die(t, &segv, fault);
        }
        signal_enter_handler(t, &segv, fault);
        return;
    }
    t->restore_blocked = false;
    if ((t->alt_stack_flags & SS_AUTODISARM) != 0) {
        t->alt_stack = t->alt_stack_size = t->alt_stack_flags = 0; /* the frame has it */
    }
    t->blocked |= action.mask & ~UNBLOCKABLE;
    if ((action.flags & OS_SA_NODEFER) == 0) {
        t->blocked |= bit;
    }
    if ((action.flags & OS_SA_RESETHAND) != 0) {
        t->process->actions[info->signo - 1].handler = OS_SIG_DFL;
    }
}

/* As a fault would: a thread that cannot take it dies. */
void signal_force_segv(struct os_thread *t)
{
    struct signal_info segv = {.signo = OS_SIGSEGV, .code = SI_KERNEL_};
    if (!has_handler(t, OS_SIGSEGV) || (t->blocked & SIGNAL_BIT(OS_SIGSEGV)) != 0) {
        signal_die(t, &segv, NULL);
    }
    ignore_result(signal_to_thread(t, &segv), "a standard signal always has a place");
}

/* Everything that is due, with the lock held. *call: the call that was interrupted, SIGNAL_NO_CALL
 * when that is settled. */
static void deliver(struct os_thread *t, uint64_t *call)
{
    struct signal_info info;
    while (signal_take(t, ~t->blocked, &info)) {
        if (signal_ignored(t->process, info.signo)) {
            continue;
        }
        const struct signal_action *action = &t->process->actions[info.signo - 1];
        if (action->handler == OS_SIG_DFL && (SIGNAL_BIT(info.signo) & STOPPING) != 0) {
            process_stop(info.signo);
            process_park(t);
            continue;
        }
        if (action->handler == OS_SIG_DFL && fork_is_vfork_child()) {
            fork_child_is_killed(info.signo);
            *call = SIGNAL_NO_CALL; /* the registers are the parent's */
            continue;
        }
        if (action->handler == OS_SIG_DFL) {
            signal_die(t, &info, NULL);
        }
        if (*call != SIGNAL_NO_CALL) {
            signal_finish_call(t, *call, action);
            *call = SIGNAL_NO_CALL;
        }
        signal_enter_handler(t, &info, NULL);
    }
}

void signal_return_to_workload(struct os_thread *t, uint64_t number)
{
    uint64_t call = number != SIGNAL_NO_CALL && signal_interrupted_call((int64_t)t->frame->rax)
                        ? number
                        : SIGNAL_NO_CALL;
    os_lock();
    do { /* who parks gives the lock up, and more may have come */
        timer_check();
        __atomic_store_n(&t->attention, 0, __ATOMIC_RELAXED);
        process_park(t);
        deliver(t, &call);
        if (t->restore_blocked) {
            t->restore_blocked = false;
            t->blocked = t->saved_blocked;
        }
        threads_boundary(t);
    } while (signal_wanted(t) || t->process->state == PROCESS_STOPPED);
    if (call != SIGNAL_NO_CALL) {
        signal_finish_call(t, call, NULL);
    }
    os_unlock();
}

void door_kick(struct rt_frame *frame)
{
    struct os_thread *t = rt_self_data();
    t->frame = frame;
    signal_return_to_workload(t, SIGNAL_NO_CALL);
}

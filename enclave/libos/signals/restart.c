/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that a signal interrupted: which run again, and with what time. */
#include "signals/internal.h"

#include <errno.h>

#include "exec/rewrite.h"
#include "libos/syscalls.h"
#include "proc/call_client.h"

enum {
    SYS_POLL = 7,
    SYS_SELECT = 23,
    SYS_PAUSE = 34,
    SYS_NANOSLEEP = 35,
    SYS_SIGTIMEDWAIT = 128,
    SYS_SIGSUSPEND = 130,
    SYS_SEMOP = 65,
    SYS_MSGSND = 69,
    SYS_MSGRCV = 70,
    SYS_FUTEX = 202,
    SYS_RESTART_SYSCALL = 219,
    SYS_CLOCK_NANOSLEEP = 230,
    SYS_SEMTIMEDOP = 220,
    SYS_EPOLL_WAIT = 232,
    SYS_PSELECT = 270,
    SYS_PPOLL = 271,
    SYS_EPOLL_PWAIT = 281,
    SYS_EPOLL_PWAIT2 = 441,
};

enum restart {
    RESTART_AS_ASKED,  /* by SA_RESTART; always when there is no handler */
    RESTART_UNHANDLED, /* only when there is no handler */
    RESTART_FOR_REST,  /* the same, and the time goes on from where it was */
    RESTART_NEVER,
    RESTART_ALWAYS,
};

/* Source: signal(7), and what the kernel's calls return (ERESTARTSYS, ERESTARTNOHAND,
 * ERESTART_RESTARTBLOCK, EINTR, ERESTARTNOINTR). */
static enum restart restart_of(uint64_t number, int64_t result)
{
    if (result == -ERESTARTNOINTR) {
        return RESTART_ALWAYS;
    }
    if (result == -ERESTART_RESTARTBLOCK) {
        return RESTART_FOR_REST;
    }
    switch (number) {
    case SYS_POLL:
        return RESTART_FOR_REST;
    case SYS_SELECT:
    case SYS_PAUSE:
    case SYS_SIGSUSPEND:
    case SYS_CLOCK_NANOSLEEP:
    case SYS_PSELECT:
    case SYS_PPOLL:
    case SYS_MSGSND:
    case SYS_MSGRCV:
        return RESTART_UNHANDLED;
    case SYS_SEMOP:
    case SYS_SEMTIMEDOP:
    case SYS_SIGTIMEDWAIT:
    case SYS_EPOLL_WAIT:
    case SYS_EPOLL_PWAIT:
    case SYS_EPOLL_PWAIT2:
        return RESTART_NEVER;
    default:
        return RESTART_AS_ASKED;
    }
}

bool signal_interrupted_call(int64_t result)
{
    return result == -ERESTARTSYS || result == -ERESTARTNOINTR || result == -ERESTART_RESTARTBLOCK;
}

/* Runs a call: RCX is lost by a system call anyway, so it can carry where to go on. */
static void call_again(struct rt_frame *f, uint64_t number)
{
    f->rax = number;
    f->rcx = f->rip;
    f->rip = rewrite_restart_address();
    f->flags |= RT_FRAME_FULL;
}

/* action: of the signal whose handler comes first; NULL: none comes. */
void signal_finish_call(struct os_thread *t, uint64_t number, const struct signal_action *action)
{
    number = number == SYS_RESTART_SYSCALL ? t->restart.was : number;
    enum restart how = restart_of(number, (int64_t)t->frame->rax);
    bool again =
        how == RESTART_ALWAYS ||
        (how == RESTART_AS_ASKED && (action == NULL || (action->flags & OS_SA_RESTART) != 0)) ||
        (how == RESTART_UNHANDLED && action == NULL);
    if (how == RESTART_FOR_REST && action == NULL) {
        t->restart.number = number;
        call_again(t->frame, SYS_RESTART_SYSCALL);
    } else if (again) {
        call_again(t->frame, number);
    } else {
        t->frame->rax = (uint64_t)-EINTR;
    }
}

uint64_t signal_deadline(uint64_t deadline_ns)
{
    const struct os_thread *t = os_self();
    return t->restart.again ? t->restart.deadline : deadline_ns;
}

static int ms_until(uint64_t deadline_ns)
{
    uint64_t now = rt_clock_ns(1);
    uint64_t ms = deadline_ns > now ? (deadline_ns - now + 999999) / 1000000 : 0;
    return deadline_ns == UINT64_MAX ? -1 : ms < INT32_MAX ? (int)ms : INT32_MAX;
}

static int64_t poll_again(const struct rt_frame *f, int ms)
{
    return os_is_member() ? REMOTE_CALL(SYS_POLL, f->rdi, f->rsi, (uint64_t)(int64_t)ms)
                          : sys_poll(app_at(f->rdi), f->rsi, ms);
}

static int64_t go_on(const struct os_thread *t, uint64_t number)
{
    const struct rt_frame *f = t->frame;
    switch (number) {
    case SYS_POLL:
        return poll_again(f, ms_until(t->restart.deadline));
    case SYS_NANOSLEEP:
        return sys_nanosleep(app_at(f->rdi), app_at(f->rsi));
    case SYS_FUTEX:
        return sys_futex(f->rdi, (int)(uint32_t)f->rsi, (uint32_t)f->rdx, f->r10, f->r8,
                         (uint32_t)f->r9);
    case SYS_CLOCK_NANOSLEEP:
        return sys_clock_nanosleep((int)(uint32_t)f->rdi, (uint32_t)f->rsi, app_at(f->rdx),
                                   app_at(f->r10));
    default:
        return -EINTR; /* nothing was interrupted, or a handler has made an end of it */
    }
}

/* The rest of a call that sleeps, with the registers that it had. */
int64_t sys_restart_syscall(void)
{
    struct os_thread *t = os_self();
    uint64_t number = t->restart.number;
    t->restart.number = 0;
    t->restart.was = number;
    t->restart.again = true;
    int64_t r = go_on(t, number);
    t->restart.again = false;
    return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Signals: actions, masks, sending, and delivery through a frame on the workload's stack.
 *
 * The adversary: a workload that forges frames and contexts. Everything in a frame is its own
 * registers and memory, so a forged one gives it nothing that it did not have; the vector state is
 * validated by the runtime, flags are masked. The host cannot send signals: a fault arrives here
 * only when the processor reported it (Sigy), and other senders are the workload's own calls. */
#include "proc/call_server.h"
#include "signals.h"

#include <errno.h>

#include "fs/vfs.h"
#include "fatal.h"
#include "libos/numbers.h"
#include "mm.h"
#include "proc/call_client.h"
#include "proc/fork.h"
#include "proc/stop.h"
#include "proc/table.h"
#include "rewrite.h"
#include "shares.h"
#include "threads.h"
#include "timers.h"
#include "trace.h"

#define RED_ZONE      128u
#define FLAGS_USER    UINT64_C(0x40cd5) /* AC OF DF SF ZF AF PF CF; never TF */
#define FLAGS_ALWAYS  UINT64_C(0x202)
#define FLAGS_CLEARED UINT64_C(0x40500) /* AC DF TF: what a handler starts without */
#define USER_CS       0x33u
#define USER_SS       0x2bu

#define UC_FP_XSTATE         1u
#define UC_SIGCONTEXT_SS     2u
#define UC_STRICT_RESTORE_SS 4u

#define SS_ONSTACK    1u
#define SS_DISABLE    2u
#define SS_AUTODISARM 0x80000000u
#define MINSIGSTKSZ   2048u

/* Marks in the software-reserved bytes of an XSAVE area (asm/sigcontext.h). */
#define XSTATE_SW_OFFSET 464u
#define XSTATE_MAGIC1    UINT32_C(0x46505853)
#define XSTATE_MAGIC2    UINT32_C(0x46505845)

#define UNBLOCKABLE (SIGNAL_BIT(OS_SIGKILL) | SIGNAL_BIT(OS_SIGSTOP))
/* Default action: nothing. */
#define DEFAULT_IGNORED                                                                            \
    (SIGNAL_BIT(OS_SIGCHLD) | SIGNAL_BIT(OS_SIGCONT) | SIGNAL_BIT(OS_SIGURG) |                     \
     SIGNAL_BIT(OS_SIGWINCH))
#define STOPPING                                                                                   \
    (SIGNAL_BIT(OS_SIGSTOP) | SIGNAL_BIT(OS_SIGTSTP) | SIGNAL_BIT(OS_SIGTTIN) |                    \
     SIGNAL_BIT(OS_SIGTTOU))

static bool valid_signal(int signo)
{
    return signo >= 1 && signo <= (int)SIGNALS;
}

static bool ignored(const struct process *p, int signo)
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

/* ---- sending
 * -------------------------------------------------------------------------------------- */

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
static void forget(struct process *p, uint64_t set)
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
        forget(p, SIGNAL_BIT(OS_SIGCONT));
    } else if (signo == OS_SIGCONT) {
        forget(p, STOPPING);
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
    if (ignored(t->process, info->signo) && (t->blocked & bit) == 0) {
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
    if (ignored(p, info->signo) && t != NULL && (t->blocked & bit) == 0) {
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

/* ---- the frame
 * ------------------------------------------------------------------------------------ */

static bool on_alt_stack(const struct os_thread *t, uint64_t sp)
{
    if ((t->alt_stack_flags & SS_AUTODISARM) != 0) {
        return false; /* as long as it is armed, nobody is on it */
    }
    return t->alt_stack_size != 0 && sp > t->alt_stack && sp - t->alt_stack <= t->alt_stack_size;
}

static struct signal_stack alt_stack_of(const struct os_thread *t, uint64_t sp)
{
    struct signal_stack s = {
        .sp = t->alt_stack, .size = t->alt_stack_size, .flags = t->alt_stack_flags};
    if (t->alt_stack_size == 0) {
        s.flags |= SS_DISABLE;
    } else if (on_alt_stack(t, sp)) {
        s.flags |= SS_ONSTACK;
    }
    return s;
}

static int save_vector_state(uint64_t at, uint64_t size)
{
    struct {
        uint32_t magic1, extended_size;
        uint64_t features;
        uint32_t size, pad[7];
    } mark = {.magic1 = XSTATE_MAGIC1,
              .extended_size = (uint32_t)(size + XSTATE_END_SIZE),
              .features = rt_identity()->attributes.xfrm,
              .size = (uint32_t)size};
    uint32_t end = XSTATE_MAGIC2;
    int r = rt_xstate_save(app_at(at));
    if (r == 0) {
        r = copy_to_app(app_at(at + XSTATE_SW_OFFSET), &mark, sizeof mark);
    }
    if (r == 0) {
        r = copy_to_app(app_at(at + size), &end, sizeof end);
    }
    return r;
}

static void save_registers(const struct rt_frame *f, struct signal_context *c)
{
    c->r8 = f->r8;
    c->r9 = f->r9;
    c->r10 = f->r10;
    c->r11 = f->r11;
    c->r12 = f->r12;
    c->r13 = f->r13;
    c->r14 = f->r14;
    c->r15 = f->r15;
    c->rdi = f->rdi;
    c->rsi = f->rsi;
    c->rbp = f->rbp;
    c->rbx = f->rbx;
    c->rdx = f->rdx;
    c->rax = f->rax;
    c->rcx = f->rcx;
    c->rsp = f->rsp;
    c->rip = f->rip;
    c->rflags = f->rflags;
    c->cs = USER_CS;
    c->ss = USER_SS;
}

static void restore_registers(struct rt_frame *f, const struct signal_context *c)
{
    f->r8 = c->r8;
    f->r9 = c->r9;
    f->r10 = c->r10;
    f->r11 = c->r11;
    f->r12 = c->r12;
    f->r13 = c->r13;
    f->r14 = c->r14;
    f->r15 = c->r15;
    f->rdi = c->rdi;
    f->rsi = c->rsi;
    f->rbp = c->rbp;
    f->rbx = c->rbx;
    f->rdx = c->rdx;
    f->rax = c->rax;
    f->rcx = c->rcx;
    f->rsp = c->rsp;
    f->rip = c->rip;
    f->rflags = (c->rflags & FLAGS_USER) | FLAGS_ALWAYS;
    f->flags |= RT_FRAME_FULL;
}

static void fill_siginfo(const struct signal_info *info, struct signal_siginfo *ret)
{
    *ret = (struct signal_siginfo){.signo = info->signo, .error = info->error, .code = info->code};
    if ((SIGNAL_BIT(info->signo) & SIGNALS_SYNCHRONOUS) != 0 && info->code > 0) {
        ret->u.addr = info->value;
    } else if (info->signo == OS_SIGCHLD && info->code > 0) {
        ret->u.child.pid = info->pid;
        ret->u.child.uid = info->uid;
        ret->u.child.status = (int32_t)info->value;
        ret->u.child.user_ticks = info->user_ticks;
        ret->u.child.system_ticks = info->system_ticks;
    } else {
        ret->u.sender.pid = info->pid;
        ret->u.sender.uid = info->uid;
        ret->u.sender.value = info->value;
    }
}

/* Puts a frame on the workload's stack and points its registers at the handler. */
static int push_frame(struct os_thread *t, const struct signal_info *info,
                      const struct signal_action *action, const struct rt_fault *fault)
{
    struct rt_frame *f = t->frame;
    uint64_t top = f->rsp - RED_ZONE;
    uint64_t xstate_size = rt_xstate_size();
    uint64_t at, xstate;
    struct signal_frame frame = {.return_address = action->restorer};

    if (f->rsp < RED_ZONE) {
        return -EFAULT;
    }
    if ((action->flags & OS_SA_ONSTACK) != 0 && t->alt_stack_size != 0 &&
        !on_alt_stack(t, f->rsp)) {
        top = t->alt_stack + t->alt_stack_size;
    }
    if (!signal_layout(top, xstate_size, &at, &xstate)) {
        return -EFAULT;
    }
    if (on_alt_stack(t, top) && !on_alt_stack(t, at + 1)) {
        return -EFAULT; /* the alternate stack is too small */
    }
    frame.uc.flags = UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
    frame.uc.stack = alt_stack_of(t, f->rsp);
    save_registers(f, &frame.uc.context);
    frame.uc.context.fpstate = xstate;
    frame.uc.mask = t->restore_blocked ? t->saved_blocked : t->blocked;
    frame.uc.context.oldmask = frame.uc.mask;
    if (fault != NULL) {
        frame.uc.context.trapno = fault->vector;
        frame.uc.context.err = fault->error;
        frame.uc.context.cr2 = fault->addr;
    }
    fill_siginfo(info, &frame.info);
    if (top > at) { /* stacks grow into memory that is not there yet */
        ignore_result(os_page_in(app_at(at), top - at), "the copies find out");
    }
    int r = save_vector_state(xstate, xstate_size);
    if (r == 0) {
        r = copy_to_app(app_at(at), &frame, sizeof frame);
    }
    if (r != 0) {
        return r;
    }
    f->rsp = at;
    f->rip = action->handler;
    f->rax = 0;
    f->rdi = (uint64_t)info->signo;
    f->rsi = at + offsetof(struct signal_frame, info);
    f->rdx = at + offsetof(struct signal_frame, uc);
    f->rflags = (f->rflags & FLAGS_USER & ~FLAGS_CLEARED) | FLAGS_ALWAYS;
    f->flags |= RT_FRAME_FULL;
    return 0;
}

/* ---- delivery
 * -------------------------------------------------------------------------------------- */

static void __attribute__((noreturn))
die(const struct os_thread *t, const struct signal_info *info, const struct rt_fault *fault)
{
    if (rt_tracing(TRACE_SIGNAL)) {
        trace_signal(t, info);
    }
    fatal_report(t, info, fault);
    os_exit_process(EXIT_SIGNAL, (uint64_t)info->signo);
}

static bool has_handler(const struct os_thread *t, int signo)
{
    uint64_t handler = t->process->actions[signo - 1].handler;
    return handler != OS_SIG_DFL && handler != OS_SIG_IGN;
}

/* Enters the handler of a signal that is neither ignored nor left to its default. A frame that has
 * no place is a SIGSEGV, whose handler may have a stack of its own. */
static void enter_handler(struct os_thread *t, const struct signal_info *info,
                          const struct rt_fault *fault)
{
    struct signal_action action = t->process->actions[info->signo - 1];
    if (rt_tracing(TRACE_SIGNAL)) {
        trace_signal(t, info);
    }
    uint64_t bit = SIGNAL_BIT(info->signo);
    t->restart.number = 0;
    if (push_frame(t, info, &action, fault) != 0) {
        struct signal_info segv = {.signo = OS_SIGSEGV, .code = SI_KERNEL_};
        if (info->signo == OS_SIGSEGV || !has_handler(t, OS_SIGSEGV) ||
            (t->blocked & SIGNAL_BIT(OS_SIGSEGV)) != 0) {
            die(t, &segv, fault);
        }
        enter_handler(t, &segv, fault);
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

/* ---- calls that a signal interrupted
 * ---------------------------------------------------------------- */

enum {
    SYS_POLL = 7,
    SYS_SELECT = 23,
    SYS_PAUSE = 34,
    SYS_NANOSLEEP = 35,
    SYS_SIGTIMEDWAIT = 128,
    SYS_SIGSUSPEND = 130,
    SYS_FUTEX = 202,
    SYS_RESTART_SYSCALL = 219,
    SYS_CLOCK_NANOSLEEP = 230,
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
        return RESTART_UNHANDLED;
    case SYS_SIGTIMEDWAIT:
    case SYS_EPOLL_WAIT:
    case SYS_EPOLL_PWAIT:
    case SYS_EPOLL_PWAIT2:
        return RESTART_NEVER;
    default:
        return RESTART_AS_ASKED;
    }
}

static bool was_interrupted(int64_t result)
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
static void finish_call(struct os_thread *t, uint64_t number, const struct signal_action *action)
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

/* ---- on the way back
 * ---------------------------------------------------------------------------------- */

/* Everything that is due, with the lock held. *call: the call that was interrupted, SIGNAL_NO_CALL
 * when that is settled. */
static void deliver(struct os_thread *t, uint64_t *call)
{
    struct signal_info info;
    while (signal_take(t, ~t->blocked, &info)) {
        if (ignored(t->process, info.signo)) {
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
            die(t, &info, NULL);
        }
        if (*call != SIGNAL_NO_CALL) {
            finish_call(t, *call, action);
            *call = SIGNAL_NO_CALL;
        }
        enter_handler(t, &info, NULL);
    }
}

void signal_return_to_workload(struct os_thread *t, uint64_t number)
{
    uint64_t call = number != SIGNAL_NO_CALL && was_interrupted((int64_t)t->frame->rax)
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
        finish_call(t, call, NULL);
    }
    os_unlock();
}

void door_kick(struct rt_frame *frame)
{
    struct os_thread *t = rt_self_data();
    t->frame = frame;
    signal_return_to_workload(t, SIGNAL_NO_CALL);
}

/* Source: arch/x86/kernel/fpu/core.c, fpu__exception_code(). */
static int fp_code(uint32_t exceptions)
{
    enum { INVALID = 1, DENORMAL = 2, BY_ZERO = 4, OVERFLOW = 8, UNDERFLOW = 16, INEXACT = 32 };
    return (exceptions & INVALID) != 0                  ? 7 /* FPE_FLTINV */
           : (exceptions & BY_ZERO) != 0                ? 3 /* FPE_FLTDIV */
           : (exceptions & OVERFLOW) != 0               ? 4 /* FPE_FLTOVF */
           : (exceptions & (DENORMAL | UNDERFLOW)) != 0 ? 5 /* FPE_FLTUND */
           : (exceptions & INEXACT) != 0                ? 6 /* FPE_FLTRES */
                                                        : 14 /* FPE_FLTUNK */;
}

/* Which signal a processor exception is. Source: arch/x86/kernel/traps.c. */
static struct signal_info signal_of_fault(const struct rt_frame *f, const struct rt_fault *fault)
{
    struct signal_info i = {.signo = OS_SIGSEGV, .code = SI_KERNEL_, .value = 0};
    switch (fault->vector) {
    case 0:
        return (struct signal_info){
            .signo = OS_SIGFPE, .code = 1 /* FPE_INTDIV */, .value = f->rip};
    case 1:
        return (struct signal_info){
            .signo = OS_SIGTRAP, .code = 2 /* TRAP_TRACE */, .value = f->rip};
    case 3:
        return (struct signal_info){.signo = OS_SIGTRAP, .code = SI_KERNEL_, .value = 0};
    case 6:
        return (struct signal_info){
            .signo = OS_SIGILL, .code = 2 /* ILL_ILLOPN */, .value = f->rip};
    case 14:
        if (mm_beyond_file(fault->addr)) {
            return (struct signal_info){
                .signo = OS_SIGBUS, .code = 2 /* BUS_ADRERR */, .value = fault->addr};
        }
        i.code = mm_is_mapped(fault->addr) ? 2 /* SEGV_ACCERR */ : 1 /* SEGV_MAPERR */;
        i.value = fault->addr;
        return i;
    case 16:
    case 19:
        return (struct signal_info){
            .signo = OS_SIGFPE, .code = fp_code(fault->fp), .value = f->rip};
    case 17:
        return (struct signal_info){
            .signo = OS_SIGBUS, .code = 1 /* BUS_ADRALN */, .value = f->rip};
    default:
        return i;
    }
}

void door_fault(struct rt_frame *frame, const struct rt_fault *fault)
{
    struct os_thread *t = rt_self_data();
    t->frame = frame;
    os_lock();
    if (fault->vector == 14 && mm_page_in(fault->addr)) {
        os_unlock();
        return;
    }
    const int brought = fault->vector == 14 ? share_bring() : 0;
    if (brought != 0) { /* its page was with another process */
        ignore_result(brought > 0 && mm_page_in(fault->addr), "then it faults again");
        const bool due = __atomic_load_n(&t->attention, __ATOMIC_RELAXED) != 0;
        os_unlock();
        if (due) {
            signal_return_to_workload(t, SIGNAL_NO_CALL);
        }
        return;
    }
    /* A host that takes a page away must not be able to make signals of its choice: the access is
     * tried again until the host gives the page back, which is its right to delay. */
    enum { ERROR_WRITE = 2 };
    bool stub = rewrite_is_stub(fault->addr) && (fault->error & ERROR_WRITE) == 0;
    if (fault->vector == 14 && (stub || mm_allows(fault->addr, fault->error))) {
        os_unlock();
        return;
    }
    struct signal_info info = signal_of_fault(frame, fault);
    const struct signal_action *action = &t->process->actions[info.signo - 1];
    bool blocked = (t->blocked & SIGNAL_BIT(info.signo)) != 0;
    const bool dies = blocked || action->handler == OS_SIG_DFL || action->handler == OS_SIG_IGN;
    if (dies && fork_is_vfork_child()) {
        fork_child_is_killed(info.signo);
        os_unlock();
        return;
    }
    if (dies) {
        die(t, &info, fault);
    }
    enter_handler(t, &info, fault);
    os_unlock();
}

/* ---- calls
 * ----------------------------------------------------------------------------------------- */

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
        if (ignored(p, sig)) { /* POSIX: pending ones are discarded */
            forget(p, SIGNAL_BIT(sig));
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

/* As a fault would: a thread that cannot take it dies. */
static void force_segv(struct os_thread *t)
{
    struct signal_info segv = {.signo = OS_SIGSEGV, .code = SI_KERNEL_};
    if (!has_handler(t, OS_SIGSEGV) || (t->blocked & SIGNAL_BIT(OS_SIGSEGV)) != 0) {
        die(t, &segv, NULL);
    }
    ignore_result(signal_to_thread(t, &segv), "a standard signal always has a place");
}

/* Source: kernel/signal.c, do_sigaltstack(). */
static int set_alt_stack(struct os_thread *t, const struct signal_stack *s)
{
    uint32_t mode = s->flags & ~SS_AUTODISARM;
    uint64_t end;
    if (on_alt_stack(t, t->frame->rsp)) {
        return -EPERM;
    }
    if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0) {
        return -EINVAL;
    }
    if (mode == SS_DISABLE) {
        t->alt_stack = t->alt_stack_size = 0;
    } else if (s->size < MINSIGSTKSZ || !add_ok(s->sp, s->size, &end)) {
        return -ENOMEM;
    } else {
        t->alt_stack = s->sp;
        t->alt_stack_size = s->size;
    }
    t->alt_stack_flags = s->flags & SS_AUTODISARM;
    return 0;
}

int64_t sys_rt_sigreturn(void)
{
    struct os_thread *t = os_self();
    struct rt_frame *f = t->frame;
    struct signal_ucontext uc;
    /* The handler's ret has taken the return address off. */
    uint64_t at = f->rsp - sizeof(uint64_t) + offsetof(struct signal_frame, uc);
    t->restart.number = 0;
    if (copy_from_app(&uc, app_at(at), sizeof uc) != 0 ||
        (uc.context.fpstate != 0 && rt_xstate_restore(app_at(uc.context.fpstate)) != 0)) {
        force_segv(t);
        return 0;
    }
    restore_registers(f, &uc.context);
    t->blocked = uc.mask & ~UNBLOCKABLE;
    ignore_result(set_alt_stack(t, &uc.stack), "the kernel does not look either");
    if (signal_wanted(t)) {
        __atomic_store_n(&t->attention, 1, __ATOMIC_RELAXED);
    }
    return (int64_t)f->rax;
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
    uint64_t mask;
    if (size != sizeof mask) {
        return -EINVAL;
    }
    if (copy_from_app(&mask, set, sizeof mask) != 0) {
        return -EFAULT;
    }
    signal_swap_mask(os_self(), mask);
    return sys_pause();
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
        fill_siginfo(&info, &out);
        if (copy_to_app(info_out, &out, sizeof out) != 0) {
            return -EFAULT;
        }
    }
    return info.signo;
}

int64_t sys_sigaltstack(app_ptr stack, app_ptr old)
{
    struct os_thread *t = os_self();
    struct signal_stack previous = alt_stack_of(t, t->frame->rsp), s;
    if (stack.addr != 0) {
        if (copy_from_app(&s, stack, sizeof s) != 0) {
            return -EFAULT;
        }
        int err = set_alt_stack(t, &s);
        if (err != 0) {
            return err;
        }
    }
    if (old.addr != 0 && copy_to_app(old, &previous, sizeof previous) != 0) {
        return -EFAULT;
    }
    return 0;
}

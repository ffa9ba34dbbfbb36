/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of a handler on the workload's stack, and alternate stacks.
 *
 * The adversary: a workload that forges frames and contexts. Everything in a frame is its own
 * registers and memory, so a forged one gives it nothing that it did not have; the vector state is
 * validated by the runtime, flags are masked. */
#include "signals/internal.h"

#include <errno.h>

#include "mm/mm.h"

#define RED_ZONE      128u
#define FLAGS_USER    UINT64_C(0x40cd5) /* AC OF DF SF ZF AF PF CF; never TF */
#define FLAGS_ALWAYS  UINT64_C(0x202)
#define FLAGS_CLEARED UINT64_C(0x40500) /* AC DF TF: what a handler starts without */
#define USER_CS       0x33u
#define USER_SS       0x2bu

#define UC_FP_XSTATE         1u
#define UC_SIGCONTEXT_SS     2u
#define UC_STRICT_RESTORE_SS 4u

#define MINSIGSTKSZ 2048u

/* Marks in the software-reserved bytes of an XSAVE area (asm/sigcontext.h). */
#define XSTATE_SW_OFFSET 464u
#define XSTATE_MAGIC1    UINT32_C(0x46505853)
#define XSTATE_MAGIC2    UINT32_C(0x46505845)

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

void signal_fill_siginfo(const struct signal_info *info, struct signal_siginfo *ret)
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
int signal_push_frame(struct os_thread *t, const struct signal_info *info,
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
    signal_fill_siginfo(info, &frame.info);
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
    int r = copy_from_app(&uc, app_at(at), sizeof uc);
    if (r == 0 && uc.context.fpstate != 0) {
        r = rt_xstate_restore(app_at(uc.context.fpstate));
    }
    if (r != 0) {
        return r;
    }
    restore_registers(f, &uc.context);
    t->blocked = uc.mask & ~UNBLOCKABLE;
    ignore_result(set_alt_stack(t, &uc.stack), "the kernel does not look either");
    if (signal_wanted(t)) {
        __atomic_store_n(&t->attention, 1, __ATOMIC_RELAXED);
    }
    return 0;
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

/* SPDX-License-Identifier: Apache-2.0 */
/* What the processor reported, as a signal. A host cannot make one of its choice. */
#include "signals/internal.h"

#include "exec/rewrite.h"
#include "exec/trampoline.h"
#include "mm/mm.h"
#include "proc/fork.h"
#include "proc/shares.h"
#include "trace/trace.h"

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

/* Does the thread stand before a trampoline in memory that never runs? Then it goes on where that
 * leads, as a jump of its own would. That it stands there is the processor's word (RIP in the SSA,
 * of an exception that it reported); what the host says of the fault is not looked at. The bytes
 * are copied once: other threads may write there. */
static bool follow_trampoline(const struct os_thread *t, struct rt_frame *f)
{
    uint8_t code[TRAMPOLINE_MAX];
    struct trampoline to;
    uint64_t size = mm_private_data(f->rip);
    size = size < sizeof code ? size : sizeof code;
    if (size == 0 || copy_from_app(code, app_at(f->rip), size) != 0 ||
        !trampoline_read(BYTES(code, size), f->rip, &to)) {
        return false;
    }
    trace_trampoline(t, f->rip, to.target);
    f->r10 = to.r10;
    f->r11 = to.sets_r11 ? to.r11 : f->r11;
    f->rip = to.target;
    return true;
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
    if (brought > 0) { /* its page was with another process */
        ignore_result(mm_page_in(fault->addr), "then it faults again");
    }
    if (brought != 0 || (fault->vector == 14 && follow_trampoline(t, frame))) {
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
        signal_die(t, &info, fault);
    }
    signal_enter_handler(t, &info, fault);
    os_unlock();
}

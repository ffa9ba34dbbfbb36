/* SPDX-License-Identifier: Apache-2.0 */
/* Entries at CSSA 1: something interrupted this thread and waits in SSA frame 0. What it was is
 * believed from EXITINFO alone (Sigy: a host may enter here at any time and claim anything).
 * Without a valid EXITINFO this is the host's kick, which carries nothing: what is to be done then,
 * the enclave's own memory says (T_KICK, the alarm's time), and a host that kicks at any other
 * moment finds nothing to do.
 *
 * Nothing is handled on the exception stack. Either the saved context is amended (a system call by
 * trap, cpuid, a fault inside a guarded copy), or it is saved aside and the thread is sent to
 * rt_fault_entry or rt_kick_entry, which go on at CSSA 0 on the ordinary runtime stack. */
#include "thread.h"

enum { VECTOR_UD = 6, VECTOR_GP = 13, VECTOR_PF = 14, VECTOR_MF = 16, VECTOR_XM = 19 };

struct fixup {
    uint64_t from, to;
};
extern const struct fixup rt_fixups[], rt_fixups_end[];

int rt_copy_faulting(void *to, const void *from, size_t n);
uint64_t rt_syscall_entry(void);

/* Was trusted code interrupted? By its addresses, or, should it ever have jumped away, by the stack
 * that only it uses. A workload's wild jump to anywhere else is the workload's fault. */
static bool in_runtime(const struct rt_thread *t, const struct sgx_gprsgx *gpr)
{
    uint64_t stack = t->stack_top - THREAD_STACK_PAGES * SGX_PAGE_SIZE;
    return (gpr->rip >= RUNTIME_BASE && gpr->rip < RUNTIME_END) ||
           (gpr->rsp >= stack && gpr->rsp <= t->stack_top);
}

/* Only the workload's memory may be missing. A host that takes pages away from the runtime's end of
 * a copy gets no -EFAULT for it. */
static bool fix_up(const struct rt_thread *t, struct sgx_gprsgx *gpr, unsigned vector)
{
    if (vector == VECTOR_PF && !app_range_ok(app_at(t->ssa_exinfo->maddr), 1)) {
        return false;
    }
    for (const struct fixup *f = rt_fixups; f < rt_fixups_end; f++) {
        if (gpr->rip == f->from) {
            gpr->rip = f->to;
            gpr->rax = 1;
            return true;
        }
    }
    return false;
}

/* `syscall` and `cpuid` are illegal inside; the ones that were not rewritten arrive here. */
static bool emulate(struct sgx_gprsgx *gpr)
{
    app_ptr at = app_at(gpr->rip);
    if (!app_range_ok(at, 2)) {
        return false;
    }
    /* The bytes can be read: the processor has just fetched them, and the workload's executable
     * pages are always readable. */
    const uint8_t *code = (const uint8_t *)app_raw(at, 2);
    if (code[0] == 0x0f && code[1] == 0x05) {
        gpr->rcx = gpr->rip + 2;
        gpr->r11 = gpr->rflags;
        gpr->rip = rt_syscall_entry();
        return true;
    }
    if (code[0] == 0x0f && code[1] == 0xa2) {
        uint32_t regs[4] = {(uint32_t)gpr->rax, (uint32_t)gpr->rbx, (uint32_t)gpr->rcx,
                            (uint32_t)gpr->rdx};
        rt_cpuid(regs);
        gpr->rax = regs[0];
        gpr->rbx = regs[1];
        gpr->rcx = regs[2];
        gpr->rdx = regs[3];
        gpr->rip += 2;
        return true;
    }
    return false;
}

static void save_registers(struct rt_thread *t, const struct sgx_gprsgx *gpr)
{
    t->fault_frame = (struct rt_frame){
        .r15 = gpr->r15,
        .r14 = gpr->r14,
        .r13 = gpr->r13,
        .r12 = gpr->r12,
        .r11 = gpr->r11,
        .r10 = gpr->r10,
        .r9 = gpr->r9,
        .r8 = gpr->r8,
        .rdi = gpr->rdi,
        .rsi = gpr->rsi,
        .rbp = gpr->rbp,
        .rbx = gpr->rbx,
        .rdx = gpr->rdx,
        .rcx = gpr->rcx,
        .rax = gpr->rax,
        .rip = gpr->rip,
        .rflags = gpr->rflags,
        .rsp = gpr->rsp,
        .flags = RT_FRAME_FULL,
    };
}

static void go_on_at(struct sgx_gprsgx *gpr, void (*where)(void))
{
    gpr->rip = (uint64_t)(uintptr_t)where;
    gpr->rflags &= ~UINT64_C(0x40500); /* AC, DF, TF */
}

static void save_aside(struct rt_thread *t, struct sgx_gprsgx *gpr, unsigned vector)
{
    save_registers(t, gpr);
    t->fault = (struct rt_fault){.vector = vector};
    if (vector == VECTOR_PF || vector == VECTOR_GP) {
        t->fault.addr = t->ssa_exinfo->maddr;
        t->fault.error = t->ssa_exinfo->errcd;
    }
    go_on_at(gpr, rt_fault_entry);
}

static bool between(uint64_t rip, const uint8_t *start, const uint8_t *end)
{
    return rip >= (uint64_t)(uintptr_t)start && rip < (uint64_t)(uintptr_t)end;
}

/* Nothing happened, but the host interrupted. A thread of which nothing is wanted goes on; so does
 * one inside the runtime, which looks at T_KICK on its way back to the workload; and one that has
 * just looked, looks again. */
static void kicked(struct rt_thread *t, struct sgx_gprsgx *gpr)
{
    if (rt_alarm_due()) {
        __atomic_store_n(&t->kick, 1, __ATOMIC_RELAXED);
    }
    if (__atomic_load_n(&t->kick, __ATOMIC_RELAXED) == 0) {
        return;
    }
    if (between(gpr->rip, rt_return_start, rt_return_end)) {
        go_on_at(gpr, rt_return_kicked);
    } else if (between(gpr->rip, rt_cpuid_return_start, rt_cpuid_return_last)) {
        go_on_at(gpr, rt_cpuid_kicked);
    } else if (between(gpr->rip, rt_cpuid_return_last, rt_cpuid_return_end)) {
        gpr->rip = (uint64_t)(uintptr_t)&rt_cpuid_kicked_last; /* the flags are the workload's */
    } else if (!in_runtime(t, gpr)) {
        save_registers(t, gpr);
        go_on_at(gpr, rt_kick_entry);
    }
}

void rt_exception(struct rt_thread *t)
{
    struct sgx_gprsgx *gpr = t->ssa_gpr;
    uint32_t info = gpr->exitinfo;
    if ((info & SGX_EXITINFO_VALID) == 0) {
        kicked(t, gpr);
        return;
    }
    gpr->exitinfo = 0; /* each event is handled once, however often the host enters */
    unsigned vector = SGX_EXITINFO_VECTOR(info);
    if (in_runtime(t, gpr)) {
        if (fix_up(t, gpr, vector)) {
            return;
        }
        t->fault_in_runtime = true;
    } else if (vector == VECTOR_UD && emulate(gpr)) {
        return;
    }
    save_aside(t, gpr, vector);
}

/* The workload's vector state is live here. */
static uint32_t fp_exceptions(unsigned vector)
{
    uint16_t status, control;
    uint32_t mxcsr;
    __asm__ volatile("fnstsw %0; fnstcw %1; stmxcsr %2" : "=m"(status), "=m"(control), "=m"(mxcsr));
    return (vector == VECTOR_MF ? status & ~(uint32_t)control : mxcsr & ~(mxcsr >> 7)) & 0x3fu;
}

void rt_fault_on_stack(struct rt_thread *t) __attribute__((noreturn));
void rt_fault_on_stack(struct rt_thread *t)
{
    struct rt_frame frame = t->fault_frame;
    struct rt_fault fault = t->fault;
    if (t->fault_in_runtime) {
        /* Addresses of the runtime are public; registers might hold the workload's data. */
        rt_fatal("the runtime faulted: vector %u at image offset 0x%lx, address 0x%lx",
                 fault.vector, frame.rip - RUNTIME_BASE, fault.addr);
    }
    if (fault.vector == VECTOR_MF || fault.vector == VECTOR_XM) {
        fault.fp = fp_exceptions(fault.vector);
    }
    door_fault(&frame, &fault);
    rt_resume_app(&frame);
}

void rt_kicked(struct rt_frame *frame);
void rt_kicked(struct rt_frame *frame)
{
    __atomic_exchange_n(&rt_self()->kick, 0, __ATOMIC_SEQ_CST);
    door_kick(frame);
}

void rt_kick_on_stack(struct rt_thread *t) __attribute__((noreturn));
void rt_kick_on_stack(struct rt_thread *t)
{
    struct rt_frame frame = t->fault_frame;
    rt_kicked(&frame);
    rt_resume_app(&frame);
}

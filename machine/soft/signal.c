/* SPDX-License-Identifier: Apache-2.0 */
/* Signals: what the processor does on a fault or an interrupt inside an enclave. A fault becomes an
 * asynchronous exit (AEX) to the SSA and an error return of enter(), as with the kernel's vDSO; an
 * ENCLU that traps is emulated; an asynchronous signal of the host causes an AEX, runs the host's
 * handler on the host's stack and resumes the enclave through the AEP.
 *
 * Handlers run on the thread's alternate stack, find the thread from it, and put the host's segment
 * bases back before anything may touch TLS. The file is compiled as leaf code (internal.h), without
 * stack protector. The enclave controls the registers that a handler sees; they are only copied. */
#include "soft/internal.h"

#include <cpuid.h>
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/* CF PF AF ZF SF OF RF: cleared by an AEX. AC too, or host code's unaligned accesses would fault.
 */
#define RFLAGS_CLEARED UINT64_C(0x508d5)

static const int own_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGSYS};
static struct sigaction old_actions[65];
static soft_signal_handler host_handlers[65];
static sigset_t asynchronous; /* all but the machine's own */
static uint32_t xstate_offset[64], xstate_size[64];

/* What soft_signal_thunk finds on the host's stack; the first three fields are known to gate.S. */
struct thunk_frame {
    soft_signal_handler handler;
    uint64_t resume;
    uint64_t mask;
    siginfo_t info;
    ucontext_t context;
};
_Static_assert(offsetof(struct thunk_frame, resume) == 8, "gate.S");
_Static_assert(offsetof(struct thunk_frame, mask) == 16, "gate.S");

void soft_fatal(const char *sentence)
{
    size_t n = __builtin_strlen(sentence);
    (void)raw_syscall(SYS_write, 2, (long)sentence, (long)n, 0, 0, 0);
    for (;;) {
        (void)raw_syscall(SYS_exit_group, 134, 0, 0, 0, 0, 0);
    }
}

static uint64_t get(const ucontext_t *uc, int reg)
{
    return (uint64_t)uc->uc_mcontext.gregs[reg];
}
static void set(ucontext_t *uc, int reg, uint64_t value)
{
    uc->uc_mcontext.gregs[reg] = (greg_t)value;
}

/* ---- AEX ------------------------------------------------------------------------------------- */

#define XSAVE_LEGACY_USED 464u /* the rest of the 512 bytes is the kernel's own note in a frame */

/* The enclave's vector state: from the signal frame to the SSA, and the initial state instead. */
static int save_xstate(struct soft_thread *t, ucontext_t *uc, uint64_t frame)
{
    uint8_t *area = (uint8_t *)uc->uc_mcontext.fpregs;
    uint64_t *header = (uint64_t *)(area + 512);
    uint64_t header_copy[8] = {header[0] & t->xfrm};
    int r = soft_copy((void *)frame, area, XSAVE_LEGACY_USED);
    for (unsigned i = 2; i < 63 && r == 0; i++) {
        if ((t->xfrm >> i & 1) != 0 && xstate_size[i] != 0) {
            r = soft_copy((void *)(frame + xstate_offset[i]), area + xstate_offset[i],
                          xstate_size[i]);
        }
    }
    if (r == 0) {
        r = soft_copy((void *)(frame + 512), header_copy, sizeof header_copy);
    }
    return r;
}

static uint32_t exitinfo_of(const struct machine *m, const struct soft_fault *f)
{
    if (f == NULL) {
        return 0;
    }
    bool exinfo = (m->miscselect & SGX_MISC_EXINFO) != 0;
    uint32_t type = SGX_EXIT_HARDWARE;
    switch (f->vector) {
    case 0:
    case 1:
    case 5:
    case 6:
    case 16:
    case 17:
    case 19:
        break;
    case 3:
        type = SGX_EXIT_SOFTWARE;
        break;
    case 13:
    case 14:
        if (!exinfo) {
            return 0;
        }
        break;
    default:
        return 0;
    }
    return f->vector | type << 8 | SGX_EXITINFO_VALID;
}

/* Nothing of the enclave in the general registers that the host goes on with. */
static void scrub_general(const struct soft_thread *t, ucontext_t *uc)
{
    static const int zeroed[] = {REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI, REG_R8,
                                 REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    for (size_t i = 0; i < ARRAY_SIZE(zeroed); i++) {
        set(uc, zeroed[i], 0);
    }
    set(uc, REG_RSP, t->host_rsp);
    set(uc, REG_RBP, t->host_rbp);
}

static void scrub(const struct soft_thread *t, ucontext_t *uc)
{
    scrub_general(t, uc);
    uint8_t *area = (uint8_t *)uc->uc_mcontext.fpregs;
    const uint32_t mxcsr = 0x1f80;
    __builtin_memset(area + 32, 0, 384); /* ST and XMM */
    *(uint64_t *)(area + 512) &= ~t->xfrm;
    __builtin_memcpy(area + 24, &mxcsr, sizeof mxcsr);
}

/* Saves the state in uc to the current SSA frame and leaves uc as it is at the AEP. */
static void aex(struct soft_thread *t, ucontext_t *uc, const struct soft_fault *f, uint64_t fsbase,
                uint64_t gsbase)
{
    struct machine *m = t->machine;
    struct soft_tcs *tcs = t->tcs;
    uint64_t size = (uint64_t)m->ssa_frame_size * PAGE_SIZE;
    uint64_t frame = m->base + tcs->field.ossa + tcs->cssa * size;
    struct sgx_gprsgx *gpr = (struct sgx_gprsgx *)(frame + size - sizeof *gpr);
    struct sgx_gprsgx g = {
        .rax = get(uc, REG_RAX),
        .rcx = get(uc, REG_RCX),
        .rdx = get(uc, REG_RDX),
        .rbx = get(uc, REG_RBX),
        .rsp = get(uc, REG_RSP),
        .rbp = get(uc, REG_RBP),
        .rsi = get(uc, REG_RSI),
        .rdi = get(uc, REG_RDI),
        .r8 = get(uc, REG_R8),
        .r9 = get(uc, REG_R9),
        .r10 = get(uc, REG_R10),
        .r11 = get(uc, REG_R11),
        .r12 = get(uc, REG_R12),
        .r13 = get(uc, REG_R13),
        .r14 = get(uc, REG_R14),
        .r15 = get(uc, REG_R15),
        .rflags = get(uc, REG_EFL),
        .rip = get(uc, REG_RIP),
        .ursp = t->host_rsp,
        .urbp = t->host_rbp,
        .exitinfo = exitinfo_of(m, f),
        .fsbase = fsbase,
        .gsbase = gsbase,
    };
    int r = save_xstate(t, uc, frame);
    if (r == 0) {
        r = soft_copy(gpr, &g, sizeof g);
    }
    if (r == 0 && (m->miscselect & SGX_MISC_EXINFO) != 0) {
        bool faulted = f != NULL && (f->vector == 13 || f->vector == 14);
        struct sgx_exinfo e = {0};
        if (faulted) {
            e.maddr = f->vector == 14 ? f->addr : 0;
            e.errcd = f->error;
        }
        r = soft_copy((uint8_t *)gpr - sizeof e, &e, sizeof e);
    }
    if (r != 0) {
        /* The processor holds physical addresses since EENTER; this machine cannot. */
        soft_fatal("alcove: soft machine: the host took the SSA of a running enclave thread\n");
    }
    tcs->cssa++;
    __atomic_store_n(&t->inside, 0, __ATOMIC_RELEASE);
    soft_withdraw(t);
    __atomic_store_n(&tcs->busy, 0, __ATOMIC_RELEASE);
    scrub(t, uc);
    set(uc, REG_RAX, ENCLU_ERESUME);
    set(uc, REG_RBX, t->tcs_addr);
    set(uc, REG_RCX, (uint64_t)soft_aep);
    set(uc, REG_RIP, (uint64_t)soft_aep);
    set(uc, REG_EFL, get(uc, REG_EFL) & ~RFLAGS_CLEARED);
}

/* enter() returns -EFAULT; what the kernel's vDSO would report. */
static void exception(struct soft_thread *t, ucontext_t *uc, const struct soft_fault *f,
                      uint64_t fsbase, uint64_t gsbase)
{
    aex(t, uc, f, fsbase, gsbase);
    struct machine_run *run = t->run;
    run->function = ENCLU_ERESUME; /* RAX at the AEP */
    run->exception_vector = (uint16_t)f->vector;
    run->exception_error_code = (uint16_t)f->error;
    run->exception_addr = f->addr;
    if (in_elrange(t->machine, f->addr, 1)) {
        run->exception_addr &= ~(uint64_t)(PAGE_SIZE - 1); /* an AEX clears CR2's low bits */
    }
    set(uc, REG_RBX, (uint64_t)t);
    set(uc, REG_EFL, get(uc, REG_EFL) & ~UINT64_C(0x40400)); /* DF, AC */
    set(uc, REG_RIP, (uint64_t)soft_gate_failed);
}

/* ---- signals that wait ----------------------------------------------------------------------- */

#define PENDING_SIGNAL 1u

/* An asynchronous signal inside a leaf: it comes again when the leaf has ended. */
static void defer(struct soft_thread *t, ucontext_t *uc, int sig, const siginfo_t *info)
{
    t->pending_signal = (uint32_t)sig;
    t->pending_info = *info;
    t->pending_mask = uc->uc_sigmask;
    const uint64_t *add = (const uint64_t *)&asynchronous;
    uint64_t *mask = (uint64_t *)&uc->uc_sigmask;
    *mask |= *add;
    t->pending |= PENDING_SIGNAL;
}

/* The end of a leaf: the signal is sent again and strikes at the return from this handler. */
static void send_deferred(struct soft_thread *t, ucontext_t *uc)
{
    uint32_t pending = t->pending;
    t->pending = 0;
    if ((pending & PENDING_SIGNAL) == 0) {
        return;
    }
    __builtin_memcpy(&uc->uc_sigmask, &t->pending_mask, 8);
    long pid = raw_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
    long tid = raw_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);
    if (raw_syscall(SYS_rt_tgsigqueueinfo, pid, tid, (long)t->pending_signal,
                    (long)&t->pending_info, 0, 0) < 0) {
        soft_fatal("alcove: soft machine: cannot deliver a signal (rt_tgsigqueueinfo refused)\n");
    }
}

/* Runs the host's handler on the host's stack, then goes on at `resume`. uc is host state. */
static void run_on_host_stack(struct soft_thread *t, ucontext_t *uc, int sig, const siginfo_t *info,
                              soft_signal_handler handler, const char *resume)
{
    uint64_t top = (t->host_rsp - 128 - sizeof(struct thunk_frame)) & ~UINT64_C(63);
    struct thunk_frame *frame = (struct thunk_frame *)top;
    frame->handler = handler;
    frame->resume = (uint64_t)resume;
    __builtin_memcpy(&frame->mask, &uc->uc_sigmask, 8);
    frame->info = *info;
    frame->context = *uc;
    frame->context.uc_mcontext.fpregs = NULL;
    /* The kernel's ucontext ends before this member: what lies there is the enclave's vector state.
     */
    __builtin_memset(&frame->context.__fpregs_mem, 0, sizeof frame->context.__fpregs_mem);
    set(uc, REG_RBX, top);
    set(uc, REG_RDI, (uint64_t)sig);
    set(uc, REG_RSI, (uint64_t)&frame->info);
    set(uc, REG_RDX, (uint64_t)&frame->context);
    set(uc, REG_RSP, top);
    set(uc, REG_RIP, (uint64_t)soft_signal_thunk);
    *(uint64_t *)&uc->uc_sigmask |= *(const uint64_t *)&asynchronous;
}

static void old_handler(int sig, siginfo_t *info, void *context)
{
    const struct sigaction *old = &old_actions[sig];
    if ((old->sa_flags & SA_SIGINFO) != 0) {
        old->sa_sigaction(sig, info, context);
    } else {
        old->sa_handler(sig);
    }
}

/* A signal that is the host's own business. FS is the host's. */
static soft_signal_handler host_handler_of(int sig)
{
    if (host_handlers[sig] != NULL) {
        return host_handlers[sig];
    }
    const struct sigaction *old = &old_actions[sig];
    bool there = (old->sa_flags & SA_SIGINFO) != 0 ||
                 (old->sa_handler != SIG_DFL && old->sa_handler != SIG_IGN);
    return there ? old_handler : NULL;
}

/* Default action: it strikes at the return from this handler. */
static void die_by(int sig, siginfo_t *info)
{
    struct sigaction dfl = {.sa_handler = SIG_DFL};
    (void)sigaction(sig, &dfl, NULL);
    (void)raw_syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), sig, (long)info, 0, 0);
}

static void host_signal(int sig, siginfo_t *info, ucontext_t *uc)
{
    soft_signal_handler handler = host_handler_of(sig);
    if (handler != NULL) {
        handler(sig, info, uc);
    } else {
        die_by(sig, info);
    }
}

/* ---- faults of enclave code ------------------------------------------------------------------ */

#define PF_P   1u
#define PF_W   2u
#define PF_I   16u
#define PF_SGX 0x8000u

/* Sorts out a #PF in ELRANGE. True: try again. */
static bool page_fault(struct soft_thread *t, struct soft_fault *f, uint64_t rip)
{
    struct machine *m = t->machine;
    uint64_t page = (f->addr - m->base) / PAGE_SIZE;
    uint32_t need = (f->error & PF_W) != 0 ? EPCM_W : (f->error & PF_I) != 0 ? EPCM_X : EPCM_R;
    f->error &= 0x17u;
    if ((epcm_load(m, page) & EPCM_TYPE_BITS) == EPCM_NONE) {
        if (epcm_eaug(m, page)) {
            f->error |= PF_P | PF_SGX; /* the page came, pending */
        }
        return false;
    }
    soft_lock(&m->lock);
    bool mapped = (area_prot(m, page) & need) == need;
    bool allowed = (epcm_rights(m, page) & need) == need;
    if (allowed) {
        (void)epcm_sync(m, page, page + 1);
    }
    soft_unlock(&m->lock);
    if (allowed) {
        /* Another thread was just changing the page; but never spin on something else. */
        bool same = t->retry_addr == f->addr && t->retry_rip == rip;
        t->retry_count = same ? t->retry_count + 1 : 0;
        t->retry_addr = f->addr;
        t->retry_rip = rip;
        return t->retry_count < 16;
    }
    f->error |= PF_P | (mapped ? PF_SGX : 0);
    return false;
}

static bool is_enclu(struct soft_thread *t, uint64_t rip)
{
    uint8_t code[3];
    return in_elrange(t->machine, rip, sizeof code) &&
           soft_copy(code, (const void *)rip, sizeof code) == 0 && code[0] == 0x0f &&
           code[1] == 0x01 && code[2] == 0xd7;
}

struct bases {
    uint64_t fs, gs; /* of the interrupted code; put back at the end */
};

static void emulate(struct soft_thread *t, ucontext_t *uc, struct bases *b, uint64_t length)
{
    struct leaf_regs r = {
        .rax = get(uc, REG_RAX),
        .rbx = get(uc, REG_RBX),
        .rcx = get(uc, REG_RCX),
        .rdx = get(uc, REG_RDX),
        .rflags = get(uc, REG_EFL),
        .rip = get(uc, REG_RIP),
        .rip_next = get(uc, REG_RIP) + length,
    };
    int result = soft_leaf(t, &r);
    if (result == LEAF_FAULT) {
        exception(t, uc, &t->fault, b->fs, b->gs);
        *b = (struct bases){t->host_fsbase, t->host_gsbase};
        return;
    }
    set(uc, REG_RAX, r.rax);
    set(uc, REG_RCX, r.rcx);
    set(uc, REG_EFL, r.rflags);
    if (result == LEAF_EXIT) {
        set(uc, REG_RIP, r.rbx);
        *b = (struct bases){t->host_fsbase, t->host_gsbase};
        return;
    }
    set(uc, REG_RIP, r.rip_next);
}

static void enclave_fault(struct soft_thread *t, int sig, ucontext_t *uc, struct bases *b)
{
    uint64_t rip = get(uc, REG_RIP);
    struct soft_fault f = {
        .vector = (uint32_t)get(uc, REG_TRAPNO),
        .error = (uint32_t)get(uc, REG_ERR) & 0xffffu,
    };
    if (sig == SIGSYS) {
        /* `syscall` or `int 0x80`, both two bytes: #UD at the instruction, as on hardware. */
        set(uc, REG_RIP, rip - 2);
        f = (struct soft_fault){.vector = 6};
    } else if (sig == SIGILL) {
        if (is_enclu(t, rip)) {
            emulate(t, uc, b, 3);
            return;
        }
        f = (struct soft_fault){.vector = 6};
    } else if (f.vector == 14) {
        f.addr = get(uc, REG_CR2);
        if (in_elrange(t->machine, f.addr, 1) && page_fault(t, &f, rip)) {
            return;
        }
    } else if (f.vector != 13 && f.vector != 17) {
        f.error = 0;
    }
    exception(t, uc, &f, b->fs, b->gs);
    *b = (struct bases){t->host_fsbase, t->host_gsbase};
}

/* ---- the handler ----------------------------------------------------------------------------- */

static bool between(uint64_t rip, const char *start, const char *end)
{
    return rip >= (uint64_t)start && rip < (uint64_t)end;
}

/* The thread stands in the restoring pops at the end of a leaf: does what is left of them. */
static void finish_pops(ucontext_t *uc)
{
    static const int order[] = {REG_R11, REG_R10, REG_R9,  REG_R8,  REG_RDI, REG_RSI,
                                REG_RBX, REG_RDX, REG_RCX, REG_RAX, REG_EFL, REG_RIP};
    static const uint8_t lengths[] = {2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1};
    uint64_t rip = get(uc, REG_RIP), at = (uint64_t)soft_leaf_pops;
    uint64_t rsp = get(uc, REG_RSP);
    for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
        if (at >= rip) {
            set(uc, order[i], *(const uint64_t *)rsp);
            rsp += 8;
        }
        at += lengths[i];
    }
    set(uc, REG_RSP, rsp);
}

/* The return address that a translated site pushed. */
static uint64_t pop_return(ucontext_t *uc)
{
    uint64_t rsp = get(uc, REG_RSP);
    set(uc, REG_RSP, rsp + 8);
    return *(const uint64_t *)rsp; /* gate.S has just popped below it */
}

/* The known ud2 instructions of gate.S. True if this was one. */
static bool gate_trap(struct soft_thread *t, ucontext_t *uc, struct bases *b)
{
    uint64_t rip = get(uc, REG_RIP);
    if (rip == (uint64_t)soft_leaf_fallback) {
        set(uc, REG_RIP, pop_return(uc) - 5);
        /* Found the slow way; with the GS base it has now the next leaf is fast again. */
        soft_announce(t, b->gs);
        emulate(t, uc, b, 5);
        send_deferred(t, uc);
        return true;
    }
    if (rip == (uint64_t)soft_leaf_deferred) {
        bool faulted = (t->pending & LEAF_FAULT) != 0;
        uint64_t next = pop_return(uc);
        set(uc, REG_RIP, faulted ? next - 5 : next);
        if (faulted) {
            exception(t, uc, &t->fault, b->fs, b->gs);
            *b = (struct bases){t->host_fsbase, t->host_gsbase};
        }
        send_deferred(t, uc);
        return true;
    }
    if (rip == (uint64_t)soft_gate_waits) {
        soft_transition_undo(t);
        scrub_general(t, uc);
        set(uc, REG_RIP, (uint64_t)soft_retry);
        send_deferred(t, uc);
        return true;
    }
    if (rip == (uint64_t)soft_gate_refused) {
        __atomic_store_n(&t->in_leaf, 0, __ATOMIC_RELEASE);
        scrub_general(t, uc);
        set(uc, REG_RBX, (uint64_t)t);
        set(uc, REG_RIP, (uint64_t)soft_gate_failed);
        send_deferred(t, uc);
        return true;
    }
    if (rip == (uint64_t)soft_leaf_exit_deferred) {
        set(uc, REG_RIP, (uint64_t)soft_leaf_exit_pops);
        send_deferred(t, uc);
        return true;
    }
    return false;
}

static bool in_leaf(const struct soft_thread *t, uint64_t rip)
{
    if (t->in_leaf || between(rip, soft_leaf_entry, soft_leaf_end)) {
        return true;
    }
    const struct machine *m = t->machine;
    return m != NULL && m->leaf_page != 0 && rip >= m->leaf_page && rip < m->leaf_page + PAGE_SIZE;
}

static void asynchronous_signal(struct soft_thread *t, int sig, siginfo_t *info, ucontext_t *uc,
                                struct bases *b)
{
    uint64_t rip = get(uc, REG_RIP);
    const char *resume = soft_aep;
    soft_signal_handler handler = host_handler_of(sig);
    bool window = between(rip, soft_gate_window, soft_gate_window_end);
    if (!t->in_leaf && between(rip, soft_leaf_exit_check, soft_leaf_pops_end)) {
        if (rip < (uint64_t)soft_leaf_pops) {
            set(uc, REG_RIP, (uint64_t)soft_leaf_pops);
        }
        finish_pops(uc);
    } else if (!window && in_leaf(t, rip) && (t->inside || t->in_leaf)) {
        defer(t, uc, sig, info);
        return;
    }
    if (handler == NULL) {
        die_by(sig, info);
        return;
    }
    if (window) {
        soft_transition_undo(t);
        scrub(t, uc); /* some of the enclave's registers may be loaded already */
        resume = soft_retry;
    } else if (t->inside) {
        aex(t, uc, NULL, b->fs, b->gs);
    } else {
        handler(sig, info, uc);
        return;
    }
    *b = (struct bases){t->host_fsbase, t->host_gsbase};
    run_on_host_stack(t, uc, sig, info, handler, resume);
}

/* The kernel leaves AC as the enclave had it; this file has no red zone. */
static inline void clear_ac(void)
{
    __asm__ volatile("pushfq\n\tandl $~0x40000, (%%rsp)\n\tpopfq" ::: "cc", "memory");
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
    clear_ac();
    ucontext_t *uc = context;
    struct soft_thread *t = soft_thread_at((uint64_t)__builtin_frame_address(0));
    if (t == NULL) {
        host_signal(sig, info, uc); /* a thread that never entered: nothing to put back */
        return;
    }
    struct bases b = {read_fsbase(), read_gsbase()};
    write_fsbase(t->host_fsbase);
    write_gsbase(t->host_gsbase);
    uint64_t rip = get(uc, REG_RIP);
    bool own = false;
    for (size_t i = 0; i < ARRAY_SIZE(own_signals); i++) {
        own |= sig == own_signals[i];
    }
    if (!own || info->si_code <= 0) {
        asynchronous_signal(t, sig, info, uc, &b);
    } else if ((sig == SIGSEGV || sig == SIGBUS) && between(rip, soft_copy_start, soft_copy_end)) {
        t->probe_addr = get(uc, REG_CR2);
        set(uc, REG_RIP, (uint64_t)soft_copy_failed);
    } else if (sig == SIGILL && gate_trap(t, uc, &b)) {
        /* done */
    } else if (t->inside && !in_leaf(t, rip) &&
               !between(rip, soft_gate_window, soft_gate_window_end)) {
        enclave_fault(t, sig, uc, &b);
    } else {
        host_signal(sig, info, uc);
    }
    write_fsbase(b.fs);
    write_gsbase(b.gs);
}

static int install(int sig, int flags)
{
    struct sigaction action = {.sa_sigaction = on_signal,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | flags};
    /* A guarded copy in a handler may fault: those signals must not be blocked. */
    action.sa_mask = asynchronous;
    struct sigaction old;
    if (sigaction(sig, &action, &old) != 0) {
        return -errno;
    }
    if (!((old.sa_flags & SA_SIGINFO) != 0 && old.sa_sigaction == on_signal)) {
        old_actions[sig] = old;
    }
    return 0;
}

int soft_signals_init(struct diag *d)
{
    sigfillset(&asynchronous);
    for (size_t i = 0; i < ARRAY_SIZE(own_signals); i++) {
        sigdelset(&asynchronous, own_signals[i]);
    }
    uint64_t xfrm = machine_host_xfrm(); /* of others no enclave has any; under a hypervisor, each
                                            CPUID costs microseconds */
    for (unsigned i = 2; i < 63; i++) {
        uint32_t c, x;
        if ((xfrm >> i & 1) != 0) {
            __cpuid_count(0xd, i, xstate_size[i], xstate_offset[i], c, x);
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(own_signals); i++) {
        int r = install(own_signals[i], 0);
        if (r < 0) {
            return diag_fail(d, r, "cannot install the handler of signal %d", own_signals[i]);
        }
    }
    return 0;
}

int soft_signal(int sig, soft_signal_handler handler, int flags)
{
    if (sig <= 0 || sig > 64 || handler == NULL || (flags & ~SA_RESTART) != 0) {
        return -EINVAL;
    }
    for (size_t i = 0; i < ARRAY_SIZE(own_signals); i++) {
        if (sig == own_signals[i]) {
            return -EINVAL;
        }
    }
    if (sigismember(&asynchronous, sig) != 1) {
        return -EINVAL; /* open() a machine first */
    }
    host_handlers[sig] = handler;
    return install(sig, flags);
}

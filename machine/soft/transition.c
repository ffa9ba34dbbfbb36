/* SPDX-License-Identifier: Apache-2.0 */
/* EENTER and ERESUME as the processor checks them (SDM volume 3D). SSA frames are enclave memory
 * whose contents may be anything, so they are copied once and checked.
 *
 * Leaf code (internal.h), though the enclave does not run yet: an SSA frame holds the enclave's
 * registers, and what passes through here must reach neither the host's stack nor a handler of the
 * host. gate.S calls this on the thread's leaf stack and lets signals wait until it is done. */
#include "soft/internal.h"

/* CF PF AF ZF SF DF OF RF AC ID: what iretq may load; IF and the bit that is always 1. */
#define RFLAGS_FROM_SSA UINT64_C(0x250dd5)
#define RFLAGS_FIXED    UINT64_C(0x202)

static int refuse_gp(struct soft_thread *t)
{
    soft_fault_gp(t);
    return -1;
}

static uint64_t ssa_frame(const struct machine *m, const struct soft_tcs *tcs, uint32_t index)
{
    return m->base + tcs->field.ossa + (uint64_t)index * m->ssa_frame_size * PAGE_SIZE;
}

/* All pages of an SSA frame must be there, readable and writable. */
static bool ssa_ok(struct soft_thread *t, uint64_t frame)
{
    struct machine *m = t->machine;
    uint64_t size = (uint64_t)m->ssa_frame_size * PAGE_SIZE;
    if (!in_elrange(m, frame, size)) {
        soft_fault_gp(t);
        return false;
    }
    for (uint64_t at = frame; at < frame + size; at += PAGE_SIZE) {
        if (!soft_page_ok(t, at, EPCM_R | EPCM_W, true)) {
            return false;
        }
    }
    return true;
}

static struct sgx_gprsgx *gpr_of(const struct machine *m, uint64_t frame)
{
    uint64_t end = frame + (uint64_t)m->ssa_frame_size * PAGE_SIZE;
    return (struct sgx_gprsgx *)(end - sizeof(struct sgx_gprsgx));
}

/* Finds and takes the TCS; t->tcs is set on success. */
static int take_tcs(struct soft_thread *t)
{
    struct machine *m = t->machine;
    uint64_t addr = t->run->tcs;
    if (addr % PAGE_SIZE != 0 || !in_elrange(m, addr, PAGE_SIZE)) {
        return refuse_gp(t);
    }
    uint64_t page = (addr - m->base) / PAGE_SIZE;
    epcm_t e = epcm_load(m, page);
    if ((e & EPCM_TYPE_BITS) == EPCM_NONE) {
        soft_fault_pf(t, addr, false, epcm_eaug(m, page));
        return -1;
    }
    if ((e & (EPCM_TYPE_BITS | EPCM_PENDING | EPCM_MODIFIED)) != EPCM_TCS) {
        soft_fault_pf(t, addr, false, true);
        return -1;
    }
    struct soft_tcs *tcs = tcs_find(m, page);
    uint32_t idle = 0;
    if (tcs == NULL || !__atomic_compare_exchange_n(&tcs->busy, &idle, 1, false, __ATOMIC_ACQUIRE,
                                                    __ATOMIC_RELAXED)) {
        return refuse_gp(t); /* another thread is in it */
    }
    t->tcs = tcs;
    t->tcs_addr = addr;
    return 0;
}

static void load_segments(struct soft_thread *t)
{
    const struct machine *m = t->machine;
    t->frame.fsbase = m->base + t->tcs->field.ofsbasgx;
    t->frame.gsbase = m->base + t->tcs->field.ogsbasgx;
}

static int prepare_eenter(struct soft_thread *t)
{
    struct machine *m = t->machine;
    struct soft_tcs *tcs = t->tcs;
    if (tcs->cssa >= tcs->field.nssa || !in_elrange(m, m->base + tcs->field.oentry, 1)) {
        return refuse_gp(t);
    }
    uint64_t frame = ssa_frame(m, tcs, tcs->cssa);
    if (!ssa_ok(t, frame)) {
        return -1;
    }
    struct sgx_gprsgx *gpr = gpr_of(m, frame);
    uint64_t user[2] = {t->host_rsp, t->host_rbp};
    if (soft_copy(&gpr->ursp, user, sizeof user) != 0) {
        soft_fault_pf(t, t->probe_addr, true, false);
        return -1;
    }
    load_segments(t);
    t->frame.rax = tcs->cssa;
    t->frame.rbx = t->tcs_addr;
    t->frame.rcx = (uint64_t)soft_gate_return; /* the address behind EENTER */
    t->frame.rip = m->base + tcs->field.oentry;
    return 0;
}

static bool xsave_header_ok(const uint8_t *area, uint64_t xfrm)
{
    uint64_t xstate_bv = load_le64(area + 512);
    uint8_t any = 0;
    for (size_t i = 8; i < 64; i++) {
        any |= area[512 + i]; /* XCOMP_BV and reserved */
    }
    uint32_t mxcsr = load_le32(area + 24);
    return any == 0 && (xstate_bv & ~xfrm) == 0 && (mxcsr & ~UINT32_C(0xffff)) == 0;
}

static bool canonical(uint64_t addr)
{
    return addr < UINT64_C(1) << 47 || addr >= UINT64_MAX << 47;
}

static int prepare_eresume(struct soft_thread *t)
{
    struct machine *m = t->machine;
    struct soft_tcs *tcs = t->tcs;
    if (tcs->cssa == 0 || tcs->cssa > tcs->field.nssa) {
        return refuse_gp(t);
    }
    uint64_t frame = ssa_frame(m, tcs, tcs->cssa - 1);
    if (!ssa_ok(t, frame)) {
        return -1;
    }
    struct sgx_gprsgx g;
    struct sgx_gprsgx *gpr = gpr_of(m, frame);
    uint64_t user[2] = {t->host_rsp, t->host_rbp};
    if (soft_copy(&g, gpr, sizeof g) != 0 ||
        soft_copy(t->xsave, (const void *)frame, m->xsave_size) != 0 ||
        soft_copy(&gpr->ursp, user, sizeof user) != 0) {
        soft_fault_pf(t, t->probe_addr, true, false);
        return -1;
    }
    if (!xsave_header_ok(t->xsave, t->xfrm) || !in_elrange(m, g.rip, 1) || !canonical(g.fsbase) ||
        !canonical(g.gsbase)) {
        return refuse_gp(t);
    }
    uint16_t cs, ss;
    __asm__("mov %%cs, %0\n\tmov %%ss, %1" : "=r"(cs), "=r"(ss));
    t->frame = (struct soft_frame){
        .r15 = g.r15,
        .r14 = g.r14,
        .r13 = g.r13,
        .r12 = g.r12,
        .r11 = g.r11,
        .r10 = g.r10,
        .r9 = g.r9,
        .r8 = g.r8,
        .rdi = g.rdi,
        .rsi = g.rsi,
        .rbp = g.rbp,
        .rbx = g.rbx,
        .rdx = g.rdx,
        .rcx = g.rcx,
        .rax = g.rax,
        .rip = g.rip,
        .cs = cs,
        .rflags = (g.rflags & RFLAGS_FROM_SSA) | RFLAGS_FIXED,
        .rsp = g.rsp,
        .ss = ss,
        .fsbase = g.fsbase,
        .gsbase = g.gsbase,
    };
    tcs->cssa--;
    return 1;
}

int soft_transition_prepare(struct soft_thread *t, uint64_t leaf)
{
    int r = take_tcs(t);
    if (r == 0) {
        t->xfrm = t->machine->attributes.xfrm;
        r = leaf == ENCLU_EENTER ? prepare_eenter(t) : prepare_eresume(t);
        if (r < 0) {
            __atomic_store_n(&t->tcs->busy, 0, __ATOMIC_RELEASE);
        }
    }
    if (r < 0) {
        struct machine_run *run = t->run;
        run->function = (uint32_t)leaf;
        run->exception_vector = (uint16_t)t->fault.vector;
        run->exception_error_code = (uint16_t)t->fault.error;
        run->exception_addr = t->fault.addr & ~(uint64_t)(PAGE_SIZE - 1);
        return r;
    }
    soft_announce(t, t->frame.gsbase);
    return r;
}

void soft_transition_undo(struct soft_thread *t)
{
    if (t->leaf == ENCLU_ERESUME) {
        t->tcs->cssa++;
    }
    __atomic_store_n(&t->inside, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&t->in_leaf, 0, __ATOMIC_RELEASE);
    soft_withdraw(t);
    __atomic_store_n(&t->tcs->busy, 0, __ATOMIC_RELEASE);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The ENCLU leaves that enclave code executes: EREPORT, EGETKEY, EEXIT, EACCEPT, EMODPE,
 * EACCEPTCOPY, EDECCSSA, with the checks and faults of SDM volume 3D ("Intel SGX instruction
 * references"). The same code serves both ways in: the trap (signal.c) and translation (gate.S).
 *
 * Leaf code (internal.h): general registers only, no TLS, raw system calls. Operands come from the
 * enclave and may be anything; what the processor would refuse becomes #GP or #PF here. */
#include "soft/internal.h"

#include <sys/syscall.h>

#define FLAG_CF          0x001u
#define FLAG_PF          0x004u
#define FLAG_AF          0x010u
#define FLAG_ZF          0x040u
#define FLAG_SF          0x080u
#define FLAG_OF          0x800u
#define FLAGS_ARITHMETIC (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

/* Page-fault error code bits. */
#define PF_P   0x0001u
#define PF_W   0x0002u
#define PF_U   0x0004u
#define PF_SGX 0x8000u

void soft_fault_gp(struct soft_thread *t)
{
    t->fault = (struct soft_fault){.vector = 13};
}

void soft_fault_pf(struct soft_thread *t, uint64_t addr, bool write, bool by_epcm)
{
    uint32_t error = PF_U | (write ? PF_W : 0) | (by_epcm ? PF_P | PF_SGX : 0);
    t->fault = (struct soft_fault){.vector = 14, .error = error, .addr = addr};
}

static int leaf_gp(struct soft_thread *t)
{
    soft_fault_gp(t);
    return LEAF_FAULT;
}

/* Flags and RAX of a leaf with an error code: all arithmetic flags cleared, ZF set for an error. */
static int leaf_result(struct leaf_regs *r, unsigned error)
{
    r->rax = error;
    r->rflags &= ~(uint64_t)FLAGS_ARITHMETIC;
    if (error != 0) {
        r->rflags |= FLAG_ZF;
    }
    return LEAF_DONE;
}

bool soft_page_ok(struct soft_thread *t, uint64_t addr, uint32_t need, bool write)
{
    struct machine *m = t->machine;
    uint64_t page = (addr - m->base) / PAGE_SIZE;
    epcm_t e = epcm_load(m, page);
    if ((e & EPCM_TYPE_BITS) == EPCM_NONE) {
        soft_fault_pf(t, addr, write, epcm_eaug(m, page));
        return false;
    }
    if ((e & (EPCM_TYPE_BITS | EPCM_PENDING | EPCM_MODIFIED)) != EPCM_REG || (e & need) != need) {
        soft_fault_pf(t, addr, write, true);
        return false;
    }
    if (((e & EPCM_HOST_RWX) >> EPCM_HOST_SHIFT & need) != need) {
        soft_lock(&m->lock);
        bool mapped = (area_prot(m, page) & need) == need;
        if (mapped) {
            (void)epcm_sync(m, page, page + 1);
        }
        soft_unlock(&m->lock);
        if (!mapped) {
            soft_fault_pf(t, addr, write, false);
            return false;
        }
    }
    return true;
}

/* An operand inside ELRANGE, aligned so that it lies in one page, accessible; then copied. */
static bool operand_ok(struct soft_thread *t, uint64_t addr, uint64_t size, uint64_t align,
                       uint32_t need, bool write)
{
    if (addr % align != 0 || !in_elrange(t->machine, addr, size)) {
        soft_fault_gp(t);
        return false;
    }
    return soft_page_ok(t, addr, need, write);
}

static bool operand_read(struct soft_thread *t, void *to, uint64_t addr, uint64_t size,
                         uint64_t align)
{
    if (!operand_ok(t, addr, size, align, EPCM_R, false)) {
        return false;
    }
    if (soft_copy(to, (const void *)addr, size) != 0) {
        soft_fault_pf(t, t->probe_addr, false, false);
        return false;
    }
    return true;
}

static bool operand_write(struct soft_thread *t, uint64_t addr, const void *from, uint64_t size,
                          uint64_t align)
{
    if (!operand_ok(t, addr, size, align, EPCM_R | EPCM_W, true)) {
        return false;
    }
    if (soft_copy((void *)addr, from, size) != 0) {
        soft_fault_pf(t, t->probe_addr, true, false);
        return false;
    }
    return true;
}

/* ---- EREPORT, EGETKEY ------------------------------------------------------------------------ */

static int leaf_ereport(struct soft_thread *t, struct leaf_regs *r)
{
    struct sgx_targetinfo target;
    uint8_t reportdata[64];
    /* The SDM asks for alignment 512, 128 and 512. */
    if (!operand_read(t, &target, r->rbx, sizeof target, 512) ||
        !operand_read(t, reportdata, r->rcx, sizeof reportdata, 128) ||
        !operand_ok(t, r->rdx, sizeof t->report, 512, EPCM_R | EPCM_W, true)) {
        return LEAF_FAULT;
    }
    client_report(t->machine->client, t->machine->handle, &target, reportdata, &t->report);
    if (!operand_write(t, r->rdx, &t->report, sizeof t->report, 512)) {
        return LEAF_FAULT;
    }
    return LEAF_DONE; /* EREPORT leaves RAX and flags alone */
}

static bool keyrequest_ok(const struct machine *m, const struct sgx_keyrequest *k)
{
    const uint16_t kss = SGX_KEYPOLICY_NOISVPRODID | SGX_KEYPOLICY_CONFIGID |
                         SGX_KEYPOLICY_ISVFAMILYID | SGX_KEYPOLICY_ISVEXTPRODID;
    const uint16_t known = kss | SGX_KEYPOLICY_MRENCLAVE | SGX_KEYPOLICY_MRSIGNER;
    uint8_t any = k->reserved1;
    for (size_t i = 0; i < sizeof k->reserved2; i++) {
        any |= k->reserved2[i];
    }
    if (any != 0 || (k->keypolicy & ~known) != 0) {
        return false;
    }
    if ((m->attributes.flags & SGX_FLAGS_KSS) == 0 &&
        ((k->keypolicy & kss) != 0 || k->configsvn != 0)) {
        return false;
    }
    return true;
}

static int leaf_egetkey(struct soft_thread *t, struct leaf_regs *r)
{
    struct sgx_keyrequest request;
    uint8_t key[16] = {0};
    if (!operand_read(t, &request, r->rbx, sizeof request, 512) ||
        !operand_ok(t, r->rcx, sizeof key, 16, EPCM_R | EPCM_W, true)) {
        return LEAF_FAULT;
    }
    if (!keyrequest_ok(t->machine, &request)) {
        return leaf_gp(t);
    }
    unsigned error = client_getkey(t->machine->client, t->machine->handle, &request, key);
    if (error == 0 && !operand_write(t, r->rcx, key, sizeof key, 16)) {
        return LEAF_FAULT;
    }
    return leaf_result(r, error);
}

/* ---- dynamic memory -------------------------------------------------------------------------- */

static bool read_secinfo(struct soft_thread *t, uint64_t addr, uint64_t *ret_flags)
{
    union {
        struct sgx_secinfo info;
        uint64_t words[8];
    } s;
    if (!operand_read(t, &s, addr, sizeof s, 64)) {
        return false;
    }
    uint64_t reserved = s.words[0] & ~UINT64_C(0xff3f);
    for (size_t i = 1; i < 8; i++) {
        reserved |= s.words[i];
    }
    if (reserved != 0) {
        soft_fault_gp(t);
        return false;
    }
    *ret_flags = s.words[0];
    return true;
}

static bool page_operand_ok(struct soft_thread *t, uint64_t addr)
{
    if (addr % PAGE_SIZE != 0 || !in_elrange(t->machine, addr, PAGE_SIZE)) {
        soft_fault_gp(t);
        return false;
    }
    return true;
}

static uint32_t epcm_type(uint64_t secinfo_flags)
{
    switch (secinfo_flags >> 8) {
    case SGX_PT_TCS:
        return EPCM_TCS;
    case SGX_PT_REG:
        return EPCM_REG;
    case SGX_PT_TRIM:
        return EPCM_TRIM;
    default:
        return EPCM_NONE;
    }
}

/* SDM EACCEPT, "Check that the combination of requested PT, PENDING and MODIFIED is legal". */
static bool eaccept_combination_ok(uint64_t flags)
{
    uint32_t type = epcm_type(flags);
    bool pending = (flags & EPCM_PENDING) != 0, modified = (flags & EPCM_MODIFIED) != 0;
    if (type == EPCM_REG) {
        return !modified;
    }
    return (type == EPCM_TCS || type == EPCM_TRIM) && modified && !pending;
}

/* After a change that did not match what the process may do: real protection follows. */
static void sync_page(struct machine *m, uint64_t page)
{
    soft_lock(&m->lock);
    (void)epcm_sync(m, page, page + 1);
    soft_unlock(&m->lock);
}

static int leaf_eaccept(struct soft_thread *t, struct leaf_regs *r)
{
    struct machine *m = t->machine;
    uint64_t flags;
    if (!read_secinfo(t, r->rbx, &flags) || !page_operand_ok(t, r->rcx)) {
        return LEAF_FAULT;
    }
    if (!eaccept_combination_ok(flags)) {
        return leaf_gp(t);
    }
    uint64_t page = (r->rcx - m->base) / PAGE_SIZE;
    const uint64_t fresh = EPCM_PENDING | EPCM_R | EPCM_W | SGX_SECINFO_TYPE(SGX_PT_REG);
    if (flags == fresh && epcm_eaug_accept(m, page, EPCM_R | EPCM_W)) {
        return leaf_result(r, SGX_SUCCESS);
    }
    for (;;) {
        epcm_t e = epcm_load(m, page);
        if ((e & EPCM_TYPE_BITS) == EPCM_NONE) {
            if (!epcm_eaug(m, page)) {
                soft_fault_pf(t, r->rcx, false, false);
                return LEAF_FAULT;
            }
            continue;
        }
        if ((e & EPCM_STATE) != ((flags & 0x3f) | epcm_type(flags))) {
            return leaf_result(r, SGX_PAGE_ATTRIBUTES_MISMATCH);
        }
        if ((e & EPCM_TYPE_BITS) == EPCM_TCS) {
            struct soft_tcs *tcs = tcs_find(m, page);
            if (tcs == NULL || tcs->field.flags == UINT64_MAX) {
                return leaf_gp(t);
            }
        }
        epcm_t accepted = (epcm_t)(e & ~(EPCM_PENDING | EPCM_MODIFIED | EPCM_PR));
        if (!epcm_cas(m, page, e, accepted)) {
            continue;
        }
        if ((e & EPCM_PENDING) != 0) {
            sync_page(m, page);
        }
        return leaf_result(r, SGX_SUCCESS);
    }
}

static int leaf_emodpe(struct soft_thread *t, struct leaf_regs *r)
{
    struct machine *m = t->machine;
    uint64_t flags;
    if (!read_secinfo(t, r->rbx, &flags) || !page_operand_ok(t, r->rcx)) {
        return LEAF_FAULT;
    }
    if ((flags & EPCM_W) != 0 && (flags & EPCM_R) == 0) {
        return leaf_gp(t);
    }
    uint64_t page = (r->rcx - m->base) / PAGE_SIZE;
    for (;;) {
        epcm_t e = epcm_load(m, page);
        if ((e & EPCM_TYPE_BITS) == EPCM_NONE) {
            soft_fault_pf(t, r->rcx, false, epcm_eaug(m, page));
            return LEAF_FAULT;
        }
        if ((e & (EPCM_TYPE_BITS | EPCM_PENDING | EPCM_MODIFIED)) != EPCM_REG) {
            soft_fault_pf(t, r->rcx, false, true);
            return LEAF_FAULT;
        }
        epcm_t extended = (epcm_t)(e | (flags & EPCM_RWX));
        if ((extended & EPCM_W) != 0 && (extended & EPCM_R) == 0) {
            return leaf_gp(t);
        }
        if (epcm_cas(m, page, e, extended)) {
            break;
        }
    }
    /* Real protection does not follow yet: the host's next change of page tables carries a whole
     * run of such pages in one mprotect, and an access that comes first faults, finds itself
     * allowed and opens its page. */
    return LEAF_DONE;
}

static int leaf_eacceptcopy(struct soft_thread *t, struct leaf_regs *r)
{
    struct machine *m = t->machine;
    uint64_t flags;
    if (!read_secinfo(t, r->rbx, &flags) || !page_operand_ok(t, r->rcx) ||
        !page_operand_ok(t, r->rdx)) {
        return LEAF_FAULT;
    }
    if (epcm_type(flags) != EPCM_REG || (flags & (EPCM_PENDING | EPCM_MODIFIED)) != 0 ||
        ((flags & EPCM_W) != 0 && (flags & EPCM_R) == 0)) {
        return leaf_gp(t);
    }
    if (!soft_page_ok(t, r->rdx, EPCM_R, false)) {
        return LEAF_FAULT;
    }
    uint64_t page = (r->rcx - m->base) / PAGE_SIZE;
    if (!epcm_eaug(m, page)) {
        soft_fault_pf(t, r->rcx, true, false);
        return LEAF_FAULT;
    }
    const uint32_t fresh = EPCM_REG | EPCM_PENDING | EPCM_R | EPCM_W;
    epcm_t e = epcm_load(m, page);
    if ((e & EPCM_STATE) != fresh) {
        return leaf_result(r, SGX_PAGE_ATTRIBUTES_MISMATCH);
    }
    /* Open it for the copy, then give it the rights asked for. */
    if (!epcm_cas(m, page, e, (epcm_t)(e & ~EPCM_PENDING))) {
        return leaf_result(r, SGX_PAGE_ATTRIBUTES_MISMATCH);
    }
    if (!soft_page_ok(t, r->rcx, EPCM_R | EPCM_W, true) ||
        soft_copy((void *)r->rcx, (const void *)r->rdx, PAGE_SIZE) != 0) {
        epcm_store(m, page, e);
        sync_page(m, page);
        soft_fault_pf(t, r->rcx, true, false);
        return LEAF_FAULT;
    }
    e = epcm_load(m, page);
    epcm_store(m, page, (epcm_t)((e & ~EPCM_RWX) | (flags & EPCM_RWX)));
    sync_page(m, page);
    return leaf_result(r, SGX_SUCCESS);
}

/* ---- leaving --------------------------------------------------------------------------------- */

void soft_leave(struct soft_thread *t)
{
    __atomic_store_n(&t->tcs->busy, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&t->inside, 0, __ATOMIC_RELEASE);
    soft_withdraw(t);
    write_fsbase(t->host_fsbase);
    write_gsbase(t->host_gsbase);
}

static int leaf_edeccssa(struct soft_thread *t)
{
    struct machine *m = t->machine;
    struct soft_tcs *tcs = t->tcs;
    if (tcs->cssa == 0) {
        return leaf_gp(t);
    }
    /* The frame that becomes current again must be usable, as EENTER would check it. */
    uint64_t frame_size = (uint64_t)m->ssa_frame_size * PAGE_SIZE;
    uint64_t frame = m->base + tcs->field.ossa + (tcs->cssa - 1) * frame_size;
    for (uint64_t at = frame; at < frame + frame_size; at += PAGE_SIZE) {
        if (!soft_page_ok(t, at, EPCM_R | EPCM_W, true)) {
            return LEAF_FAULT;
        }
    }
    tcs->cssa--;
    return LEAF_DONE;
}

static struct soft_thread nobody; /* outside for ever */

void soft_announce(struct soft_thread *t, uint64_t gsbase)
{
    uint32_t hash = (uint32_t)(gsbase >> 12) * (uint32_t)SOFT_GS_MULTIPLIER;
    struct soft_thread **slot = &soft_gs_table[hash >> (32 - SOFT_GS_BITS)];
    __atomic_store_n(&t->gs_active, gsbase, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(slot, __ATOMIC_SEQ_CST) == t) {
        return;
    }
    struct soft_thread *other = __atomic_exchange_n(slot, t, __ATOMIC_SEQ_CST);
    if (other == &nobody || (other != NULL && other != t &&
                             __atomic_load_n(&other->gs_active, __ATOMIC_SEQ_CST) == gsbase)) {
        __atomic_store_n(slot, &nobody, __ATOMIC_SEQ_CST);
    }
}

int soft_leaf(struct soft_thread *t, struct leaf_regs *r)
{
    /* EAX selects the leaf. */
    switch ((uint32_t)r->rax) {
    case ENCLU_EREPORT:
        return leaf_ereport(t, r);
    case ENCLU_EGETKEY:
        return leaf_egetkey(t, r);
    case ENCLU_EEXIT:
        if (in_elrange(t->machine, r->rbx, 1)) {
            return leaf_gp(t); /* the target must be outside */
        }
        r->rcx = (uint64_t)soft_aep;
        soft_leave(t);
        return LEAF_EXIT;
    case ENCLU_EACCEPT:
        return leaf_eaccept(t, r);
    case ENCLU_EMODPE:
        return leaf_emodpe(t, r);
    case ENCLU_EACCEPTCOPY:
        return leaf_eacceptcopy(t, r);
    case ENCLU_EDECCSSA:
        return leaf_edeccssa(t);
    default: /* EENTER and ERESUME inside an enclave, unknown leaves */
        return leaf_gp(t);
    }
}

int soft_leaf_translated(struct soft_thread *t, struct leaf_frame *frame)
{
    struct leaf_regs r = {
        .rax = frame->rax,
        .rbx = frame->rbx,
        .rcx = frame->rcx,
        .rdx = frame->rdx,
        .rflags = frame->rflags,
        .rip = frame->rip - 5,
        .rip_next = frame->rip,
    };
    int result = soft_leaf(t, &r);
    if (result == LEAF_FAULT) {
        __atomic_store_n(&t->pending, t->pending | 2u, __ATOMIC_RELAXED);
        return result;
    }
    frame->rax = r.rax;
    frame->rcx = r.rcx;
    frame->rflags = r.rflags;
    return result;
}
